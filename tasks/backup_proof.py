"""Prove a dump by restoring it into a scratch database and comparing table by table (safety I16).

The scratch database is dropped in any case; what a killed try left behind is dropped by the next one.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psycopg import sql
from pydantic import SecretStr

from tasks.clients.postgres import (
    database_name,
    on_database,
    open_to_change,
    open_to_look,
    tool,
    tool_environment,
)
from tasks.clients.shell import CommandFailedError, run
from tasks.errors import PermanentError
from tasks.fingerprints import Contents, one_snapshot, read_contents
from tasks.ledger import effect
from tasks.models import Check, TableProof
from tasks.secrets import read_secret
from tasks.sentences import joined, named, sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.backup")

LONGEST_NAME = 63
SHOWN = 3
LEFT_OUT = ("--no-publications", "--no-subscriptions", "--no-tablespaces")
"""What is never restored: a restored subscription would start to replicate."""
LEFT_OUT_OF_SCRATCH = (*LEFT_OUT, "--no-owner", "--no-privileges", "--no-comments", "--no-security-labels")


@dataclass(frozen=True)
class Scratch:
    """Name the database a dump is tried in, and how its server is reached."""

    server: SecretStr
    name: str

    @property
    def url(self) -> SecretStr:
        """Return the address of the scratch database itself."""
        return on_database(self.server, self.name)


def read_whole_archive(settings: Settings, dump: Path) -> Check:
    """Check that a dump can be read to its end; ``pg_restore --list`` is content with half of one."""
    name = "archive reads to its end"
    argv = (tool(settings.database.tools, "pg_restore"), "--file=/dev/null", str(dump))
    try:
        run(argv, timeout_s=settings.backup.timeout_s)
    except CommandFailedError as error:
        return Check.of(name, ok=False, found=_complaint(error), expected="no error of pg_restore")
    return Check.of(name, ok=True, found="no error", expected="no error of pg_restore")


def restore_and_compare(
    settings: Settings, release_id: str, dump: Path, expected: Contents, sha256: str, *, keep: bool = False
) -> tuple[tuple[Check, ...], float]:
    """Restore a dump into a scratch database and compare; returns the checks and the restore's seconds.

    With ``keep`` what was restored stays for the migration's trial, until ``drop_restored``.
    """
    scratch = scratch_of(settings, release_id)
    started_s = time.monotonic()
    with _database(scratch, expected.encoding, keep=keep):
        try:
            restore_into(settings, scratch, dump, sha256, left_out=LEFT_OUT_OF_SCRATCH)
        except CommandFailedError as error:
            failed = Check.of("restored", ok=False, found=_complaint(error), expected="no error of pg_restore")
            return (failed,), time.monotonic() - started_s
        took_s = time.monotonic() - started_s
        return compare(expected, _contents(scratch)), took_s


def compare(expected: Contents, found: Contents) -> tuple[Check, ...]:
    """Compare what was restored with what was dumped."""
    return (
        compare_tables(expected.tables, found.tables),
        _compare_sequences(expected.sequences, found.sequences),
        Check.of(
            "restored objects",
            ok=found.objects == expected.objects,
            found=_counts(found.objects),
            expected=_counts(expected.objects),
        ),
    )


def compare_tables(expected: Mapping[str, TableProof], found: Mapping[str, TableProof]) -> Check:
    """Compare every table's row count and content hash with what was recorded of it."""
    names = sorted(expected.keys() | found.keys())
    wrong = [name for name in names if expected.get(name) != found.get(name)]
    if not wrong:
        summary = sentence(
            "{tables} tables with {rows} rows",
            tables=len(expected),
            rows=sum(table.rows for table in expected.values()),
        )
        return Check.of(
            "restored tables",
            ok=True,
            found=summary,
            expected=sentence("{summary}, each with its content hash", summary=summary),
        )
    return Check.of(
        "restored tables",
        ok=False,
        found=joined("; ", (_said(name, found.get(name)) for name in wrong[:SHOWN])),
        expected=joined("; ", (_said(name, expected.get(name)) for name in wrong[:SHOWN])),
        note=sentence("{wrong} of {of_all} tables differ", wrong=len(wrong), of_all=len(names)),
    )


def scratch_name(prefix: str, release_id: str) -> str:
    """Return the name of a release's scratch database: letters, digits and underscores, at most 63."""
    return re.sub(r"[^a-z0-9_]+", "_", f"{prefix}{release_id}".lower())[:LONGEST_NAME]


def scratch_of(settings: Settings, release_id: str) -> Scratch:
    """Return the scratch database of a release; raises PermanentError when it would be one in use."""
    server = read_secret(settings.database.scratch_url or settings.database.url, settings.aws)
    name = scratch_name(settings.database.scratch_prefix, release_id)
    live = read_secret(settings.database.url, settings.aws)
    if name in {database_name(live), database_name(server)}:
        msg = sentence(
            "could not name a scratch database: {name} is a database in use; change database.scratch_prefix", name=name
        )
        raise PermanentError(msg)
    return Scratch(server, name)


