"""Change the data stores as planned: outside of a release, by effects that are read back (guide 1.3, 4.1, 4.2)."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from tasks.bucket import read_bucket, with_ours
from tasks.clients.aws import elasticache, rds, s3, translated
from tasks.elasticache import read_group
from tasks.errors import GateRefused
from tasks.infra import InfraPlan, compare_bucket, compare_group, compare_instance, plan_infra
from tasks.ledger import effect
from tasks.rds import read_instance
from tasks.sentences import sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.infra")

RDS_PARAMETERS = {
    "retention_days": "BackupRetentionPeriod",
    "backup_window": "PreferredBackupWindow",
    "multi_az": "MultiAZ",
    "deletion_protection": "DeletionProtection",
}
GROUP_PARAMETERS = {"snapshot_days": "SnapshotRetentionLimit", "automatic_failover": "AutomaticFailoverEnabled"}


def apply_infra(settings: Settings, *, with_waiting: bool = False) -> tuple[InfraPlan, InfraPlan]:
    """Change what differs and return the plans before and after; needs an open operation.

    RDS applies every change that waits together with an immediate one: without ``with_waiting`` such an instance is
    left alone. Raises GateRefused for that, RemoteError for what AWS refuses.
    """
    plan = plan_infra(settings)
    changes_rds = bool(plan.of(f"RDS {settings.rds.instance}"))
    if changes_rds and plan.waiting and not with_waiting:
        msg = sentence(
            "infra apply refused: found {waiting} waiting for a maintenance window of {instance}, "
            "expected nothing: any change now would apply it as well; wait for it, or say "
            "--with-waiting",
            waiting=", ".join(plan.waiting),
            instance=settings.rds.instance,
        )
        raise GateRefused(msg, gate="infra apply")
    for change in (_change_bucket, _change_database, _change_cache):
        change(settings, plan)
    return plan, plan_infra(settings)


def _change_database(settings: Settings, plan: InfraPlan) -> None:
    wanted = settings.rds
    names = plan.of(f"RDS {wanted.instance}")
    parameters: dict[str, Any] = {RDS_PARAMETERS[name]: getattr(wanted, name) for name in names}
    if not parameters:
        return

    def observe() -> bool | None:
        instance = read_instance(settings.aws, wanted.instance)
        left = {each.name for each in compare_instance(instance, wanted)} & names
        return None if left or instance is None or instance.status != "available" else True

    def act() -> None:
        with translated(sentence("change RDS instance {instance}", instance=wanted.instance)):
            rds(settings.aws).modify_db_instance(
                DBInstanceIdentifier=wanted.instance, ApplyImmediately=True, **parameters
            )

    _effect(settings, "rds.modify", wanted.instance, observe, act, parameters)


def _change_cache(settings: Settings, plan: InfraPlan) -> None:
    wanted = settings.elasticache
    names = plan.of(f"ElastiCache {wanted.replication_group}")
    if "group" in names:
        _create_group(settings)
        return
    if "nodes" in names:
        _add_nodes(settings)
    values = {"snapshot_days": wanted.snapshot_days, "automatic_failover": True}
    parameters: dict[str, Any] = {GROUP_PARAMETERS[name]: values[name] for name in values if name in names}
    if not parameters:
        return

    def act() -> None:
        with translated(
            sentence("change replication group {replication_group}", replication_group=wanted.replication_group)
        ):
            elasticache(settings.aws).modify_replication_group(
                ReplicationGroupId=wanted.replication_group, ApplyImmediately=True, **parameters
            )

    observe = _group_has(settings, frozenset(values))
    _effect(settings, "elasticache.modify", wanted.replication_group, observe, act, parameters)


def _create_group(settings: Settings) -> None:
    wanted = settings.elasticache
    places: dict[str, Any] = {"CacheSubnetGroupName": wanted.subnet_group} if wanted.subnet_group else {}
    groups: dict[str, Any] = {"SecurityGroupIds": list(wanted.security_groups)} if wanted.security_groups else {}

    def act() -> None:
        with translated(
            sentence("create replication group {replication_group}", replication_group=wanted.replication_group)
        ):
            elasticache(settings.aws).create_replication_group(
                ReplicationGroupId=wanted.replication_group,
                ReplicationGroupDescription=f"GreenFlow {settings.name}",
                Engine=wanted.engine,
                CacheNodeType=wanted.node_type,
                NumCacheClusters=wanted.nodes,
                AutomaticFailoverEnabled=wanted.nodes > 1,
                MultiAZEnabled=wanted.nodes > 1,
                AtRestEncryptionEnabled=True,
                TransitEncryptionEnabled=wanted.transit_encryption,
                SnapshotRetentionLimit=wanted.snapshot_days,
                **places,
                **groups,
            )

    everything = frozenset({"group", "nodes", *GROUP_PARAMETERS})
    _effect(settings, "elasticache.create", wanted.replication_group, _group_has(settings, everything), act)


def _add_nodes(settings: Settings) -> None:
    wanted = settings.elasticache

    def act() -> None:
        with translated(sentence("add replicas to {replication_group}", replication_group=wanted.replication_group)):
            elasticache(settings.aws).increase_replica_count(
                ReplicationGroupId=wanted.replication_group, NewReplicaCount=wanted.nodes - 1, ApplyImmediately=True
            )

    observe = _group_has(settings, frozenset({"nodes"}))
    _effect(settings, "elasticache.grow", wanted.replication_group, observe, act, {"nodes": wanted.nodes})


def _group_has(settings: Settings, names: frozenset[str]) -> Callable[[], bool | None]:
    """Return a look that is true when none of ``names`` differs any more and the group is at rest."""
    wanted = settings.elasticache

    def observe() -> bool | None:
        group = read_group(settings.aws, wanted.replication_group)
        left = {each.name for each in compare_group(group, wanted)} & names
        return None if left or group is None or group.status != "available" else True

    return observe


def _change_bucket(settings: Settings, plan: InfraPlan) -> None:
    acts = {
        "versioning": _keep_versions,
        "encryption": _encrypt,
        "public_access_block": _block_public,
        "lifecycle": _set_lifecycle,
    }
    for name in acts.keys() & plan.of(f"S3 {settings.backup.bucket}"):
        _change_one(settings, name, acts[name])


def _change_one(settings: Settings, name: str, change: Callable[[Settings], None]) -> None:
    bucket = settings.backup.bucket

    def observe() -> bool | None:
        left = {each.name for each in compare_bucket(read_bucket(settings), settings.backup)}
        return None if name in left else True

    def act() -> None:
        with translated(sentence("change the {name} of bucket {bucket}", name=name, bucket=bucket)):
            change(settings)

    _effect(settings, f"s3.{name}", bucket, observe, act)


def _keep_versions(settings: Settings) -> None:
    s3(settings.aws).put_bucket_versioning(
        Bucket=settings.backup.bucket,
        ExpectedBucketOwner=settings.aws.account_id,
        VersioningConfiguration={"Status": "Enabled"},
    )


def _encrypt(settings: Settings) -> None:
    key = settings.backup.kms_key
    default: Any = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    s3(settings.aws).put_bucket_encryption(
        Bucket=settings.backup.bucket,
        ExpectedBucketOwner=settings.aws.account_id,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )


def _block_public(settings: Settings) -> None:
    s3(settings.aws).put_public_access_block(
        Bucket=settings.backup.bucket,
        ExpectedBucketOwner=settings.aws.account_id,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )


def _set_lifecycle(settings: Settings) -> None:
    rules: Any = with_ours(read_bucket(settings), settings.backup)
    s3(settings.aws).put_bucket_lifecycle_configuration(
        Bucket=settings.backup.bucket,
        ExpectedBucketOwner=settings.aws.account_id,
        LifecycleConfiguration={"Rules": rules},
    )


def _effect(
    settings: Settings,
    kind: str,
    key: str,
    observe: Callable[[], bool | None],
    act: Callable[[], None],
    data: Mapping[str, Any] | None = None,
) -> None:
    log.info("%s %s", kind, key)
    effect(kind, key, observe=observe, act=act, data=data, read_back_s=settings.rds.change_timeout_s)
