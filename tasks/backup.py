"""1.3 Back up the database: dump one snapshot, store it, fetch it, restore it, compare (guide, safety I16)."""

import logging
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from tasks.backup_proof import read_whole_archive, restore_and_compare
from tasks.backup_store import PACKED, StoredDump, check_lifecycle, fetch_dump, find_dump, unpacked
from tasks.backup_upload import Sent, Upload, open_upload
from tasks.clients.postgres import (
    Connection,
    client_version,
    open_to_look,
    server_version,
    tool,
    tool_environment,
)
from tasks.clients.shell import pour, run
from tasks.errors import PermanentError
from tasks.fingerprints import Contents, exported_snapshot, one_snapshot, read_contents
from tasks.ledger import effect
from tasks.models import BackupProof, Check, Outcome, ReleasePlan
from tasks.progress import Progress
from tasks.retries import REPEATABLE
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.backup")

SECTION = "1.3"
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Dump:
    """Hold what was dumped and stored, what the database held at that moment, and both versions."""

    sent: Sent
    stored: StoredDump
    contents: Contents
    server_version: str
    client_version: str
    took_s: float


@dataclass(frozen=True)
class Source:
    """Say what is to be dumped: a database as one exported snapshot shows it; ``folder`` is for what needs disk."""

    settings: Settings
    url: SecretStr
    snapshot: str
    folder: Path


@stage("1.3 back up the database", REPEATABLE)
def back_up_database(settings: Settings, plan: ReleasePlan, *, keep_restored: bool = False) -> BackupProof:
    """Dump the database into the bucket, fetch the dump again and prove by a restore that it holds everything.

    With ``keep_restored`` the restored database stays, for the migration's trial. A damaged dump is a failed check.
    Raises PermanentError when pg_dump is older than the server or fails, TransientError and UnknownOutcome when
    PostgreSQL or S3 cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="greenflow-dump-") as name:
        folder = Path(name)
        dump = dump_and_store(settings, plan, folder)
        checks, restore_s = prove(settings, plan, dump, folder / "fetched", keep=keep_restored)
    return BackupProof(
        checks=(*checks, check_lifecycle(settings)),
        bucket=settings.backup.bucket,
        key=dump.stored.key,
        size_bytes=dump.sent.size_bytes,
        sha256=dump.sent.sha256,
        tables=dump.contents.tables,
        server_version=dump.server_version,
        client_version=dump.client_version,
        dump_s=round(dump.took_s, 2),
        restore_s=round(restore_s, 2),
    )


def dump_and_store(settings: Settings, plan: ReleasePlan, folder: Path) -> Dump:
    """Read the database's contents and dump it, both in one snapshot, straight into the bucket."""
    url = read_secret(settings.database.url, settings.aws)
    started_s = time.monotonic()
    with open_to_look(url, doing="read the database in one snapshot") as connection:
        versions = _versions(settings, connection)
        with one_snapshot(connection):
            contents = read_contents(connection)  # first: sequences run on, and a dump may only be ahead of them
            source = Source(settings, url, exported_snapshot(connection), folder)
            sent, stored = store(settings, plan, lambda upload: write_dump(source, upload))
    log.info("dumped %d tables with %d rows, %d bytes", len(contents.tables), contents.rows, sent.size_bytes)
    return Dump(sent, stored, contents, *versions, time.monotonic() - started_s)


def store(settings: Settings, plan: ReleasePlan, write: Callable[[Upload], None]) -> tuple[Sent, StoredDump]:
    """Upload what ``write`` writes, under a key of its own."""
    key = f"{folder_of(settings, plan.release_id)}{datetime.now(UTC):%Y%m%dT%H%M%SZ}{_kind(settings)}"
    log.info("storing s3://%s/%s", settings.backup.bucket, key)
    sent: list[Sent] = []

    def act() -> None:
        progress = Progress(SECTION, "stored", settings.backup.progress_s)
        with open_upload(settings, key, progress.bytes_done) as upload:
            write(upload)
            sent.append(upload.seal())
            upload.complete()

    stored = effect("s3.store_dump", key, observe=lambda: find_dump(settings, key, sent[-1]) if sent else None, act=act)
    return sent[-1], stored


def folder_of(settings: Settings, release_id: str) -> str:
    """Return where in the bucket a release's dumps lie."""
    return f"{settings.backup.prefix}/{release_id}/"


