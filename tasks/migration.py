"""4.3 Expand the schema: only additions, by one process, never waiting long for a lock (guide 4.3, safety I17, I18)."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tasks.clients.node import Project
from tasks.clients.postgres import Connection, open_to_look
from tasks.clients.shell import CommandFailedError
from tasks.errors import PermanentError, TransientError
from tasks.expansion import contractions
from tasks.ledger import effect
from tasks.models import Check, Checkout, Evidence, MigrationProof, ReleasePlan
from tasks.mutations import require_effect
from tasks.retries import REPEATABLE
from tasks.schema import read_schema_version
from tasks.secrets import read_secret
from tasks.settings import Settings
from tasks.stage import stage
from tasks.waits import pause, wait_until

log = logging.getLogger("greenflow.migration")

LOCK_KEY = 0x677265656E  # "green": one number for everybody who migrates a GreenFlow database
APPLICATION = "greenflow-migration"
"""What the migration's own sessions are called, so that one outliving a killed release is seen."""
LOCK_SIGNS = ("lock timeout", "55P03", "could not obtain lock")
SHOWN = 5
INSTALLED = ".greenflow-installed"


class LockTimedOutError(TransientError):
    """Report a migration that gave way to the traffic: it waited for a lock and was refused in time."""


@dataclass(frozen=True)
class Status:
    """Hold what the migration tool says: names, in their order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Backend:
    """Hold the released backend, ready to run its commands on the live database."""

    settings: Settings
    project: Project
    url: SecretStr


@stage("4.3 prepare the migration", REPEATABLE)
def prepare_migration(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> Evidence:
    """Install what the migration needs and judge what is pending, while other things are prepared; changes nothing."""
    log.info("judging what %s would change of the schema", plan.version)
    backend = _installed(settings, checkout)
    return Evidence(checks=_judged(backend, read_status(backend)))


@stage("4.3 migrate the database", REPEATABLE)
def migrate_database(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> MigrationProof:
    """Apply what is pending when it only expands the schema; otherwise apply nothing and return a failed check.

    Raises PermanentError when the tool fails or every attempt met a lock, TransientError and UnknownOutcome when the
    database or the registry is not reached.
    """
    started_s = time.monotonic()
    backend = _installed(settings, checkout)
    before = read_status(backend)
    checks = _judged(backend, before)
    if any(check.outcome == "failed" for check in checks):
        return _proof(settings, started_s, (), checks)
    after = _migrate(backend, plan, before)
    applied = tuple(name for name in before.pending if name in after.applied)
    return _proof(settings, started_s, applied, (*checks, _done_check(after)))


def read_status(backend: Backend) -> Status:
    """Ask the migration tool what is applied and what is pending; raises PermanentError for an unreadable answer."""
    limit_s = backend.settings.migration.timeout_s
    said = backend.project.run(backend.settings.migration.status, timeout_s=limit_s, on_line=log.debug).stdout
    try:
        answer: Any = json.loads(said.splitlines()[-1] if said else "")
        lists = [tuple(map(str, answer.get(name, ()))) for name in ("applied", "pending", "unknown")]
    except (ValueError, AttributeError, TypeError):
        msg = f"could not read the migration status: found {said[-200:]!r}, expected JSON with applied and pending"
        raise PermanentError(msg) from None
    return Status(*lists)


def _installed(settings: Settings, checkout: Checkout) -> Backend:
    url = read_secret(settings.database.url, settings.aws)
    lock_ms = round(settings.migration.lock_timeout_s * 1000)
    project = Project(
        Path(checkout.folder) / settings.source.backend_directory,
        settings.build.path,
        {"PGOPTIONS": f"-c lock_timeout={lock_ms}"},
        {"DATABASE_URL": url},
    )
    _install_once(settings, Project(project.folder, settings.build.path))
    return Backend(settings, project, url)


def _install_once(settings: Settings, project: Project) -> None:
    """Install what the backend needs, without the database's address; a checkout is installed once."""
    mark = project.folder / INSTALLED
    if mark.exists():
        return
    project.run(settings.migration.install, timeout_s=settings.migration.timeout_s, on_line=log.info)
    mark.touch()


def _judged(backend: Backend, status: Status) -> tuple[Check, ...]:
    return _known_check(status), _expansion_check(backend, status.pending)


