"""Read what RDS says about a database instance, and what CloudWatch measured of it (guide 4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tasks.clients.aws import cloudwatch, error_code, rds, translated
from tasks.errors import PermanentError
from tasks.sentences import sentence
from tasks.settings import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

MISSING = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"})
PERIOD_S = 60


@dataclass(frozen=True)
class Instance:
    """Hold one instance as RDS tells it; ``pending`` are changes that wait for a maintenance window."""

    name: str
    status: str
    engine: str
    engine_version: str
    kind: str
    retention_days: int
    backup_window: str
    multi_az: bool
    encrypted: bool
    deletion_protection: bool
    storage_gib: int
    pending: Mapping[str, str]
    replicas: tuple[str, ...]
    subnet_group: str
    security_groups: tuple[str, ...]
    address: str
    restorable_until: datetime | None

    @property
    def major(self) -> int:
        """Return the engine's major version."""
        return int(self.engine_version.split(".")[0])


def read_instance(aws: AwsSettings, name: str) -> Instance | None:
    """Return an instance, or None when there is none of that name; raises RemoteError."""
    try:
        with translated(sentence("look at RDS instance {name}", name=name)):
            found = rds(aws).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    except PermanentError as error:
        if error_code(error) in MISSING:
            return None
        raise
    return _instance(found[0]) if found else None


def read_metric(
    aws: AwsSettings, name: str, metric: str, statistic: Literal["Minimum", "Maximum"], age_s: float
) -> float | None:
    """Return the newest minute of an instance's metric, or None when it is older than ``age_s``; raises RemoteError."""
    now = datetime.now(UTC)
    with translated(sentence("read {metric} of {name}", metric=metric, name=name)):
        points = cloudwatch(aws).get_metric_statistics(
            Namespace="AWS/RDS",
            MetricName=metric,
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": name}],
            StartTime=now - timedelta(seconds=age_s),
            EndTime=now,
            Period=PERIOD_S,
            Statistics=[statistic],
        )["Datapoints"]
    newest = max(points, key=lambda point: point["Timestamp"], default=None)
    return float(newest[statistic]) if newest else None


def _instance(told: "DBInstanceTypeDef") -> Instance:
    groups = told.get("VpcSecurityGroups", [])
    return Instance(
        name=told["DBInstanceIdentifier"],
        status=told.get("DBInstanceStatus", ""),
        engine=told.get("Engine", ""),
        engine_version=told.get("EngineVersion", ""),
        kind=told.get("DBInstanceClass", ""),
        retention_days=told.get("BackupRetentionPeriod", 0),
        backup_window=told.get("PreferredBackupWindow", ""),
        multi_az=told.get("MultiAZ", False),
        encrypted=told.get("StorageEncrypted", False),
        deletion_protection=told.get("DeletionProtection", False),
        storage_gib=told.get("AllocatedStorage", 0),
        pending={key: str(value) for key, value in told.get("PendingModifiedValues", {}).items() if value},
        replicas=tuple(told.get("ReadReplicaDBInstanceIdentifiers", [])),
        subnet_group=told.get("DBSubnetGroup", {}).get("DBSubnetGroupName", ""),
        security_groups=tuple(group["VpcSecurityGroupId"] for group in groups if "VpcSecurityGroupId" in group),
        address=told.get("Endpoint", {}).get("Address", ""),
        restorable_until=told.get("LatestRestorableTime"),
    )
