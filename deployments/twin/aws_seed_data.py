"""Tell the emulated account of its data stores: RDS and ElastiCache describe what the twin's own servers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployments.twin.aws import AwsEmulator

INSTANCE = "greenflow-db"
GROUP = "greenflow-cache"
STORAGE_GIB = 100
FREE_BYTES = 80 * 1024**3
MEASURED_MIN = 120


def create_data_stores(emulator: AwsEmulator) -> None:
    """Create a database instance and a replication group as the guide wants them."""
    _database(emulator)
    _measure(emulator)
    emulator.client("elasticache").create_replication_group(
        ReplicationGroupId=GROUP,
        ReplicationGroupDescription="sessions and business counts",
        Engine="valkey",
        CacheNodeType="cache.r6g.xlarge",
        NumCacheClusters=3,
        AutomaticFailoverEnabled=True,
        MultiAZEnabled=True,
        AtRestEncryptionEnabled=True,
        # The twin's Valkey is built without TLS.
        TransitEncryptionEnabled=False,
        SnapshotRetentionLimit=30,
    )


def protect_backups(emulator: AwsEmulator, bucket: str) -> None:
    """Encrypt the bucket of the backups, keep it private, and let old dumps and unfinished uploads go."""
    s3 = emulator.client("s3")
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True))
    unfinished = {
        "ID": "greenflow-unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    old = {
        "ID": "greenflow-old-dumps",
        "Status": "Enabled",
        "Filter": {"Prefix": "dumps/"},
        "Expiration": {"Days": 30},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [unfinished, old]})


def _database(emulator: AwsEmulator) -> None:
    emulator.client("rds").create_db_instance(
        DBInstanceIdentifier=INSTANCE,
        DBInstanceClass="db.r6g.large",
        Engine="postgres",
        EngineVersion="18.1",
        AllocatedStorage=STORAGE_GIB,
        MasterUsername="glec_admin",
        MasterUserPassword="not-that-of-the-twin",
        BackupRetentionPeriod=30,
        PreferredBackupWindow="20:00-21:00",
        PreferredMaintenanceWindow="sun:22:00-sun:23:00",
        MultiAZ=True,
        StorageEncrypted=True,
        DeletionProtection=True,
    )


def _measure(emulator: AwsEmulator) -> None:
    """Write the minutes to come: a twin lives for hours at most, and nobody measures a disk it does not have."""
    now = datetime.now(UTC)
    dimension = {"Name": "DBInstanceIdentifier", "Value": INSTANCE}
    emulator.client("cloudwatch").put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": "FreeStorageSpace",
                "Dimensions": [dimension],
                "Timestamp": now + timedelta(minutes=minute),
                "Value": FREE_BYTES,
                "Unit": "Bytes",
            }
            for minute in range(-1, MEASURED_MIN)
        ],
    )