def drop_restored(settings: Settings, release_id: str) -> None:
    """Drop what a release restored, a copy of production's data, if it is still there; raises RemoteError."""
    _drop(scratch_of(settings, release_id), "at last")


@contextmanager
def _database(scratch: Scratch, encoding: str, *, keep: bool) -> Iterator[None]:
    """Have an empty scratch database for the length of the block; what an earlier try left goes first."""
    _drop(scratch, "before")
    make_database(scratch, encoding)
    done = False
    try:
        yield
        done = True
    finally:
        if not (done and keep):
            _drop(scratch, "after")


def _drop(scratch: Scratch, when: Literal["before", "after", "at last"]) -> None:
    effect(
        "postgres.drop_database",
        f"{scratch.name} {when}",
        observe=lambda: None if _exists(scratch) else True,
        act=lambda: _remove(scratch),
    )


def make_database(database: Scratch, encoding: str) -> None:
    """Create an empty database."""
    effect(
        "postgres.create_database",
        database.name,
        observe=lambda: True if _exists(database) else None,
        act=lambda: _create(database, encoding),
    )


def restore_into(
    settings: Settings, scratch: Scratch, dump: Path, sha256: str, *, left_out: Sequence[str] = LEFT_OUT
) -> None:
    """Restore a dump into an empty database; raises CommandFailedError with what pg_restore had to complain about."""
    mark = f"greenflow-release restored {sha256}"
    effect(
        "postgres.restore",
        scratch.name,
        observe=lambda: True if _mark(scratch) == mark else None,
        act=lambda: _run_restore(settings, scratch, dump, mark, left_out),
        data={"sha256": sha256},
    )


def _run_restore(settings: Settings, scratch: Scratch, dump: Path, mark: str, left_out: Sequence[str]) -> None:
    """Restore, then leave a mark on the database: only a restore that came to its end is seen as done."""
    jobs = f"--jobs={settings.backup.restore_jobs}"
    program = tool(settings.database.tools, "pg_restore")
    argv = (
        program,
        "--exit-on-error",
        "--no-password",
        jobs,
        *left_out,
        f"--dbname={scratch.name}",
        str(dump),
    )
    with tool_environment(scratch.url) as env:
        run(
            argv,
            env={**env, "PGOPTIONS": "-c synchronous_commit=off"},
            timeout_s=settings.backup.timeout_s,
            on_line=lambda line: log.info("pg_restore: %s", line),
        )
    with open_to_change(scratch.server, doing=sentence("mark {name} as restored", name=scratch.name)) as connection:
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
        connection.execute(comment.format(sql.Identifier(scratch.name), sql.Literal(mark)))


def _create(scratch: Scratch, encoding: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}")
    with open_to_change(scratch.server, doing=sentence("create the database {name}", name=scratch.name)) as connection:
        connection.execute(statement.format(sql.Identifier(scratch.name), sql.Literal(encoding)))


def _remove(scratch: Scratch) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    with open_to_change(scratch.server, doing=sentence("drop the database {name}", name=scratch.name)) as connection:
        connection.execute(statement.format(sql.Identifier(scratch.name)))


def _contents(scratch: Scratch) -> Contents:
    doing = sentence("read the restored database {name}", name=scratch.name)
    with open_to_look(scratch.url, doing=doing) as connection, one_snapshot(connection):
        return read_contents(connection)


def _exists(scratch: Scratch) -> bool:
    with open_to_look(scratch.server, doing=sentence("look for the database {name}", name=scratch.name)) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (scratch.name,))
        return found.fetchone() is not None


def _mark(scratch: Scratch) -> str:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    with open_to_look(scratch.server, doing=sentence("look at the database {name}", name=scratch.name)) as connection:
        row = connection.execute(query, (scratch.name,)).fetchone()
    return str(row[0]) if row else ""


def _compare_sequences(expected: Mapping[str, int | None], found: Mapping[str, int | None]) -> Check:
    """Check that no sequence fell behind; they are of no snapshot and may have run on while dumping."""
    behind = [name for name, value in expected.items() if value is not None and (found.get(name) or 0) < value]
    return Check.of(
        "restored sequences",
        ok=not behind,
        found=_reached(behind, found),
        expected=_reached(behind, expected),
    )


def _reached(behind: Sequence[str], values: Mapping[str, int | None]) -> str:
    told = (sentence("{name} at {value}", name=name, value=values.get(name)) for name in behind[:SHOWN])
    return joined("; ", told) or sentence("{count} not behind", count=len(values))


def _said(name: str, table: TableProof | None) -> str:
    if table is None:
        return sentence("{name}: no such table", name=name)
    return sentence("{name}: {rows} rows, hash {sha256}", name=name, rows=table.rows, sha256=table.sha256[:12])


def _counts(objects: Mapping[str, int]) -> str:
    told = (sentence("{count} {kind}", count=count, kind=named(kind)) for kind, count in objects.items())
    return joined(", ", told) or named("none")


def _complaint(error: CommandFailedError) -> str:
    said = [line for line in error.output.splitlines() if "error:" in line]
    return said[0] if said else sentence("exit code {code}", code=error.code)