def _migrate(backend: Backend, plan: ReleasePlan, before: Status) -> Status:
    """Apply what is pending, giving way to locks a limited number of times; returns the status afterwards."""
    if not before.pending:
        return before
    with _alone(backend):
        for attempt in range(1, backend.settings.migration.attempts + 1):
            try:
                return _attempt(backend, plan, before, attempt)
            except LockTimedOutError as error:
                log.warning("attempt %d gave way to a lock: %s", attempt, error)
                pause(backend.settings.migration.retry_s)
    limits = backend.settings.migration
    msg = (
        f"could not migrate the database: {limits.attempts} attempts each waited {limits.lock_timeout_s:g} s for a "
        "lock; look for long transactions in pg_stat_activity, then release again"
    )
    raise PermanentError(msg)


def _attempt(backend: Backend, plan: ReleasePlan, before: Status, attempt: int) -> Status:
    return effect(
        "postgres.migrate",
        f"{plan.version} attempt {attempt}",
        observe=lambda: _if_nothing_pending(backend),
        act=lambda: _run_migrate(backend),
        data={"pending": before.pending},
    )


def _if_nothing_pending(backend: Backend) -> Status | None:
    status = read_status(backend)
    return None if status.pending else status


def _run_migrate(backend: Backend) -> None:
    require_effect("postgres: migrate")
    command, limit_s = backend.settings.migration.migrate, backend.settings.migration.timeout_s
    project = replace(backend.project, env={**backend.project.env, "PGAPPNAME": APPLICATION})
    try:
        project.run(command, timeout_s=limit_s, on_line=log.info)
    except CommandFailedError as error:
        if any(sign in error.output for sign in LOCK_SIGNS):
            msg = f"could not migrate the database: no lock within {backend.settings.migration.lock_timeout_s:g} s"
            raise LockTimedOutError(msg) from error
        raise


@contextmanager
def _alone(backend: Backend) -> Iterator[None]:
    """Be the only one who migrates: no other release, and no session left of one that was killed."""
    with open_to_look(backend.url, doing="hold the migration lock") as connection:
        wait_until(
            lambda: _lock(connection),
            what="the migration lock",
            deadline_s=backend.settings.migration.timeout_s,
            poll_s=backend.settings.migration.retry_s,
            describe=lambda: "another process holds it",
        )
        wait_until(
            lambda: None if _orphans(connection) else True,
            what="the end of an earlier migration",
            deadline_s=backend.settings.migration.timeout_s,
            poll_s=backend.settings.migration.retry_s,
            describe=lambda: f"sessions {', '.join(map(str, _orphans(connection)))} still run it",
        )
        yield


def _lock(connection: Connection) -> bool | None:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
    return True if row and row[0] else None


def _orphans(connection: Connection) -> list[int]:
    query = """
        SELECT pid FROM pg_stat_activity
        WHERE application_name = %s AND datname = current_database() AND pid <> pg_backend_pid()"""
    return [int(row[0]) for row in connection.execute(query, (APPLICATION,))]


def _expansion_check(backend: Backend, pending: tuple[str, ...]) -> Check:
    folder = backend.project.folder / backend.settings.migration.folder
    found = [f"{name}: {line}" for name in pending for line in _contractions(folder / f"{name}.sql")]
    return Check.of(
        "migrations only expand",
        ok=not found,
        found="; ".join(found[:SHOWN])
        or (f"{len(pending)} pending: {', '.join(pending)}" if pending else "none pending"),
        expected="additions that the version in production can live with",
        note="expand now, contract in a later release" if found else "",
    )


def _contractions(file: Path) -> list[str]:
    try:
        return contractions(file.read_text("utf-8"))
    except OSError:
        return [f"{file.name} is missing: only SQL that can be read can be judged"]


def _known_check(status: Status) -> Check:
    found = ", ".join(status.unknown) or "none"
    return Check.of("applied migrations missing in the source", ok=not status.unknown, found=found, expected="none")


def _done_check(status: Status) -> Check:
    return Check.of("migrations pending afterwards", ok=not status.pending, found=len(status.pending), expected=0)


def _proof(settings: Settings, started_s: float, applied: tuple[str, ...], checks: tuple[Check, ...]) -> MigrationProof:
    version = read_schema_version(settings)
    took_s = round(time.monotonic() - started_s, 2)
    return MigrationProof(checks=checks, applied=applied, schema_version=version, took_s=took_s)
