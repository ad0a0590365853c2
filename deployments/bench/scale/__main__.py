"""Measure many releases at once and many behind us: ``make bench-scale``; ends with 1 when a goal is missed."""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deployments.bench.page import markdown, write_between_marks
from deployments.bench.scale.finished import NAME, S3_ANSWERS_S, Waited, fill, timed
from deployments.bench.scale.ground import prepared
from deployments.bench.scale.waiting import Answered, Cost, spread, waited
from deployments.twin.aws import FaultRule

MARK = "bench-scale"
COMMAND_GOAL_S = 1.0
RESUME_GOAL_S = 5.0

Row = tuple[str, str, str, str]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, write it into a page where one is named."""
    options = _options(arguments)
    rows = [*_finished(options.finished), *_waiting(options.waiting)]
    how = f"`make bench-scale`: {options.waiting} releases wait for people at once, {options.finished:,} are over."
    text = f"{how}\n\n{markdown(('figure', 'found', 'goal', ''), rows)}"
    sys.stdout.write(f"{text}\n")
    if options.readme:
        write_between_marks(options.readme, MARK, text)
    return 1 if any(row[-1] == "MISSED" for row in rows) else 0


def _finished(count: int) -> list[Row]:
    if not count:
        return []
    with prepared([NAME]) as ground:
        began_s = time.monotonic()
        events = fill(count)
        _tell(f"wrote {count:,} releases of {events // count} events in {time.monotonic() - began_s:.0f} s")
        ground.aws.faults.add(FaultRule("delay", service="s3", count=None, delay_s=S3_ANSWERS_S))
        return [_command(found, count) for found in timed(ground)]


def _waiting(count: int) -> list[Row]:
    if not count:
        return []
    names = [f"scale-{number:03}" for number in range(1, count + 1)]
    with prepared(names) as ground:
        return _waits(count, *waited(ground, names, _tell))


def _command(found: Waited, count: int) -> Row:
    what = f"`greenflow {found.command}` with {count:,} releases in the ledger, median"
    return (what, f"{found.took_s:.2f} s", f"< {COMMAND_GOAL_S:.0f} s", _holds(found.took_s < COMMAND_GOAL_S))


def _waits(count: int, cost: Cost, answered: Answered) -> list[Row]:
    slowest = statistics.median(answered.one_by_one_s)
    return [
        (f"Prefect server while {count} wait", f"{cost.server_mib:.0f} MiB, {cost.server_cores:.2f} cores", "", ""),
        ("its PostgreSQL", f"{cost.postgres_mib:.0f} MiB, {cost.postgres_cores:.2f} cores", "", ""),
        (
            "answer to release that goes on, one by one",
            spread(answered.one_by_one_s),
            f"median < {RESUME_GOAL_S:.0f} s",
            _holds(slowest < RESUME_GOAL_S),
        ),
        (f"the same, {len(answered.at_once_s)} at once", spread(answered.at_once_s), "", ""),
    ]


def _holds(it_does: bool) -> str:  # noqa: FBT001 - the word for a fact
    return "holds" if it_does else "MISSED"


def _tell(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.bench.scale", description=__doc__)
    parser.add_argument("--waiting", type=int, default=200, help="releases that wait for people at once")
    parser.add_argument("--finished", type=int, default=1000, help="releases that are over")
    parser.add_argument("--readme", type=Path, help="a page to write the table into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
