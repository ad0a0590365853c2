"""Let one process at a time migrate a database, and see who keeps it waiting (safety I18)."""

import contextvars
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tasks.clients.postgres import Connection, open_to_look
from tasks.errors import ReleaseError
from tasks.migration_tool import APPLICATION, Backend
from tasks.sentences import named, sentence
from tasks.waits import wait_until

log = logging.getLogger("greenflow.migration")

LOCK_KEY = 0x677265656E  # "green": one number for everybody who migrates a GreenFlow database
LOOKS_A_WAIT = 5
STOP_S = 5.0
# No query text: it may hold what users wrote.
BLOCKERS = """
    SELECT DISTINCT b.pid, b.usename, b.application_name, b.state, extract(epoch FROM now() - b.xact_start)
    FROM pg_stat_activity w, unnest(pg_blocking_pids(w.pid)) AS p(pid) JOIN pg_stat_activity b USING (pid)
    WHERE w.application_name = %s AND w.datname = current_database() ORDER BY 1"""
ORPHANS = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database() AND pid <> pg_backend_pid()"""


@dataclass
class Blockers:
    """Hold who was last seen in a migration's way: a line for people by the session's process id."""

    seen: dict[int, str] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """Say who it was and how to end them, or how to find out."""
        if not self.seen:
            return named("nobody was seen to hold it; look for long transactions in pg_stat_activity")
        ends = "; ".join(f"SELECT pg_terminate_backend({pid})" for pid in self.seen)
        who = ", ".join(self.seen.values())
        return sentence("held by {who}; wait for its end, or end it by: {command}", who=who, command=ends)


@contextmanager
def alone(backend: Backend) -> Iterator[None]:
    """Be the only one who migrates: no other release, and no session left of one that was killed.

    Raises TransientError when somebody else goes on migrating for all of ``migration.timeout_s``.
    """
    limits = backend.settings.migration
    with open_to_look(backend.url, doing="hold the migration lock") as connection:
        wait_until(
            lambda: _lock(connection),
            what="the migration lock",
            deadline_s=limits.timeout_s,
            poll_s=limits.retry_s,
            describe=lambda: "another process holds it",
        )
        wait_until(
            lambda: None if _orphans(connection) else True,
            what="the end of an earlier migration",
            deadline_s=limits.timeout_s,
            poll_s=limits.retry_s,
            describe=lambda: sentence("sessions {pids} still run it", pids=", ".join(map(str, _orphans(connection)))),
        )
        yield


@contextmanager
def watching_blockers(backend: Backend) -> Iterator[Blockers]:
    """Look, as long as the block runs, who keeps the migration waiting; not seeing it changes nothing."""
    blockers, over = Blockers(), threading.Event()
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(_watch, backend, blockers, over), name="greenflow-blockers", daemon=True
    )
    thread.start()
    try:
        yield blockers
    finally:
        over.set()
        thread.join(STOP_S)


def _watch(backend: Backend, blockers: Blockers, over: threading.Event) -> None:
    every_s = backend.settings.migration.lock_timeout_s / LOOKS_A_WAIT
    try:
        with open_to_look(backend.url, doing="see who holds the lock") as connection:
            while not over.wait(every_s):
                rows = connection.execute(BLOCKERS, (APPLICATION,)).fetchall()
                if rows:
                    blockers.seen = {int(row[0]): _blocker(*row) for row in rows}
    except ReleaseError as error:
        log.warning("%s", error)


def _blocker(pid: int, user: str | None, application: str | None, state: str | None, for_s: float | None) -> str:
    since = f" for {float(for_s):.0f} s" if for_s is not None else ""
    return f"process {pid} ({user or '?'}, {application or 'no name'}, {state or '?'}{since})"


def _lock(connection: Connection) -> bool | None:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
    return True if row and row[0] else None


def _orphans(connection: Connection) -> list[int]:
    return [int(row[0]) for row in connection.execute(ORPHANS, (APPLICATION,))]
