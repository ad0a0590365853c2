"""4.3 Expand the schema: only additions, by one process, never waiting long for a lock (guide 4.3, safety I17, I18)."""

import logging
import time
from pathlib import Path

from tasks.backup_proof import scratch_of
from tasks.errors import PermanentError, ReleaseError
from tasks.expansion import contractions
from tasks.ledger import effect
from tasks.migration_lint import lint_check
from tasks.migration_lock import Blockers, alone, watching_blockers
from tasks.migration_tool import (
    Backend,
    LockTimedOutError,
    MigrationFailedError,
    Status,
    install,
    read_status,
    run_migrate,
)
from tasks.migration_trial import try_pending
from tasks.models import BackupProof, Check, Checkout, Evidence, MigrationProof, MigrationTrial, ReleasePlan
from tasks.retries import REPEATABLE
from tasks.schema import read_schema_version
from tasks.sentences import joined, named, sentence
from tasks.settings import Settings
from tasks.stage import stage
from tasks.waits import pause

log = logging.getLogger("greenflow.migration")

SHOWN = 5


@stage("4.3 prepare the migration", REPEATABLE)
def prepare_migration(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> Evidence:
    """Install what the migration needs and judge what is pending, while other things are prepared; changes nothing."""
    log.info("judging what %s would change of the schema", plan.version)
    return Evidence(checks=judge_pending(settings, checkout)[1])


@stage("4.3 try the migration on the restored backup", REPEATABLE)
def try_migration(settings: Settings, plan: ReleasePlan, checkout: Checkout, backup: BackupProof) -> MigrationTrial:
    """Apply what is pending to the restored backup first: its time, its locks, and what the old version would miss.

    Needs the database that ``back_up_database`` kept. Raises RemoteError when it is not reached.
    """
    backend = install(settings, checkout)
    status = read_status(backend)
    refused = [check for check in _judged(backend, status) if check.outcome == "failed"]
    if why := _not_tried(backup, status, refused):
        return MigrationTrial(checks=(Check.skipped("migrations on the restored backup", why),))
    scratch = scratch_of(settings, plan.release_id)
    return try_pending(install(settings, checkout, scratch.url), status.pending, backup.tables)


@stage("4.3 migrate the database", REPEATABLE)
def migrate_database(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> MigrationProof:
    """Apply what is pending when it only expands the schema; otherwise apply nothing and return a failed check.

    Raises PermanentError when the tool fails or every attempt met a lock, TransientError and UnknownOutcome when the
    database or the registry is not reached.
    """
    started_s = time.monotonic()
    backend = install(settings, checkout)
    before = read_status(backend)
    checks = _judged(backend, before)
    if any(check.outcome == "failed" for check in checks):
        return _proof(settings, started_s, (), checks)
    after = _migrate(backend, plan, before)
    applied = tuple(name for name in before.pending if name in after.applied)
    return _proof(settings, started_s, applied, (*checks, _done_check(after)))


def judge_pending(settings: Settings, checkout: Checkout) -> tuple[Status, tuple[Check, ...]]:
    """Return what the migration tool says of the live database, and the checks of what is pending; looks only."""
    backend = install(settings, checkout)
    status = read_status(backend)
    return status, _judged(backend, status)


def _judged(backend: Backend, status: Status) -> tuple[Check, ...]:
    return _known_check(status), _expansion_check(backend, status.pending), lint_check(backend, status.pending)


def _not_tried(backup: BackupProof, status: Status, refused: list[Check]) -> str:
    """Say why there is nothing to try, or nothing."""
    if backup.failed:
        return "the backup is not proven"
    if not status.pending:
        return "none is pending"
    return sentence("refused already: {name}", name=refused[0].name) if refused else ""


def _migrate(backend: Backend, plan: ReleasePlan, before: Status) -> Status:
    """Apply what is pending, giving way to locks a limited number of times; returns the status afterwards."""
    if not before.pending:
        return before
    with alone(backend), watching_blockers(backend) as blockers:
        for attempt in range(1, backend.settings.migration.attempts + 1):
            try:
                return _attempt(backend, plan, before, attempt)
            except LockTimedOutError as error:
                log.warning("attempt %d gave way to a lock: %s; %s", attempt, error, blockers.said)
                pause(backend.settings.migration.retry_s)
            except MigrationFailedError as error:
                raise PermanentError(joined("\n", (str(error), _state_after(backend, before)))) from error
    raise PermanentError(_gave_up(backend, blockers))


def _gave_up(backend: Backend, blockers: Blockers) -> str:
    limits = backend.settings.migration
    return sentence(
        "could not migrate the database: {attempts} attempts each waited {limit_s:g} s for a "
        "lock, {said}; then release again",
        attempts=limits.attempts,
        limit_s=limits.lock_timeout_s,
        said=blockers.said,
    )


def _state_after(backend: Backend, before: Status) -> str:
    """Say what a migration that failed has left, and what to do: the schema only grew, so nothing is taken back."""
    try:
        after = read_status(backend)
    except ReleaseError as error:
        return sentence("what it left is not known: {error}; ask for the status before anything else", error=error)
    done = ", ".join(name for name in before.pending if name in after.applied) or named("none")
    left = ", ".join(after.pending) or named("none")
    return sentence(
        "applied of it: {done}; still pending: {left}; what was applied only expands, the "
        "version in production goes on working: correct the migration, then release again; "
        "revert nothing",
        done=done,
        left=left,
    )


def _attempt(backend: Backend, plan: ReleasePlan, before: Status, attempt: int) -> Status:
    return effect(
        "postgres.migrate",
        f"{plan.version} attempt {attempt}",
        observe=lambda: _if_nothing_pending(backend),
        act=lambda: run_migrate(backend),
        data={"pending": before.pending},
    )


def _if_nothing_pending(backend: Backend) -> Status | None:
    status = read_status(backend)
    return None if status.pending else status


def _expansion_check(backend: Backend, pending: tuple[str, ...]) -> Check:
    found = [
        sentence("{what}: {why}", what=name, why=line)
        for name in pending
        for line in _contractions(backend.folder / f"{name}.sql")
    ]
    return Check.of(
        "migrations only expand",
        ok=not found,
        found=joined("; ", found[:SHOWN])
        or (
            sentence("{count} pending: {names}", count=len(pending), names=", ".join(pending))
            if pending
            else "none pending"
        ),
        expected="additions that the version in production can live with",
        note="expand now, contract in a later release" if found else "",
    )


def _contractions(file: Path) -> list[str]:
    try:
        return contractions(file.read_text("utf-8"))
    except OSError:
        return [sentence("{file} is missing: only SQL that can be read can be judged", file=file.name)]


def _known_check(status: Status) -> Check:
    found = ", ".join(status.unknown) or "none"
    return Check.of("applied migrations missing in the source", ok=not status.unknown, found=found, expected="none")


def _done_check(status: Status) -> Check:
    return Check.of("migrations pending afterwards", ok=not status.pending, found=len(status.pending), expected=0)


def _proof(settings: Settings, started_s: float, applied: tuple[str, ...], checks: tuple[Check, ...]) -> MigrationProof:
    version = read_schema_version(settings)
    took_s = round(time.monotonic() - started_s, 2)
    return MigrationProof(checks=checks, applied=applied, schema_version=version, took_s=took_s)
