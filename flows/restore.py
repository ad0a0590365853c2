"""Restore the database beside the live one, after another person has said yes; never part of a rollback."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flows.permission import ask_permission
from tasks.database_restore import find_proof, new_database, restore_dump, restore_instance, source_instance
from tasks.errors import GateRefused, RolledBack
from tasks.ledger import note
from tasks.models import Answer, Evidence
from tasks.operations import open_operation
from tasks.sentences import joined, named, sentence
from tasks.settings import Settings

RESTORE = "restore-database"


@dataclass(frozen=True)
class Wish:
    """Say what shall be restored, as what, why and for whom: a proven dump's key, or a time for RDS."""

    into: str
    reason: str
    requested_by: str
    dump: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Restored:
    """Hold what was restored and what a person does next."""

    evidence: Evidence
    next_steps: tuple[str, ...]


def restore_database(settings: Settings, wish: Wish) -> Restored:
    """Ask another person, then restore into something new; the live database and all traffic stay as they are.

    Raises SettingsError for what cannot be, GateRefused for a dump that is not proven or not the same, RolledBack when
    people said no or nothing, EnvironmentBusy while a release holds the environment.
    """
    return _from_dump(settings, wish) if wish.dump else _to_time(settings, wish)


def _from_dump(settings: Settings, wish: Wish) -> Restored:
    proof = find_proof(settings, wish.dump)
    target = new_database(settings, wish.into)
    rows = sum(table.rows for table in proof.tables.values())
    what = sentence(
        "from {key}, {size_mb:.1f} MB, {tables} tables with {rows} rows",
        key=proof.key,
        size_mb=proof.size_bytes / 1e6,
        tables=len(proof.tables),
        rows=rows,
    )
    with open_operation(settings, RESTORE, requested_by=wish.requested_by, reason=wish.reason):
        _insist_on_a_yes(settings, wish, (what, f"sha256 {proof.sha256}"))
        evidence = _recorded(restore_dump(settings, proof, target))
    return Restored(
        evidence,
        (
            sentence(
                "look at it: the database {name} on the same server holds the rows of {time}",
                name=wish.into,
                time=_time_of(proof.key),
            ),
            named("compare it with what users wrote since then; what only the live database has is not in it"),
            sentence(
                "to use it: name {name} in the secret {secret} and release again, or copy rows back",
                name=wish.into,
                secret=settings.database.url,
            ),
            sentence("to let it go: {command}", command=f"DROP DATABASE {wish.into}"),
        ),
    )


def _to_time(settings: Settings, wish: Wish) -> Restored:
    at = wish.at or datetime.now(UTC)
    source = source_instance(settings, wish.into, at)
    there = at.astimezone(ZoneInfo(settings.rds.time_zone))
    what = sentence(
        "{name} as it was at {at} UTC ({there})",
        name=source.name,
        at=f"{at:%Y-%m-%d %H:%M:%S}",
        there=f"{there:%Y-%m-%d %H:%M:%S %Z}",
    )
    with open_operation(settings, RESTORE, requested_by=wish.requested_by, reason=wish.reason):
        _insist_on_a_yes(settings, wish, (what, named("a new instance costs money from now on")))
        evidence = _recorded(restore_instance(settings, source, wish.into, at))
    return Restored(
        evidence,
        (
            sentence(
                "look at it: {command}",
                command=f"aws rds describe-db-instances --db-instance-identifier {wish.into}",
            ),
            named(
                "it has the live instance's users and passwords; its parameter group is the default one: compare both"
            ),
            sentence(
                "to use it: put its address into the secret {secret} and release again", secret=settings.database.url
            ),
            sentence("to let it go: switch off its deletion protection, then delete {name}", name=wish.into),
        ),
    )


def _insist_on_a_yes(settings: Settings, wish: Wish, about: Sequence[str]) -> None:
    asked = sentence("asked for by {who}", who=wish.requested_by)
    summary = (*about, sentence("{what}: {why}", what=asked, why=wish.reason))
    answer = ask_permission(settings, what=wish.into, requested_by=wish.requested_by, summary=summary)
    if answer.decision == "approve":
        return
    raise RolledBack(sentence("nothing was restored: {why}", why=_why_not(answer)), by_people=True)


def _why_not(answer: Answer) -> str:
    if answer.decision == "expired":
        return named("nobody answered in time")
    how = sentence("rejected by {who}", who=answer.by)
    return sentence("{what}: {why}", what=how, why=answer.reason) if answer.reason else how


def _recorded(evidence: Evidence) -> Evidence:
    """Keep what was found in the chain; raises GateRefused when what was restored is not what was dumped."""
    note("restore.compared", {"evidence": evidence.model_dump(mode="json")})
    if evidence.failed:
        found = joined("; ", (check.line for check in evidence.failed))
        msg = sentence("restored, and not the same: {found}; look at it before anybody uses it", found=found)
        raise GateRefused(msg, gate="restore", checks=evidence.failed)
    return evidence


def _time_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]
