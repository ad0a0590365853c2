"""`greenflow report`: the page of any release, from the ledger alone."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deployments.endpoint import settings_of

if TYPE_CHECKING:
    from flows.core.report import ReleaseReport
    from tasks.settings import Settings

NEWEST = "latest"
Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
Json = Annotated[bool, Parameter(name="--json", help="Print the report as JSON on stdout.")]


def report(
    *,
    environment: Environment,
    release: str = NEWEST,
    out: Path | None = None,
    language: Literal["en", "ko"] | None = None,
    as_json: Json = False,
) -> int:
    """Write a release's page anew and show its first page here; finished or not, it needs nothing but the ledger.

    Args:
        release: The release's id, such as 1.4.0-20261121T030000-beef, or latest.
        out: The file to write the page to; reports/ID.html without it.
        language: What it is written in; the environment's own without it.
    """
    from flows.core.report_page import page  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.sentences import speaking  # noqa: PLC0415

    settings = settings_of(environment)
    found = _found(settings, release)
    file = out or Path("reports") / f"{found.release_id}.html"
    with speaking(language or settings.language):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page(found), encoding="utf-8")
        _show(found, file, as_json=as_json)
    return 0


def _found(settings: "Settings", release: str) -> "ReleaseReport":
    from flows.core.record import fold  # noqa: PLC0415 - keeps `greenflow --help` quick
    from flows.core.report import report_of  # noqa: PLC0415
    from tasks.errors import GateRefused  # noqa: PLC0415
    from tasks.event_store import EventStore, read_events  # noqa: PLC0415
    from tasks.past_releases import newest_release  # noqa: PLC0415

    name = newest_release(settings) if release == NEWEST else release
    events = read_events(EventStore(settings), name)
    if not events:
        msg = f"report refused: found no release {name} in {settings.ledger.bucket}; list them: greenflow audit"
        raise GateRefused(msg)
    return report_of(fold(events))


def _show(found: "ReleaseReport", file: Path, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(f"{found.model_dump_json()}\n")
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `greenflow --help` quick

    from deployments.summary import told  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    for line in told(found, {"report": str(file)}):
        console.print(line, markup=False)
