"""A backup counts when it was fetched again, restored and found to hold everything (safety I16)."""

import hashlib
import io
import logging
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from moto.s3.models import s3_backends

from deployments.twin.aws import AwsEmulator, FaultRule
from deployments.twin.postgres import Postgres
from tasks import backup, backup_proof
from tasks.backup import Source, back_up_database, write_dump
from tasks.backup_proof import scratch_name
from tasks.backup_store import DumpFile, StoredDump, check_lifecycle, fetch_dump, find_dump
from tasks.backup_upload import Sent, Upload
from tasks.clients.aws import s3
from tasks.errors import PermanentError, UnknownOutcome
from tasks.fingerprints import Contents
from tasks.ledger import Ledger, open_ledger
from tasks.models import BackupProof, Check, ReleasePlan
from tasks.sentences import said
from tasks.settings import Settings
from tests.tasks.stores import BUSINESS, URL_VARIABLE, databases_of, new_plan, run_sql
from tests.tasks.uploads import upload

pytest_plugins = ["tests.tasks.stores_fixtures"]

BUCKET = "backups-of-the-tests"
RELEASE = "1.1.0-backup"
ROOT = Path(__file__).parents[2]

Damage = Callable[[bytes], bytes]


@pytest.fixture
def settings(
    ledger_aws: AwsEmulator, new_settings: Callable[..., Settings], postgres: Postgres, database: str
) -> Settings:
    client = ledger_aws.client("s3")
    if BUCKET not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    run_sql(database, BUSINESS)
    return new_settings(BACKUP__BUCKET=BUCKET, DATABASE__URL=f"env:{URL_VARIABLE}", DATABASE__TOOLS=str(postgres.bin))


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id=RELEASE, version="1.1.0") as opened:
        yield opened


@pytest.fixture
def plan() -> ReleasePlan:
    return new_plan(RELEASE)


def named(proof: BackupProof, name: str) -> Check:
    return next(check for check in proof.checks if check.name == name)


def damage_what_is_fetched(monkeypatch: pytest.MonkeyPatch, damage: Damage) -> None:
    def fetched(settings: Settings, stored: StoredDump, target: Path, told: Any) -> tuple[DumpFile, str]:
        _, complaint = fetch_dump(settings, stored, target, told)
        found = damage(target.read_bytes())
        target.write_bytes(found)
        return DumpFile(target, len(found), hashlib.sha256(found).hexdigest()), complaint

    monkeypatch.setattr(backup, "fetch_dump", fetched)


class Held:
    """Hold what is written, as an upload that damages it before anybody computes a checksum."""

    def __init__(self) -> None:
        self.body = b""

    def write(self, data: bytes) -> int:
        self.body += data
        return len(data)


def damage_before_its_checksum(monkeypatch: pytest.MonkeyPatch, damage: Damage) -> None:
    def written(source: Source, upload: Upload) -> None:
        held = Held()
        write_dump(source, cast("Upload", held))
        upload.write(damage(held.body))

    monkeypatch.setattr(backup, "write_dump", written)


def in_parts(settings: Settings, **backup_settings: Any) -> Settings:
    """Make a dump of a few kilobytes go up in parts: S3 takes none below 5 MiB, the emulator does."""
    given = {"part_mb": 5, "progress_s": 0, **backup_settings}
    return settings.model_copy(update={"backup": settings.backup.model_copy(update=given)})


def fill(database: str, mebibytes: int) -> None:
    """Make a table of pictures that do not compress."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE photos (id integer, body bytea)")
        with connection.cursor().copy("COPY photos FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "bytea"])
            for number in range(mebibytes * 16):
                copy.write_row((number, os.urandom(2**16)))


def cut(dump: bytes) -> bytes:
    return dump[: len(dump) // 2]


def flipped_in_the_data(dump: bytes) -> bytes:
    """Flip one bit in the middle of the longest table's compressed rows."""
    place = len(dump) * 2 // 3
    return dump[:place] + bytes([dump[place] ^ 0b100]) + dump[place + 1 :]


def test_a_dump_is_stored_fetched_restored_and_matches(
    settings: Settings, release: Ledger, plan: ReleasePlan, postgres: Postgres
) -> None:
    proof = back_up_database.fn(settings, plan)
    assert proof.failed == ()
    assert {name: table.rows for name, table in proof.tables.items()} == {
        "logistics.Bids": 3000,
        "public.empty_one": 0,
        "public.users": 500,
    }
    assert len({table.sha256 for table in proof.tables.values()}) == 3
    assert named(proof, "dump encrypted at rest").found == "AES256"
    assert named(proof, "restored tables").found == "3 tables with 3500 rows"
    assert not {name for name in databases_of(postgres) if name.startswith("greenflow_restore_")}
    assert named(proof, "lifecycle of the dumps").outcome == "skipped"
    body = s3(settings.aws).get_object(Bucket=BUCKET, Key=proof.key)["Body"].read()
    assert hashlib.sha256(body).hexdigest() == proof.sha256


