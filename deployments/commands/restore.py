"""Restore the database beside the live one: ``greenflow restore-database``."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from deployments.endpoint import settings_of
from tasks.errors import SettingsError
from tasks.sentences import named, sentence, speaking, spoken

if TYPE_CHECKING:
    from flows.restore import Restored

Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def restore_database(*, environment: Environment, into: str, reason: str, dump: str = "", at: str = "") -> int:
    """Restore a proven dump, or RDS at a point in time, into something new; another person has to say yes first.

    Args:
        into: The name of the new database, or with --at of the new instance. Nothing is ever restored over another.
        reason: One sentence for the person who is asked, and for the record.
        dump: The key of a dump that a release has proven; its report names it.
        at: A time with its zone, such as 2026-02-07T02:55:00+09:00.
    """
    if bool(dump) == bool(at):
        msg = "restore-database: found both or none of --dump and --at, expected one of them"
        raise SettingsError(msg)
    moment = _moment(at) if at else None
    settings = settings_of(environment)
    from flows import restore  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.identity import operator  # noqa: PLC0415

    with speaking(settings.language):
        err.print(spoken(named("asking for a yes of another person: in Slack, or greenflow approve")), markup=False)
        wish = restore.Wish(into, reason, operator(settings), dump, moment)
        _show(into, restore.restore_database(settings, wish))
    return 0


def _show(into: str, done: "Restored") -> None:
    for check in done.evidence.checks:
        out.print(f"  {spoken(named(check.outcome.value))}  {spoken(check.line)}", markup=False)
    there = sentence(
        "{name} is there; the live database and all traffic are as they were. What you do next:", name=into
    )
    out.print(spoken(there), markup=False)
    for step in done.next_steps:
        out.print(f"  - {spoken(step)}", markup=False)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 - what has no zone is refused below
    if found.tzinfo is None:
        msg = f"--at: found {text!r}, expected a time with its zone, such as 2026-02-07T02:55:00+09:00"
        raise SettingsError(msg)
    return found.astimezone(UTC)
