"""1.3 Back up the database: dump one snapshot, store it, fetch it, restore it, compare (guide, safety I16)."""

import logging
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from tasks.backup_proof import read_whole_archive, restore_and_compare
from tasks.backup_store import DumpFile, StoredDump, describe, fetch_dump, find_dump, store_dump
from tasks.clients.postgres import (
    Connection,
    client_version,
    open_to_look,
    server_version,
    tool,
    tool_environment,
)
from tasks.clients.shell import run
from tasks.errors import PermanentError
from tasks.fingerprints import Contents, exported_snapshot, one_snapshot, read_contents
from tasks.ledger import effect
from tasks.models import BackupProof, Check, ReleasePlan
from tasks.retries import REPEATABLE
from tasks.secrets import read_secret
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.backup")


@dataclass(frozen=True)
class Dump:
    """Hold a dump, what the database held at its moment, and both versions."""

    file: DumpFile
    contents: Contents
    server_version: str
    client_version: str
    took_s: float


@stage("1.3 back up the database", REPEATABLE)
def back_up_database(settings: Settings, plan: ReleasePlan) -> BackupProof:
    """Dump the database, store the dump, fetch it again and prove by a restore that it holds everything.

    A damaged dump is a failed check. Raises PermanentError when pg_dump is older than the server or fails,
    TransientError and UnknownOutcome when PostgreSQL or S3 cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="greenflow-dump-") as folder:
        dump = take_dump(settings, Path(folder) / "database.dump")
        stored = store(settings, plan, dump.file)
        dump.file.path.unlink()  # what is proven is what the bucket gives back
        checks, restore_s = prove(settings, plan, dump, stored, Path(folder) / "fetched.dump")
    return BackupProof(
        checks=checks,
        bucket=settings.backup.bucket,
        key=stored.key,
        size_bytes=dump.file.size_bytes,
        sha256=dump.file.sha256,
        tables=dump.contents.tables,
        server_version=dump.server_version,
        client_version=dump.client_version,
        dump_s=round(dump.took_s, 2),
        restore_s=round(restore_s, 2),
    )


def take_dump(settings: Settings, path: Path) -> Dump:
    """Dump the database and read its contents, both in one snapshot."""
    url = read_secret(settings.database.url, settings.aws)
    started_s = time.monotonic()
    with open_to_look(url, doing="read the database in one snapshot") as connection:
        versions = _versions(settings, connection)
        with one_snapshot(connection):
            contents = read_contents(connection)  # first: sequences run on, and a dump may only be ahead of them
            _dump(settings, url, exported_snapshot(connection), path)
    log.info("dumped %d tables with %d rows", len(contents.tables), contents.rows)
    return Dump(describe(path), contents, *versions, time.monotonic() - started_s)


def store(settings: Settings, plan: ReleasePlan, file: DumpFile) -> StoredDump:
    """Upload a dump under a key of its own."""
    key = f"{settings.backup.prefix}/{plan.release_id}/{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    log.info("storing %d bytes as s3://%s/%s", file.size_bytes, settings.backup.bucket, key)
    return effect(
        "s3.store_dump",
        key,
        observe=lambda: find_dump(settings, key, file),
        act=lambda: store_dump(settings, key, file),
        data={"sha256": file.sha256, "bytes": file.size_bytes},
    )


def prove(
    settings: Settings, plan: ReleasePlan, dump: Dump, stored: StoredDump, fetched: Path
) -> tuple[tuple[Check, ...], float]:
    """Fetch the stored dump, read it, restore it; returns the checks and the seconds of the restore.

    A dump that is not the one that was taken is not restored.
    """
    checks = [
        _version_check(dump),
        _encryption_check(stored),
        _fetch_check(settings, dump.file, stored, fetched),
    ]
    checks.append(read_whole_archive(settings, fetched))
    if any(check.outcome == "failed" for check in checks[2:]):
        return tuple(checks), 0.0
    compared, restore_s = restore_and_compare(settings, plan.release_id, fetched, dump.contents, dump.file.sha256)
    return (*checks, *compared), restore_s


def _versions(settings: Settings, connection: Connection) -> tuple[str, str]:
    server_major, server = server_version(connection)
    client_major, client = client_version(tool(settings.database.tools, "pg_dump"))
    if client_major < server_major:
        msg = (
            f"could not back up the database: found pg_dump {client}, expected {server_major} or newer for the "
            f"server's {server}; install that client, or set database.tools"
        )
        raise PermanentError(msg)
    return server, client


def _dump(settings: Settings, url: SecretStr, snapshot: str, path: Path) -> None:
    argv = (
        tool(settings.database.tools, "pg_dump"),
        "--format=custom",
        f"--snapshot={snapshot}",
        "--no-password",
        "--lock-wait-timeout=60s",
        f"--file={path}",
    )
    with tool_environment(url) as env:
        run(
            argv,
            env=env,
            timeout_s=settings.backup.timeout_s,
            on_line=lambda line: log.info("pg_dump: %s", line),
        )


def _version_check(dump: Dump) -> Check:
    expected = f"not older than the server's {dump.server_version}"
    return Check.of("pg_dump's version", ok=True, found=dump.client_version, expected=expected)


def _encryption_check(stored: StoredDump) -> Check:
    ok = stored.encryption.startswith(("AES256", "aws:kms"))
    return Check.of("dump encrypted at rest", ok=ok, found=stored.encryption, expected="AES256 or aws:kms")


def _fetch_check(settings: Settings, dump: DumpFile, stored: StoredDump, fetched: Path) -> Check:
    found, complaint = fetch_dump(settings, stored, fetched)
    return Check.of(
        "dump as fetched from the bucket",
        ok=found.sha256 == dump.sha256 and not complaint,
        found=f"{found.size_bytes} bytes, sha256 {found.sha256}",
        expected=f"{dump.size_bytes} bytes, sha256 {dump.sha256}",
        note=complaint,
    )
