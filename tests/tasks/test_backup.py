"""A backup counts when it was fetched again, restored and found to hold everything (safety I16)."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from moto.s3.models import s3_backends

from deployments.twin.aws import AwsEmulator, FaultRule
from deployments.twin.postgres import Postgres
from tasks import backup, backup_proof, backup_store
from tasks.backup import back_up_database
from tasks.backup_proof import scratch_name
from tasks.backup_store import StoredDump, describe, fetch_dump, find_dump
from tasks.clients.aws import s3
from tasks.errors import PermanentError, UnknownOutcome
from tasks.fingerprints import Contents
from tasks.ledger import Ledger, effect, open_ledger
from tasks.models import BackupProof, Check, ReleasePlan
from tasks.settings import Settings
from tests.tasks.stores import BUSINESS, URL_VARIABLE, databases_of, new_plan, run_sql

pytest_plugins = ["tests.tasks.stores_fixtures"]

BUCKET = "backups-of-the-tests"
RELEASE = "1.1.0-backup"

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
    def fetched(settings: Settings, stored: StoredDump, target: Path) -> tuple[backup_store.DumpFile, str]:
        _, complaint = fetch_dump(settings, stored, target)
        target.write_bytes(damage(target.read_bytes()))
        return describe(target), complaint

    monkeypatch.setattr(backup, "fetch_dump", fetched)


def damage_before_it_is_described(monkeypatch: pytest.MonkeyPatch, damage: Damage) -> None:
    """Damage the dump where a checksum cannot see it: before anybody computes one."""

    def described(path: Path) -> backup_store.DumpFile:
        path.write_bytes(damage(path.read_bytes()))
        return describe(path)

    monkeypatch.setattr(backup, "describe", described)


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
    head = s3(settings.aws).head_object(Bucket=BUCKET, Key=proof.key)
    assert head["Metadata"]["sha256"] == proof.sha256


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
    def stored(*given: Any) -> StoredDump:
        found = store(*given)
        kept: Any = s3_backends[settings.aws.account_id]["aws"].get_object(BUCKET, found.key)
        kept.value = damage(kept.value)
        return found

    store = backup.store
    monkeypatch.setattr(backup, "store", stored)
    check = named(back_up_database.fn(settings, plan), "dump as fetched from the bucket")
    assert check.outcome == "failed"
    assert check.found != check.expected


@pytest.mark.parametrize("damage", [cut, flipped_in_the_data])
def test_a_dump_damaged_before_its_checksum_is_found_by_reading_it_whole(
    settings: Settings, release: Ledger, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    damage_before_it_is_described(monkeypatch, damage)
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
    damage_before_it_is_described(monkeypatch, cut)
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
        backup_proof._scratch(same, name[-2:])


def test_a_large_dump_goes_up_in_parts_and_comes_back_whole(
    settings: Settings, release: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(backup_store, "PART_BYTES", 5 * backup_store.MEBIBYTE)
    path = tmp_path / "large.dump"
    path.write_bytes(os.urandom(12 * backup_store.MEBIBYTE + 17))
    dump = describe(path)
    key = "dumps/large.dump"
    stored = effect(
        "s3.store_dump",
        key,
        observe=lambda: find_dump(settings, key, dump),
        act=lambda: backup_store.store_dump(settings, key, dump),
    )
    fetched, complaint = fetch_dump(settings, stored, tmp_path / "fetched.dump")
    assert (fetched.sha256, fetched.size_bytes, complaint) == (dump.sha256, dump.size_bytes, "")


def test_an_upload_that_fails_leaves_no_parts_behind(
    settings: Settings, release: Ledger, ledger_aws: AwsEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(backup_store, "PART_BYTES", 5 * backup_store.MEBIBYTE)
    path = tmp_path / "large.dump"
    path.write_bytes(os.urandom(6 * backup_store.MEBIBYTE))
    ledger_aws.faults.add(FaultRule(service="s3", operation="CompleteMultipartUpload", kind="500_before"))
    dump = describe(path)
    with pytest.raises(UnknownOutcome, match="could not store dumps/unfinished"):
        effect(
            "s3.store_dump",
            "dumps/unfinished",
            observe=lambda: find_dump(settings, "dumps/unfinished", dump),
            act=lambda: backup_store.store_dump(settings, "dumps/unfinished", dump),
        )
    assert not ledger_aws.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads")
