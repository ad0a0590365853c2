"""Record both rehearsals for the README: `python -m deployments.bench.recording [--readme README.md]`.

What a reader would see is run for real, and shortened: lines that are left out leave a … behind.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from deployments.bench.page import write_between_marks

TELLING = re.compile(
    r"^starting the twin"
    r"|back up the database: done|on the restored backup: done|new schema: a user's journey: done"
    r"|traffic read back|judge: (?:promote|roll_back)|asked people|approve by|bringing traffic home"
    r"|^[✓↩] [A-Z]|^  users meanwhile|^  load balancer|^ +weights"
)
RUNS = {"recording-shipped": (), "recording-home": ("--fault", "errors-30")}
"""By the name of the marks on the page: what `greenflow rehearse` is called with."""


def shortened(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines that tell the story, and a … for each run of those that do not."""
    skipped = False
    for line in lines:
        if TELLING.search(line):
            yield from ("…",) if skipped else ()
            yield line
        skipped = not TELLING.search(line)
    if skipped:
        yield "…"


def main(given: Sequence[str] | None = None) -> int:
    """Run both, print them, and write them into a page."""
    parser = argparse.ArgumentParser(description="record both rehearsals for a page")
    parser.add_argument("--readme", type=Path, help="write what was recorded between the marks of this page")
    page = parser.parse_args(given).readme
    for mark, arguments in RUNS.items():
        argv = [sys.executable, "-m", "deployments.cli", "rehearse", *arguments]
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        text = "\n".join(("```text", *shortened(said.splitlines()), "```"))
        print(text)  # noqa: T201 - a command prints
        if page:
            write_between_marks(page, mark, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
