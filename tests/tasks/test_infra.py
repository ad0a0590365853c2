"""What differs is shown, changed once and read back; what waits and what others made is not touched unasked."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed_data import GROUP, INSTANCE, protect_backups
from tasks.errors import EnvironmentBusy, GateRefused
from tasks.event_store import EventStore, read_events
from tasks.infra import InfraPlan, plan_infra
from tasks.infra_apply import apply_infra
from tasks.ledger import open_ledger
from tasks.lock import read_lock
from tasks.operations import open_operation
from tasks.settings import Settings
from tests.tasks.stores import NewStores

pytest_plugins = ["tests.tasks.data_stores_fixtures"]

Apply = Callable[..., tuple[InfraPlan, InfraPlan]]


@pytest.fixture
def settings(new_stores: NewStores, stores_aws: AwsEmulator) -> Settings:
    """An account in which everything is as wanted."""
    settings = new_stores(LEDGER__READ_BACK_S="2", RDS__CHANGE_TIMEOUT_S="2")
    stores_aws.client("s3").put_bucket_versioning(
        Bucket=settings.backup.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    protect_backups(stores_aws, settings.backup.bucket)
    return settings


@pytest.fixture
def apply(settings: Settings) -> Apply:
    def run(given: Settings = settings, **how: bool) -> tuple[InfraPlan, InfraPlan]:
        with open_operation(given, "infra", requested_by="tester"):
            return apply_infra(given, **how)

    return run


def lines(plan: InfraPlan) -> list[str]:
    return [each.line for each in plan.differences]


def writes(aws: AwsEmulator, since: int) -> list[str]:
    """List what changed anything, but for the ledger's own objects."""
    found = [call.operation for call in aws.calls.since(since) if call.mutating]
    return [operation for operation in found if not operation.endswith("Object")]


def spoil(aws: AwsEmulator, settings: Settings) -> None:
    """Bring everything to where the guide finds it."""
    aws.client("rds").modify_db_instance(
        DBInstanceIdentifier=INSTANCE,
        BackupRetentionPeriod=7,
        PreferredBackupWindow="18:00-19:00",
        MultiAZ=False,
        DeletionProtection=False,
        ApplyImmediately=True,
    )
    aws.client("elasticache").modify_replication_group(
        ReplicationGroupId=GROUP, SnapshotRetentionLimit=1, AutomaticFailoverEnabled=False, ApplyImmediately=True
    )
    s3 = aws.client("s3")
    bucket = settings.backup.bucket
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    others: Any = {"ID": "of-somebody", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [others]})


def test_what_is_as_wanted_needs_no_change(settings: Settings, apply: Apply, stores_aws: AwsEmulator) -> None:
    since = len(stores_aws.calls.since())
    before, after = apply()
    assert (before.differences, after.differences) == ((), ())
    assert writes(stores_aws, since) == []


def test_everything_that_differs_is_changed_once_and_the_second_time_nothing(
    settings: Settings, apply: Apply, stores_aws: AwsEmulator
) -> None:
    spoil(stores_aws, settings)
    *found, lifecycle = lines(plan_infra(settings))
    assert lifecycle.endswith("-> dumps kept 30 days, unfinished uploads removed")
    assert found == [
        "RDS greenflow-db: retention_days 7 -> 30",
        "RDS greenflow-db: backup_window 18:00-19:00 -> 20:00-21:00",
        "RDS greenflow-db: multi_az off -> on (a copy is made beside it, which costs some latency)",
        "RDS greenflow-db: deletion_protection off -> on",
        "ElastiCache greenflow-cache: automatic_failover off -> on",
        "ElastiCache greenflow-cache: snapshot_days 1 -> 30",
        f"S3 {settings.backup.bucket}: versioning off -> on",
        f"S3 {settings.backup.bucket}: encryption off -> on (of what is stored from now on)",
        f"S3 {settings.backup.bucket}: public_access_block off -> on",
    ]
    since = len(stores_aws.calls.since())
    _, after = apply()
    assert after.differences == ()
    assert sorted(writes(stores_aws, since)) == [
        "ModifyDBInstance",
        "ModifyReplicationGroup",
        "PutBucketEncryption",
        "PutBucketLifecycleConfiguration",
        "PutBucketVersioning",
        "PutPublicAccessBlock",
    ]
    again = len(stores_aws.calls.since())
    apply()
    assert writes(stores_aws, again) == []


def test_lifecycle_rules_of_others_stay(settings: Settings, apply: Apply, stores_aws: AwsEmulator) -> None:
    spoil(stores_aws, settings)
    apply()
    answer = stores_aws.client("s3").get_bucket_lifecycle_configuration(Bucket=settings.backup.bucket)
    assert [rule["ID"] for rule in answer["Rules"]] == [
        "of-somebody",
        "greenflow-unfinished-uploads",
        "greenflow-old-dumps",
    ]


