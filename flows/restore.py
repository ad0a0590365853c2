"""Restore the database beside the live one, after another person has said yes; never part of a rollback."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flows.permission import ask_permission
from tasks.database_restore import find_proof, new_database, restore_dump, restore_instance, source_instance
from tasks.errors import GateRefused, RolledBack
from tasks.ledger import note
from tasks.models import Evidence
from tasks.operations import open_operation
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
    what = f"from {proof.key}, {proof.size_bytes / 1e6:.1f} MB, {len(proof.tables)} tables with {rows} rows"
    with open_operation(settings, RESTORE, requested_by=wish.requested_by, reason=wish.reason):
        _insist_on_a_yes(settings, wish, (what, f"sha256 {proof.sha256}"))
        evidence = _recorded(restore_dump(settings, proof, target))
    return Restored(
        evidence,
        (
            f"look at it: the database {wish.into} on the same server holds the rows of {_time_of(proof.key)}",
            "compare it with what users wrote since then; what only the live database has is not in it",
            f"to use it: name {wish.into} in the secret {settings.database.url} and release again, or copy rows back",
            f"to let it go: DROP DATABASE {wish.into}",
        ),
    )


def _to_time(settings: Settings, wish: Wish) -> Restored:
    at = wish.at or datetime.now(UTC)
    source = source_instance(settings, wish.into, at)
    there = at.astimezone(ZoneInfo(settings.rds.time_zone))
    what = f"{source.name} as it was at {at:%Y-%m-%d %H:%M:%S} UTC ({there:%Y-%m-%d %H:%M:%S %Z})"
    with open_operation(settings, RESTORE, requested_by=wish.requested_by, reason=wish.reason):
        _insist_on_a_yes(settings, wish, (what, "a new instance costs money from now on"))
        evidence = _recorded(restore_instance(settings, source, wish.into, at))
    return Restored(
        evidence,
        (
            f"look at it: aws rds describe-db-instances --db-instance-identifier {wish.into}",
            "it has the live instance's users and passwords; its parameter group is the default one: compare both",
            f"to use it: put its address into the secret {settings.database.url} and release again",
            f"to let it go: switch off its deletion protection, then delete {wish.into}",
        ),
    )


def _insist_on_a_yes(settings: Settings, wish: Wish, about: Sequence[str]) -> None:
    summary = (*about, f"asked for by {wish.requested_by}: {wish.reason}")
    answer = ask_permission(settings, what=wish.into, requested_by=wish.requested_by, summary=summary)
    if answer.decision == "approve":
        return
    why = {"expired": "nobody answered in time", "reject": f"rejected by {answer.by}: {answer.reason}"}
    msg = f"nothing was restored: {why.get(answer.decision, f'{answer.decision} by {answer.by}')}"
    raise RolledBack(msg, by_people=True)


def _recorded(evidence: Evidence) -> Evidence:
    """Keep what was found in the chain; raises GateRefused when what was restored is not what was dumped."""
    note("restore.compared", {"evidence": evidence.model_dump(mode="json")})
    if evidence.failed:
        found = "; ".join(check.line for check in evidence.failed)
        msg = f"restored, and not the same: {found}; look at it before anybody uses it"
        raise GateRefused(msg, gate="restore", checks=evidence.failed)
    return evidence


def _time_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]
