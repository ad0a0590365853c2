"""Read what ElastiCache says about a replication group (guide 4.2)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.clients.aws import elasticache, error_code, translated
from tasks.errors import PermanentError
from tasks.sentences import sentence
from tasks.settings import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_elasticache.type_defs import ReplicationGroupTypeDef

MISSING = frozenset({"ReplicationGroupNotFoundFault", "ReplicationGroupNotFound"})


@dataclass(frozen=True)
class Group:
    """Hold one replication group as ElastiCache tells it."""

    name: str
    status: str
    engine: str
    nodes: int
    automatic_failover: bool
    multi_az: bool
    at_rest_encryption: bool
    transit_encryption: bool
    snapshot_days: int


def read_group(aws: AwsSettings, name: str) -> Group | None:
    """Return a replication group, or None when there is none of that name; raises RemoteError."""
    try:
        with translated(sentence("look at replication group {name}", name=name)):
            found = elasticache(aws).describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
    except PermanentError as error:
        if error_code(error) in MISSING:
            return None
        raise
    return _group(found[0]) if found else None


def _group(told: "ReplicationGroupTypeDef") -> Group:
    return Group(
        name=told["ReplicationGroupId"],
        status=told.get("Status", ""),
        engine=told.get("Engine", "redis"),
        nodes=len(told.get("MemberClusters", [])),
        automatic_failover=told.get("AutomaticFailover") == "enabled",
        multi_az=told.get("MultiAZ") == "enabled",
        at_rest_encryption=told.get("AtRestEncryptionEnabled", False),
        transit_encryption=told.get("TransitEncryptionEnabled", False),
        snapshot_days=told.get("SnapshotRetentionLimit", 0),
    )