def test_a_change_that_waits_is_never_applied_unasked(
    settings: Settings, apply: Apply, stores_aws: AwsEmulator
) -> None:
    rds = stores_aws.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier=INSTANCE, DeletionProtection=False, ApplyImmediately=True)
    rds.modify_db_instance(DBInstanceIdentifier=INSTANCE, DBInstanceClass="db.r6g.8xlarge", ApplyImmediately=False)
    assert plan_infra(settings).waiting == ("DBInstanceClass db.r6g.8xlarge",)
    since = len(stores_aws.calls.since())
    with pytest.raises(GateRefused, match=r"found DBInstanceClass db\.r6g\.8xlarge waiting for a maintenance window"):
        apply()
    assert writes(stores_aws, since) == []
    _, after = apply(with_waiting=True)
    assert (after.differences, after.waiting) == ((), ())
    found = rds.describe_db_instances(DBInstanceIdentifier=INSTANCE)["DBInstances"][0]
    assert found["DBInstanceClass"] == "db.r6g.8xlarge"


def test_a_group_that_is_missing_is_created_as_the_guide_wants_it(
    new_stores: NewStores, apply: Apply, stores_aws: AwsEmulator
) -> None:
    settings = new_stores(ELASTICACHE__REPLICATION_GROUP="greenflow-new", ELASTICACHE__TRANSIT_ENCRYPTION="true")
    _, after = apply(settings)
    assert not [each for each in after.differences if each.resource.startswith("ElastiCache")]
    found = stores_aws.client("elasticache").describe_replication_groups(ReplicationGroupId="greenflow-new")
    group = found["ReplicationGroups"][0]
    assert len(group["MemberClusters"]) == 3
    assert group["TransitEncryptionEnabled"]
    assert group["AtRestEncryptionEnabled"]


def test_a_group_with_too_few_nodes_grows_before_it_fails_over(
    new_stores: NewStores, apply: Apply, stores_aws: AwsEmulator
) -> None:
    stores_aws.client("elasticache").create_replication_group(
        ReplicationGroupId="small", ReplicationGroupDescription="small", AtRestEncryptionEnabled=True
    )
    settings = new_stores(ELASTICACHE__REPLICATION_GROUP="small")
    since = len(stores_aws.calls.since())
    _, after = apply(settings)
    assert not [each for each in after.differences if each.resource.startswith("ElastiCache")]
    assert [each for each in writes(stores_aws, since) if "Repli" in each] == [
        "IncreaseReplicaCount",
        "ModifyReplicationGroup",
    ]


def test_what_cannot_be_switched_on_in_place_is_left_to_people(
    new_stores: NewStores, apply: Apply, stores_aws: AwsEmulator
) -> None:
    stores_aws.client("rds").create_db_instance(
        DBInstanceIdentifier="plain",
        DBInstanceClass="db.r6g.large",
        Engine="postgres",
        AllocatedStorage=100,
        BackupRetentionPeriod=30,
        PreferredBackupWindow="20:00-21:00",
        MultiAZ=True,
        DeletionProtection=True,
    )
    settings = new_stores(RDS__INSTANCE="plain")
    since = len(stores_aws.calls.since())
    _, after = apply(settings)
    (left,) = [each for each in after.differences if each.resource == "RDS plain"]
    assert "by hand: copy a snapshot with a key" in left.line
    assert "ModifyDBInstance" not in writes(stores_aws, since)


def test_a_release_and_an_operation_never_hold_the_environment_together(settings: Settings, apply: Apply) -> None:
    with (
        open_ledger(settings, release_id="1.1.0-busy", version="1.1.0"),
        pytest.raises(EnvironmentBusy, match=r"is held by release 1\.1\.0-busy"),
    ):
        apply()
    with (
        open_operation(settings, "infra", requested_by="tester"),
        pytest.raises(EnvironmentBusy, match="is held by operation infra-"),
        open_ledger(settings, release_id="1.1.0-late", version="1.1.0"),
    ):
        pass


def test_an_operation_that_died_holds_up_no_release(new_stores: NewStores) -> None:
    settings = new_stores(LEDGER__LEASE_S="0.2", LEDGER__HEARTBEAT_S="0.1")
    with open_operation(settings, "infra", requested_by="tester") as operation:
        operation.lock.abandon()
        died = operation.lock.record
        time.sleep(2.3)  # the store tells times in whole seconds
        with open_ledger(settings, release_id="1.1.0-next", version="1.1.0") as ledger:
            assert ledger.release_id == "1.1.0-next"
            assert ledger.lock.record.epoch == died.epoch + 1


def test_every_change_is_in_a_chain_of_its_own(settings: Settings, apply: Apply, stores_aws: AwsEmulator) -> None:
    spoil(stores_aws, settings)
    apply()
    store = EventStore(settings)
    lock = read_lock(store, settings.name)
    assert lock is not None
    assert (lock.room, lock.state) == ("operations", "free")
    events = read_events(store, lock.release_id, room="operations")
    assert events[0].kind == "operation.opened"
    assert events[-1].data == {"reason": "done"}
    done = {event.data["effect"] for event in events if event.kind == "effect.done"}
    assert done == {
        "rds.modify",
        "elasticache.modify",
        "s3.versioning",
        "s3.encryption",
        "s3.public_access_block",
        "s3.lifecycle",
    }