def test_the_proof_holds_while_users_go_on_writing(
    settings: Settings, release: Ledger, plan: ReleasePlan, database: str
) -> None:
    finished = threading.Event()
    written: list[int] = []

    def write() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not finished.is_set():
                connection.execute("INSERT INTO users (email, role) VALUES (gen_random_uuid()::text, 'CARRIER')")
                connection.execute("UPDATE users SET born = now() WHERE id = 1 + (random() * 499)::int")
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        proof = back_up_database.fn(settings, plan)
    finally:
        finished.set()
        writer.join()
    assert len(written) > 20
    assert proof.failed == ()


@pytest.mark.parametrize("damage", [cut, flipped_in_the_data])
def test_a_dump_damaged_in_the_bucket_is_refused_with_both_hashes(
    settings: Settings, release: Ledger, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    damage_what_is_fetched(monkeypatch, damage)
    proof = back_up_database.fn(settings, plan)
    check = named(proof, "dump as fetched from the bucket")
    assert check in proof.failed
    assert proof.sha256 in check.expected
    assert proof.sha256 not in check.found
    assert "restored tables" not in {check.name for check in proof.checks}


@pytest.mark.parametrize("damage", [cut, flipped_in_the_data])
def test_an_object_that_s3_itself_knows_to_be_damaged_is_a_failed_check(
    settings: Settings, release: Ledger, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    def stored(*given: Any) -> tuple[Sent, StoredDump]:
        sent, found = store(*given)
        kept: Any = s3_backends[settings.aws.account_id]["aws"].get_object(BUCKET, found.key)
        kept.value = damage(kept.value)
        return sent, found

    store = backup.store
    monkeypatch.setattr(backup, "store", stored)
    check = named(back_up_database.fn(settings, plan), "dump as fetched from the bucket")
    assert check.outcome == "failed"
    assert check.found != check.expected


@pytest.mark.parametrize("damage", [cut, flipped_in_the_data])
def test_a_dump_damaged_before_its_checksum_is_found_by_reading_it_whole(
    settings: Settings, release: Ledger, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    damage_before_its_checksum(monkeypatch, damage)
    proof = back_up_database.fn(settings, plan)
    (check,) = proof.failed
    assert check.name == "archive reads to its end"
    assert "pg_restore: error:" in check.found


def test_one_changed_value_among_all_rows_is_found_by_comparing_tables(
    settings: Settings, release: Ledger, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contents(scratch: backup_proof.Scratch) -> Contents:
        run_sql(scratch.url.get_secret_value(), "UPDATE users SET born = NULL WHERE id = 7")
        return read(scratch)

    read = backup_proof._contents
    monkeypatch.setattr(backup_proof, "_contents", contents)
    proof = back_up_database.fn(settings, plan)
    (check,) = proof.failed
    assert check.name == "restored tables"
    assert "public.users: 500 rows, hash" in check.found

    assert "public.users: 500 rows, hash" in check.expected


def test_the_scratch_database_goes_also_when_the_restore_fails(
    settings: Settings, release: Ledger, plan: ReleasePlan, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage_before_its_checksum(monkeypatch, cut)
    monkeypatch.setattr(backup, "read_whole_archive", lambda *_: Check.skipped("archive", "left out by the test"))
    proof = back_up_database.fn(settings, plan)
    (check,) = proof.failed
    assert check.name == "restored"
    assert "pg_restore: error:" in check.found
    assert scratch_name("greenflow_restore_", RELEASE) not in databases_of(postgres)


def test_what_a_killed_release_left_behind_is_dropped_first(
    settings: Settings, release: Ledger, plan: ReleasePlan, postgres: Postgres
) -> None:
    left = postgres.create_database(scratch_name("greenflow_restore_", RELEASE))
    run_sql(left, "CREATE TABLE public.rubbish (id integer)")
    proof = back_up_database.fn(settings, plan)
    assert proof.failed == ()


def test_every_change_is_in_the_ledger_in_its_order(settings: Settings, release: Ledger, plan: ReleasePlan) -> None:
    back_up_database.fn(settings, plan)
    done = [event.data["effect"] for event in release.events if event.kind == "effect.done"]
    assert done == [
        "s3.store_dump",
        "postgres.drop_database",
        "postgres.create_database",
        "postgres.restore",
        "postgres.drop_database",
    ]


def test_no_password_is_in_the_ledger_or_in_the_evidence(
    settings: Settings, release: Ledger, plan: ReleasePlan, postgres: Postgres
) -> None:
    proof = back_up_database.fn(settings, plan)
    assert postgres.password not in proof.model_dump_json()
    assert all(postgres.password not in event.model_dump_json() for event in release.events)


def test_an_older_pg_dump_is_refused_with_both_versions(
    settings: Settings, release: Ledger, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "client_version", lambda _: (13, "13.9"))
    with pytest.raises(PermanentError, match=r"found pg_dump 13\.9, expected \d+ or newer"):
        back_up_database.fn(settings, plan)


def test_the_live_database_is_never_taken_for_the_scratch_one(
    new_settings: Callable[..., Settings], settings: Settings, release: Ledger, database: str
) -> None:
    name = database.rsplit("/", 1)[1]
    same = settings.model_copy(update={"database": settings.database.model_copy(update={"scratch_prefix": name[:-2]})})
    with pytest.raises(PermanentError, match="is a database in use"):
        backup_proof.scratch_of(same, name[-2:])


def test_a_large_dump_streams_in_parts_and_tells_how_far_it_is(
    settings: Settings, release: Ledger, plan: ReleasePlan, database: str
) -> None:
    fill(database, 8)
    proof = back_up_database.fn(in_parts(settings), plan)
    assert proof.failed == ()
    head = s3(settings.aws).head_object(Bucket=BUCKET, Key=proof.key)
    assert head["ETag"].endswith('-2"')
    assert head["ServerSideEncryption"] == "AES256"
    told = [event.data for event in release.events if event.kind == "stage.progress"]
    assert max(data["done_bytes"] for data in told) == proof.size_bytes
    assert re.fullmatch(r"5 MiB stored in \d+ s, \d+ MiB/s", said(told[0]["said"]))


def test_several_connections_dump_a_packed_directory_of_one_snapshot(
    settings: Settings, release: Ledger, plan: ReleasePlan, postgres: Postgres
) -> None:
    proof = back_up_database.fn(in_parts(settings, dump_jobs=3), plan)
    assert proof.failed == ()
    assert proof.key.endswith(".tar")
    assert named(proof, "restored tables").found == "3 tables with 3500 rows"
    body = s3(settings.aws).get_object(Bucket=BUCKET, Key=proof.key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as package:
        assert "toc.dat" in package.getnames()


DIES_HALF_WAY = """
import os, sys
if "--version" in sys.argv:
    sys.exit(print("pg_dump (PostgreSQL) 18.1"))
sys.stdout.buffer.write(os.urandom(6 * 2**20))
sys.exit("pg_dump: error: gone")
"""


def test_a_pg_dump_that_dies_half_way_leaves_no_object_and_no_parts(
    settings: Settings, release: Ledger, plan: ReleasePlan, ledger_aws: AwsEmulator, tmp_path: Path, postgres: Postgres
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pg_dump").write_text(f"#!{sys.executable}\n{DIES_HALF_WAY}")
    (tools / "pg_dump").chmod(0o755)
    broken = in_parts(settings).model_copy(
        update={"database": settings.database.model_copy(update={"tools": str(tools)})}
    )
    before = len(objects(ledger_aws))
    with pytest.raises(PermanentError, match=r"pg_dump .*ended with exit code 1(.|\n)*pg_dump: error: gone"):
        back_up_database.fn(broken, plan)
    assert len(objects(ledger_aws)) == before
    assert not ledger_aws.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def objects(aws: AwsEmulator) -> list[Any]:
    return list(aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []))


@pytest.mark.parametrize(
    ("kind", "size_mib"), [("flip_upload", 11), ("500_before", 11), ("lost_answer", 11), ("flip_upload", 1)]
)
def test_a_part_that_arrives_damaged_or_not_at_all_is_sent_again(
    settings: Settings, release: Ledger, ledger_aws: AwsEmulator, kind: str, size_mib: int
) -> None:
    operation = "UploadPart" if size_mib > 5 else "PutObject"
    ledger_aws.faults.add(FaultRule(kind, "s3", operation, match={"Key": "dumps/*"}))
    given = in_parts(settings, retry_s=0)
    sent = upload(given, size_mib)
    assert find_dump(given, "dumps/made-up", sent) is not None


def test_a_checksum_that_s3_refuses_again_and_again_ends_the_backup_in_s3_s_words(
    settings: Settings, release: Ledger, plan: ReleasePlan, ledger_aws: AwsEmulator
) -> None:
    rule = ledger_aws.faults.add(FaultRule("flip_upload", "s3", "PutObject", match={"Key": "dumps/*"}, count=None))
    with pytest.raises(PermanentError, match=r"could not store dumps/.*: BadDigest: The SHA256 you specified"):
        back_up_database.fn(in_parts(settings, retry_s=0), plan)
    assert rule.hits == 3
    ledger_aws.faults.clear()


def test_an_upload_that_fails_leaves_no_parts_behind(
    settings: Settings, release: Ledger, ledger_aws: AwsEmulator
) -> None:
    ledger_aws.faults.add(FaultRule(service="s3", operation="CompleteMultipartUpload", kind="500_before"))
    with pytest.raises(UnknownOutcome, match="could not complete dumps/made-up"):
        upload(in_parts(settings), 6)
    assert not ledger_aws.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_a_completion_whose_answer_is_lost_is_seen(
    settings: Settings, release: Ledger, ledger_aws: AwsEmulator
) -> None:
    ledger_aws.faults.add(FaultRule(service="s3", operation="CompleteMultipartUpload", kind="503_after"))
    assert upload(in_parts(settings), 6).size_bytes == 6 * 2**20


@pytest.mark.parametrize(
    ("rule", "outcome", "found"),
    [
        ({"Filter": {"Prefix": "dumps/"}, "Expiration": {"Days": 90}}, "passed", "removed after 90 days"),
        ({"Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}, "failed", "removed after 7 days"),
        ({"Filter": {"Prefix": "other/"}, "Expiration": {"Days": 7}}, "skipped", ""),
        ({"Filter": {"Prefix": "dumps/"}, "Expiration": {"Days": 7}, "Status": "Disabled"}, "skipped", ""),
    ],
)
def test_a_lifecycle_that_removes_dumps_too_early_is_refused_and_a_missing_one_told(
    settings: Settings, ledger_aws: AwsEmulator, rule: dict[str, Any], outcome: str, found: str
) -> None:
    client = ledger_aws.client("s3")
    rules = {"Rules": [{"ID": "dumps", "Status": "Enabled", **rule}]}
    client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=rules)
    check = check_lifecycle(settings)
    client.delete_bucket_lifecycle(Bucket=BUCKET)
    assert (check.outcome, check.found) == (outcome, found)


# What is measured runs in a process of its own; pg_dump and pg_restore have theirs.
MEASURED = """
import re, sys
from pathlib import Path
from tasks.backup import back_up_database
from tasks.ledger import open_ledger
from tasks.settings import load_settings
from tests.tasks.stores import new_plan
from tests.tasks.uploads import upload
settings = load_settings("rehearsal")
def peak():
    # Not getrusage: a child starts there with the peak of whoever started it.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
before = peak()
with open_ledger(settings, release_id="1.1.0-measured", version="1.1.0"):
    what, mebibytes = sys.argv[1:]
    if what == "stage":
        proof = back_up_database.fn(settings, new_plan("1.1.0-measured"))
        assert proof.failed == (), proof.failed
    size = proof.size_bytes if what == "stage" else upload(settings, int(mebibytes)).size_bytes
print(size, peak() - before)
"""
FIRST_USE_BYTES = 60 * 2**20
"""What clients and drivers take when they are first used."""


@pytest.mark.parametrize(
    ("what", "mebibytes", "part_mb", "dump_jobs"),
    [
        ("upload", 64, 5, 1),
        pytest.param("stage", 1024, 32, 1, marks=[pytest.mark.slow, pytest.mark.timeout(2400)]),
        pytest.param("stage", 1024, 32, 4, marks=[pytest.mark.slow, pytest.mark.timeout(2400)]),
    ],
)
def test_memory_stays_flat_however_large_a_dump_is(
    settings: Settings,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    mebibytes: int,
    part_mb: int,
    dump_jobs: int,
) -> None:
    if what == "stage":
        fill(database, mebibytes)
    patient = {"AWS__REQUEST_TIMEOUT_S": 60, "LEDGER__LEASE_S": 600, "LEDGER__HEARTBEAT_S": 30}
    given = {"BACKUP__PART_MB": part_mb, "BACKUP__DUMP_JOBS": dump_jobs, **patient}
    for key, value in given.items():
        monkeypatch.setenv(f"GREENFLOW_{key}", str(value))
    argv = [sys.executable, "-c", MEASURED, what, str(mebibytes)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size, grown = (int(word) for word in done.stdout.split())
    assert size >= mebibytes * 2**20
    told = f"{grown / 2**20:.0f} MiB of memory for {size / 2**20:.0f} MiB"
    logging.getLogger(__name__).info(told)
    assert grown < part_mb * 2**20 * 1.5 + FIRST_USE_BYTES, told
