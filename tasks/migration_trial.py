"""Try the pending migrations on the restored backup: how long, which locks, and would the old version go on?

The locks of each migration are those it holds at its end, in a transaction that is taken back; then the backend's own
tool applies all of them for good, as it will on the live database (guide, "migration tested"; safety I17).
"""

import logging
import re
import time
from collections.abc import Mapping

import psycopg
from psycopg import sql

from tasks.clients.postgres import Connection, database_name, open_to_change, open_to_look
from tasks.errors import PermanentError
from tasks.expansion import statements, up_part
from tasks.ledger import effect
from tasks.migration_tool import Backend, LockTimedOutError, MigrationFailedError, Status, read_status, run_migrate
from tasks.models import Check, MigrationStep, MigrationTrial, TableProof
from tasks.schema_shape import Shape, breaks, read_shape
from tasks.sentences import joined, sentence

log = logging.getLogger("greenflow.migration")

SHOWN = 5
# What keeps writers, or everybody, away from a table for as long as it is held.
HEAVY = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})
OWN_TRANSACTION = re.compile(r"^(?:BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK)\b|\bCONCURRENTLY\b", re.IGNORECASE)
LOCKS = """
    SELECT DISTINCT n.nspname || '.' || c.relname, l.mode FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind IN ('r', 'p', 'm')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2"""


def try_pending(backend: Backend, pending: tuple[str, ...], tables: Mapping[str, TableProof]) -> MigrationTrial:
    """Apply ``pending`` to the restored database ``backend`` points to and compare it with what was dumped.

    Raises RemoteError when the database is not reached; what a migration does wrong is a failed check.
    """
    before = _shape(backend)
    steps: list[MigrationStep] = []
    started_s = time.monotonic()
    try:
        _apply(backend, pending, before, steps)
    except (MigrationFailedError, LockTimedOutError) as error:
        said = error.said if isinstance(error, MigrationFailedError) else str(error)
        return MigrationTrial(checks=(_applied_check(pending, said),), steps=tuple(steps))
    took_s = round(time.monotonic() - started_s, 2)
    limit_s = backend.settings.migration.longest_lock_s
    checks = (
        _applied_check(pending, sentence("all applied in {took_s:g} s", took_s=took_s), ok=True),
        locks_check(steps, limit_s),
        fit_check(before, _shape(backend)),
        _rows_check(backend, tables),
    )
    return MigrationTrial(checks=checks, steps=tuple(steps), took_s=took_s)


def locks_check(steps: list[MigrationStep], limit_s: float) -> Check:
    """Check that the migrations keep writers from a table for at most ``limit_s``, measured on the restored data."""
    name = "locks of the migrations on the restored data"
    if not steps:
        return Check.skipped(name, "a migration runs outside of a transaction: its locks are not held to its end")
    # A tool may run all of them in one transaction: what the first one takes is held to the end of the last.
    holding = [step for step in steps if any(_is_heavy(lock) for lock in step.locks)]
    held_s = round(sum(step.took_s for step in holding), 3)
    said = joined("; ", (step.said for step in (holding or steps)[:SHOWN]))
    return Check.of(
        name,
        ok=held_s <= limit_s,
        found=sentence("writers kept away for {held_s:g} s: {said}", held_s=held_s, said=said) if holding else said,
        expected=sentence("writers kept away for <= {limit_s:g} s", limit_s=limit_s),
    )


def fit_check(before: Shape, after: Shape) -> Check:
    """Check by the catalogue that the version in production finds everything as it left it."""
    found = breaks(before, after)
    return Check.of(
        "the old version on the tried schema",
        ok=not found,
        found=joined("; ", found[:SHOWN]) or "finds every table, column and value, and no new rule against its writes",
        expected="every table, column and value as before, and no new rule against its writes",
        note="expand now, contract in a later release" if found else "",
    )


def _shape(backend: Backend) -> Shape:
    with open_to_look(backend.url, doing="read the restored schema") as connection:
        return read_shape(connection)


def _apply(backend: Backend, pending: tuple[str, ...], before: Shape, steps: list[MigrationStep]) -> None:
    def act() -> None:
        steps[:] = _measured(backend, pending, before)
        run_migrate(backend)

    def observe() -> Status | None:
        status = read_status(backend)
        return None if status.pending else status

    effect("postgres.try_migration", database_name(backend.url), observe=observe, act=act, data={"pending": pending})


def _measured(backend: Backend, pending: tuple[str, ...], before: Shape) -> list[MigrationStep]:
    """Run each migration in one transaction that is taken back; nothing when one of them wants its own."""
    texts = [up_part((backend.folder / f"{name}.sql").read_text("utf-8")) for name in pending]
    if any(OWN_TRANSACTION.search(statement) for text in texts for statement in statements(text)):
        return []
    steps = []
    with (
        open_to_change(backend.url, doing="try the migrations") as connection,
        connection.transaction(force_rollback=True),
    ):
        for name, text in zip(pending, texts, strict=True):
            try:
                took_s = _run(connection, text)
            except psycopg.Error as error:
                raise _failed(name, error) from None
            steps.append(MigrationStep(name=name, took_s=took_s, locks=_locks(connection, before)))
    return steps


def _run(connection: Connection, text: str) -> float:
    started_s = time.monotonic()
    connection.execute(text.encode())
    return round(time.monotonic() - started_s, 3)


def _failed(name: str, error: psycopg.Error) -> PermanentError:
    said = f"{name}: {error.diag.message_primary or type(error).__name__}"
    return MigrationFailedError(sentence("could not try the migration {said}", said=said), said=said)


def _locks(connection: Connection, before: Shape) -> tuple[str, ...]:
    return tuple(f"{mode} on {table}" for table, mode in connection.execute(LOCKS) if table in before.tables)


def _is_heavy(lock: str) -> bool:
    return lock.partition(" ")[0] in HEAVY


def _applied_check(pending: tuple[str, ...], found: str, *, ok: bool = False) -> Check:
    names = ", ".join(pending)
    note = "" if ok else "nothing of it was run on the live database"
    return Check.of(
        "migrations on the restored backup",
        ok=ok,
        found=found,
        expected=sentence("{names} applied", names=names),
        note=note,
    )


def _rows_check(backend: Backend, tables: Mapping[str, TableProof]) -> Check:
    """Count again what was dumped: an expansion takes no row away and adds none."""
    own = backend.settings.migration.table
    kept = {name: proof.rows for name, proof in tables.items() if name not in {own, f"public.{own}"}}
    with open_to_look(backend.url, doing="count the rows of the tried schema") as connection:
        found = {name: _count(connection, name) for name in kept}
    wrong = [name for name, rows in kept.items() if found[name] != rows]
    whole = sentence("{rows} rows", rows=sum(kept.values()))
    return Check.of(
        "rows after the tried migrations",
        ok=not wrong,
        found="; ".join(f"{name}: {found[name]}" for name in wrong[:SHOWN]) or whole,
        expected="; ".join(f"{name}: {kept[name]}" for name in wrong[:SHOWN]) or whole,
    )


def _count(connection: Connection, name: str) -> int | None:
    parts = name.split(".", 1)
    exists = connection.execute("SELECT to_regclass(%s)", (".".join(f'"{part}"' for part in parts),)).fetchone()
    if not exists or not exists[0]:
        return None
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*parts))).fetchone()
    return int(row[0]) if row else None
