"""A restore needs another person, makes something new, and never touches what is live."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal

import psycopg
import pytest

from deployments.operate import answer_ask
from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed_data import INSTANCE
from deployments.twin.postgres import Postgres
from flows.restore import Wish, restore_database
from tasks.backup import back_up_database
from tasks.errors import EnvironmentBusy, GateRefused, RolledBack, SettingsError
from tasks.event_store import EventStore, read_events
from tasks.identity import operator
from tasks.ledger import open_ledger
from tasks.lock import read_lock
from tasks.models import BackupProof, Event
from tasks.settings import Settings
from tests.tasks.stores import BUSINESS, URL_VARIABLE, NewStores, databases_of, new_plan, run_sql

pytest_plugins = ["tests.tasks.data_stores_fixtures", "tests.tasks.stores_fixtures"]

SOMEBODY = "U0SOMEBODY"
RELEASE = "1.1.0-proved"


@pytest.fixture
def settings(new_stores: NewStores, postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    run_sql(database, BUSINESS)
    given = {"DATABASE__URL": f"env:{URL_VARIABLE}", "DATABASE__TOOLS": str(postgres.bin), "APPROVAL__POLL_S": "0.05"}
    caller = operator(new_stores(**given))
    return new_stores(**given, APPROVAL__APPROVERS=json.dumps([caller, SOMEBODY]), APPROVAL__EXPIRES_S="60")


@pytest.fixture
def proof(settings: Settings) -> BackupProof:
    with open_ledger(settings, release_id=RELEASE, version="1.1.0"):
        return back_up_database.fn(settings, new_plan(RELEASE))


@pytest.fixture
def into() -> str:
    return f"restored_{secrets.token_hex(4)}"


@contextmanager
def somebody_says(settings: Settings, decision: Literal["approve", "reject"]) -> Iterator[list[str]]:
    """Answer at the command line as soon as there is a question, and keep what was said to the answer."""
    said: list[str] = []
    over = threading.Event()

    def answer() -> None:
        while not said and not over.wait(0.05):
            try:
                said.append(answer_ask(settings, decision, "looked at it"))
            except GateRefused as refused:
                if "asks nothing" not in str(refused):
                    said.append(str(refused))

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield said
    finally:
        over.set()
        thread.join()


def chain(settings: Settings) -> list[Event]:
    store = EventStore(settings)
    lock = read_lock(store, settings.name)
    assert lock is not None
    return read_events(store, lock.release_id, room="operations")


def rows(postgres: Postgres, name: str) -> int:
    with psycopg.connect(postgres.url(name)) as connection:
        row = connection.execute('SELECT count(*) FROM logistics."Bids"').fetchone()
    return int(row[0]) if row else -1


def test_a_proven_dump_becomes_a_new_database_after_another_person_s_yes(
    settings: Settings, proof: BackupProof, postgres: Postgres, database: str, into: str
) -> None:
    run_sql(database, 'DELETE FROM logistics."Bids" WHERE weight > 100')
    live = database.rpartition("/")[2]
    before = rows(postgres, live)
    with somebody_says(settings, "approve") as said:
        done = restore_database(settings, Wish(into, "bids were deleted", SOMEBODY, dump=proof.key))
    assert said == [f"Approved: the database of rehearsal is restored as {into}."]
    assert done.evidence.failed == ()
    assert done.evidence.checks[1].found == "3 tables with 3500 rows"
    assert rows(postgres, into) == 3000
    assert rows(postgres, live) == before < 3000
    assert done.next_steps[-1] == f"to let it go: DROP DATABASE {into}"
    kinds = [event.data["effect"] for event in chain(settings) if event.kind == "effect.done"]
    assert kinds == ["postgres.create_database", "postgres.restore"]


@pytest.mark.parametrize(
    ("decision", "is_own", "why"),
    [("reject", False, "rejected by arn:aws:sts::"), ("approve", True, "nobody answered in time")],
    ids=["a no", "the requester's own yes"],
)
def test_without_another_person_s_yes_nothing_is_made(
    settings: Settings,
    proof: BackupProof,
    postgres: Postgres,
    into: str,
    decision: Literal["approve", "reject"],
    *,
    is_own: bool,
    why: str,
) -> None:
    who = operator(settings) if is_own else SOMEBODY
    approval = settings.approval.model_copy(update={"expires_s": 2.0 if is_own else 60.0})
    settings = settings.model_copy(update={"approval": approval})
    with somebody_says(settings, decision) as said, pytest.raises(RolledBack, match=why) as caught:
        restore_database(settings, Wish(into, "to see", who, dump=proof.key))
    assert caught.value.code == 4
    assert into not in databases_of(postgres)
    assert ("somebody else has to approve it" in said[0]) is is_own


def test_a_dump_without_a_proof_is_not_even_asked_about(settings: Settings, proof: BackupProof, into: str) -> None:
    for key in ("dumps/1.1.0-proved/other.dump", "dumps/unknown/20260101T000000Z.dump", "elsewhere.dump"):
        with pytest.raises(GateRefused, match="found no proof of"):
            restore_database(settings, Wish(into, "to see", SOMEBODY, dump=key))


def test_other_bytes_under_a_proven_key_are_refused_with_both_hashes(
    settings: Settings, proof: BackupProof, stores_aws: AwsEmulator, postgres: Postgres, into: str
) -> None:
    stores_aws.client("s3").put_object(Bucket=proof.bucket, Key=proof.key, Body=b"something else")
    with somebody_says(settings, "approve"), pytest.raises(GateRefused, match=proof.sha256):
        restore_database(settings, Wish(into, "to see", SOMEBODY, dump=proof.key))
    assert into not in databases_of(postgres)


def test_nothing_is_ever_restored_over_another_database(
    settings: Settings, proof: BackupProof, database: str, postgres: Postgres, into: str
) -> None:
    postgres.create_database(into)
    for name, said in (
        (into, "found a database named"),
        (database.rpartition("/")[2], "not the live one"),
        ("postgres", "expected a new database"),
        ('x"; DROP DATABASE y', "expected a new database"),
    ):
        with pytest.raises(SettingsError, match=said):
            restore_database(settings, Wish(name, "to see", SOMEBODY, dump=proof.key))


def test_a_release_that_holds_the_environment_is_not_disturbed(
    settings: Settings, proof: BackupProof, into: str
) -> None:
    with (
        open_ledger(settings, release_id="1.2.0-busy", version="1.2.0"),
        pytest.raises(EnvironmentBusy, match=r"held by release 1\.2\.0-busy"),
    ):
        restore_database(settings, Wish(into, "to see", SOMEBODY, dump=proof.key))


def test_rds_is_restored_to_a_point_in_time_as_a_new_instance(settings: Settings, stores_aws: AwsEmulator) -> None:
    at = datetime.now(UTC) - timedelta(minutes=30)
    with somebody_says(settings, "approve"):
        done = restore_database(settings, Wish("greenflow-db-0255", "a wrong update", SOMEBODY, at=at))
    assert done.evidence.failed == ()
    (call,) = [call for call in stores_aws.calls.since() if call.operation == "RestoreDBInstanceToPointInTime"][-1:]
    found = stores_aws.client("rds").describe_db_instances(DBInstanceIdentifier="greenflow-db-0255")["DBInstances"][0]
    assert found["StorageEncrypted"]
    assert call.error is None


@pytest.mark.parametrize(
    ("name", "minutes", "said"),
    [
        (INSTANCE, -30, "expected the name of a new instance"),
        ("Bad--Name", -30, "expected the name of a new instance"),
        ("greenflow-db-2", 60, "expected a time up to"),
    ],
)
def test_what_rds_cannot_do_is_refused_before_anybody_is_asked(
    settings: Settings, name: str, minutes: int, said: str
) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(SettingsError, match=said):
        restore_database(settings, Wish(name, "to see", SOMEBODY, at=at))
