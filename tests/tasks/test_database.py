"""The database is what the guide asks for, or the check says what it is instead, with both values."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed_data import INSTANCE
from deployments.twin.postgres import Postgres
from deployments.twin.postgres_replica import Replica
from deployments.twin.processes import Processes
from tasks.database import verify_database
from tasks.database_checks import check_database
from tasks.ledger import open_ledger
from tasks.models import Check
from tests.tasks.stores import URL_VARIABLE, NewStores, run_sql

pytest_plugins = ["tests.tasks.data_stores_fixtures", "tests.tasks.stores_fixtures"]

DATABASE = {"DATABASE__URL": f"env:{URL_VARIABLE}"}


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def failed(checks: tuple[Check, ...]) -> list[str]:
    return [check.name for check in checks if check.outcome == "failed"]


def test_a_database_as_the_guide_wants_it_passes_every_check(new_stores: NewStores, database: str) -> None:
    settings = new_stores(**DATABASE)
    with open_ledger(settings, release_id="1.1.0-data", version="1.1.0"):
        evidence = verify_database.fn(settings)
    assert evidence.failed == ()
    assert named(evidence.checks, "RDS free storage").found == "80.0 GiB, 80 %"
    assert "05:00-06:00 Asia/Seoul" in named(evidence.checks, "RDS backup window").found
    assert named(evidence.checks, "streaming replicas").outcome == "skipped"


@pytest.mark.parametrize(
    ("change", "name", "found"),
    [
        ({"BackupRetentionPeriod": 7}, "RDS automatic backups", "kept 7 days"),
        ({"PreferredBackupWindow": "18:30-19:00"}, "RDS backup window", "18:30-19:00 UTC, which is 03:30-04:00"),
        ({"MultiAZ": False}, "RDS in a second zone", "off"),
        ({"DeletionProtection": False}, "RDS deletion protection", "off"),
        ({"EngineVersion": "13.9"}, "RDS engine", "postgres 13.9"),
        ({"AllocatedStorage": 500}, "RDS free storage", "80.0 GiB, 16 %"),
    ],
    ids=["backups of a week", "a backup in mid-release", "one zone", "deletable", "an old engine", "a full disk"],
)
def test_what_differs_from_the_guide_is_found_with_both_values(
    new_stores: NewStores, stores_aws: AwsEmulator, database: str, change: dict[str, Any], name: str, found: str
) -> None:
    settings = new_stores(**DATABASE)
    stores_aws.client("rds").modify_db_instance(DBInstanceIdentifier=INSTANCE, ApplyImmediately=True, **change)
    checks = check_database(settings)
    assert failed(checks) == [name]
    assert named(checks, name).found.startswith(found)


def test_a_change_that_waits_for_a_window_is_found(
    new_stores: NewStores, stores_aws: AwsEmulator, database: str
) -> None:
    settings = new_stores(**DATABASE)
    stores_aws.client("rds").modify_db_instance(
        DBInstanceIdentifier=INSTANCE, DBInstanceClass="db.r6g.4xlarge", ApplyImmediately=False
    )
    check = named(check_database(settings), "RDS changes that wait")
    assert (check.outcome, check.found) == ("failed", "DBInstanceClass db.r6g.4xlarge")


def test_a_disk_nobody_measured_lately_is_no_room(
    new_stores: NewStores, stores_aws: AwsEmulator, database: str
) -> None:
    settings = new_stores(**DATABASE, RDS__INSTANCE="unmeasured")
    stores_aws.client("rds").create_db_instance(
        DBInstanceIdentifier="unmeasured", DBInstanceClass="db.r6g.large", Engine="postgres", AllocatedStorage=100
    )
    assert named(check_database(settings), "RDS free storage").found == "no value in the last 15 min"


def test_an_unnamed_instance_is_skipped_with_the_reason(new_stores: NewStores, database: str) -> None:
    settings = new_stores(**DATABASE)
    nameless = settings.model_copy(update={"rds": settings.rds.model_copy(update={"instance": ""})})
    check = named(check_database(nameless), "RDS instance")
    assert (check.outcome, check.note) == ("skipped", "off: rds.instance names none")


def test_a_wrong_name_is_refused(new_stores: NewStores, database: str) -> None:
    check = named(check_database(new_stores(**DATABASE, RDS__INSTANCE="greenflow-db-2")), "RDS instance")
    assert (check.outcome, check.found) == ("failed", "none named greenflow-db-2")


@pytest.mark.parametrize(
    ("lag", "found"), [(-1.0, "no replication"), (95.0, "95 s"), (None, "no value")], ids=["broken", "late", "unseen"]
)
def test_a_read_replica_that_lags_is_found_by_its_metric(
    new_stores: NewStores, stores_aws: AwsEmulator, database: str, lag: float | None, found: str
) -> None:
    settings = new_stores(**DATABASE)
    replica = f"greenflow-db-{lag}".replace(".", "-").lower()
    stores_aws.client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier=replica, SourceDBInstanceIdentifier=INSTANCE
    )
    if lag is not None:
        dimension = {"Name": "DBInstanceIdentifier", "Value": replica}
        at = datetime.now(UTC) - timedelta(seconds=60)
        point = {"MetricName": "ReplicaLag", "Dimensions": [dimension], "Value": lag, "Timestamp": at}
        stores_aws.client("cloudwatch").put_metric_data(Namespace="AWS/RDS", MetricData=[point])
    check = named(check_database(settings), f"lag of replica {replica}")
    assert check.outcome == "failed"
    assert check.found.startswith(found)


@pytest.fixture(scope="module")
def replica(postgres: Postgres) -> Iterator[Replica]:
    with Processes() as processes, Replica(postgres, processes, processes.folder) as started:
        yield started


def streams(checks: tuple[Check, ...]) -> Check | None:
    return next((check for check in checks if check.name == "streaming replica reader"), None)


def until_it_streams(settings: Any) -> Check:
    deadline_s = time.monotonic() + 20
    while not (check := streams(check_database(settings))) or check.outcome == "failed":
        assert time.monotonic() < deadline_s, check
        time.sleep(0.05)
    return check


def test_a_real_replica_that_stops_to_replay_is_found_by_its_bytes(
    new_stores: NewStores, database: str, replica: Replica, tmp_path: Path
) -> None:
    settings = new_stores(**DATABASE, RDS__REPLICA_LAG_MB="1")
    assert until_it_streams(settings).found.startswith("streaming, 0.0 MB")
    replica.pause()
    run_sql(database, "CREATE TABLE much AS SELECT n, repeat('x', 100) AS text FROM generate_series(1, 20000) n")
    check = streams(check_database(settings))
    assert check is not None
    assert check.outcome == "failed"
    assert check.expected == "streaming, <= 1 MB and <= 30 s behind"


def test_an_address_of_a_replica_is_refused(
    new_stores: NewStores, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, replica.url())
    check = named(check_database(new_stores(**DATABASE)), "PostgreSQL server")
    assert check.outcome == "failed"
    assert check.note == "database.url points to a replica"


def test_without_the_right_to_look_a_replica_is_not_called_well(
    new_stores: NewStores, database: str, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sql(database, "CREATE ROLE blind LOGIN PASSWORD 'blind'")
    with psycopg.connect(database) as connection:
        info = connection.info
        monkeypatch.setenv(URL_VARIABLE, f"postgresql://blind:blind@{info.host}:{info.port}/{info.dbname}")
    check = streams(check_database(new_stores(**DATABASE)))
    assert check is None or check.note == "grant pg_monitor to us"