def _kind(settings: Settings) -> str:
    return PACKED if settings.backup.dump_jobs > 1 else ".dump"


def write_dump(source: Source, upload: Upload) -> None:
    """Dump into an upload: one stream straight from the pipe, or, with several jobs, a packed directory.

    Returns when the program has ended well; raises CommandFailedError when it did not.
    """
    if source.settings.backup.dump_jobs > 1:
        _write_directory(source, upload)
        return
    with _dumping(source, "--format=custom") as (argv, env):
        timeout_s = source.settings.backup.timeout_s
        with pour(argv, env=env, timeout_s=timeout_s, on_line=lambda line: log.info("pg_dump: %s", line)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                upload.write(chunk)


def prove(
    settings: Settings, plan: ReleasePlan, dump: Dump, fetched: Path, *, keep: bool = False
) -> tuple[tuple[Check, ...], float]:
    """Fetch the stored dump, read it, restore it; returns the checks and the seconds of the restore.

    A dump that is not the one that was taken is not restored.
    """
    checks: tuple[Check, ...] = (
        _version_check(dump),
        _encryption_check(dump.stored),
        _fetch_check(settings, dump, fetched),
    )
    if checks[-1].outcome is Outcome.FAILED:
        return checks, 0.0
    archive = unpacked(dump.stored, fetched)
    checks = (*checks, read_whole_archive(settings, archive))
    if checks[-1].outcome is Outcome.FAILED:
        return checks, 0.0
    compared, restore_s = restore_and_compare(
        settings, plan.release_id, archive, dump.contents, dump.sent.sha256, keep=keep
    )
    return (*checks, *compared), restore_s


def _versions(settings: Settings, connection: Connection) -> tuple[str, str]:
    server_major, server = server_version(connection)
    client_major, client = client_version(tool(settings.database.tools, "pg_dump"))
    if client_major < server_major:
        msg = sentence(
            "could not back up the database: found pg_dump {client}, expected {major} or newer for "
            "the server's {server}; install that client, or set database.tools",
            client=client,
            major=server_major,
            server=server,
        )
        raise PermanentError(msg)
    return server, client


def _write_directory(source: Source, upload: Upload) -> None:
    """Let several connections dump side by side into a directory, and pack it while it goes up."""
    directory = source.folder / "dump"
    progress = Progress(SECTION, "dumped", source.settings.backup.progress_s)
    jobs = f"--jobs={source.settings.backup.dump_jobs}"
    with _dumping(source, "--format=directory", jobs, f"--file={directory}", "--verbose") as (argv, env):
        run(argv, env=env, timeout_s=source.settings.backup.timeout_s, on_line=progress.say)
    with tarfile.open(fileobj=upload, mode="w|", bufsize=CHUNK_BYTES) as package:  # type: ignore[call-overload]
        for file in sorted(directory.iterdir()):
            package.add(file, arcname=file.name)
            file.unlink()  # what is sent needs no disk any more


@contextmanager
def _dumping(source: Source, *options: str) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Give pg_dump's arguments and environment; its password is in a file that goes with the block."""
    program = tool(source.settings.database.tools, "pg_dump")
    common = (f"--snapshot={source.snapshot}", "--no-password", "--lock-wait-timeout=60s")
    with tool_environment(source.url) as env:
        yield (program, *options, *common), env


def _version_check(dump: Dump) -> Check:
    expected = sentence("not older than the server's {version}", version=dump.server_version)
    return Check.of("pg_dump's version", ok=True, found=dump.client_version, expected=expected)


def _encryption_check(stored: StoredDump) -> Check:
    ok = stored.encryption.startswith(("AES256", "aws:kms"))
    return Check.of("dump encrypted at rest", ok=ok, found=stored.encryption, expected="AES256 or aws:kms")


def _fetch_check(settings: Settings, dump: Dump, target: Path) -> Check:
    progress = Progress(SECTION, "fetched back", settings.backup.progress_s)
    found, complaint = fetch_dump(settings, dump.stored, target, progress.bytes_done)
    return Check.of(
        "dump as fetched from the bucket",
        ok=found.sha256 == dump.sent.sha256 and not complaint,
        found=sentence("{size} bytes, sha256 {sha256}", size=found.size_bytes, sha256=found.sha256),
        expected=sentence("{size} bytes, sha256 {sha256}", size=dump.sent.size_bytes, sha256=dump.sent.sha256),
        note=complaint,
    )
