"""What the checklist must find before anything is touched: bad results, silent alarms, weak stores, no way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from deployments.twin.mishap import Mishap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployments.twin.mishap import Befall
    from deployments.twin.stack import Twin

LATE_REPLICA = "greenflow-db-late"
LATE_S = 95.0


def _leave_e2e(*, tests: int, failing: int = 0, age_h: float = 0) -> Befall:
    """Have the pipeline left other results of this version's E2E tests."""

    def befall(twin: Twin, version: str) -> Mapping[str, str]:
        from deployments.twin.staging import TESTS, junit  # noqa: PLC0415 - the command line reads this table

        commit = twin.repository.commits[version]
        body = junit(commit, failing=TESTS[:failing], tests=TESTS[:tests])
        twin.staging.put(f"e2e/{commit}.xml", body, age_h)
        return {}

    return befall


def _advise(twin: Twin, _version: str) -> Mapping[str, str]:
    from deployments.twin.npm_registry import Advisory  # noqa: PLC0415 - the command line reads this table

    twin.npm.advisories.append(Advisory("pg"))
    return {"GREENFLOW_CHECKLIST__AUDIT__PROJECTS": '["projects/glec-api-backend"]'}


def _silence_metrics(twin: Twin, _version: str) -> Mapping[str, str]:
    twin.silence_metrics()
    return {}


def _keep_backups_for_a_week(twin: Twin, _version: str) -> Mapping[str, str]:
    from deployments.twin.aws_seed_data import INSTANCE  # noqa: PLC0415 - the command line reads this table

    change = partial(
        twin.emulator.client("rds").modify_db_instance, DBInstanceIdentifier=INSTANCE, ApplyImmediately=True
    )
    change(BackupRetentionPeriod=7)
    twin.afterwards(lambda: change(BackupRetentionPeriod=30))
    return {}


def _stop_failover(twin: Twin, _version: str) -> Mapping[str, str]:
    from deployments.twin.aws_seed_data import GROUP  # noqa: PLC0415 - the command line reads this table

    change = partial(
        twin.emulator.client("elasticache").modify_replication_group, ReplicationGroupId=GROUP, ApplyImmediately=True
    )
    change(AutomaticFailoverEnabled=False)
    twin.afterwards(lambda: change(AutomaticFailoverEnabled=True))
    return {}


def _let_replica_lag(twin: Twin, _version: str) -> Mapping[str, str]:
    from deployments.twin.aws_seed_data import INSTANCE  # noqa: PLC0415 - the command line reads this table

    rds = twin.emulator.client("rds")
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier=LATE_REPLICA, SourceDBInstanceIdentifier=INSTANCE, DeletionProtection=False
    )
    twin.afterwards(lambda: rds.delete_db_instance(DBInstanceIdentifier=LATE_REPLICA, SkipFinalSnapshot=True))
    twin.emulator.client("cloudwatch").put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": "ReplicaLag",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": LATE_REPLICA}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=1),
                "Value": LATE_S,
            }
        ],
    )
    return {}


def _deregister_what_runs(twin: Twin, _version: str) -> Mapping[str, str]:
    """Deregister the task definition that serves, as a clean-up of old revisions does."""
    ecs, seeded = twin.emulator.client("ecs"), twin.seeded
    found = ecs.describe_services(cluster=seeded.cluster, services=list(seeded.services.values()))["services"]
    arn = next(service["taskDefinition"] for service in found if service["desiredCount"])
    ecs.deregister_task_definition(taskDefinition=arn)
    twin.afterwards(lambda: twin.emulator.past.kept(arn))
    return {}


ON_THE_CHECKLIST = (
    Mishap(
        "e2e-fails",
        "One of the version's E2E tests has failed.",
        r"E2E: tests: found 1 of 5 failed: sees the front page, expected 0 failed of at least 1",
        befall=_leave_e2e(tests=5, failing=1),
    ),
    Mishap(
        "e2e-empty",
        "The file of the E2E tests holds no test.",
        r"E2E: tests: found 0 of 0 failed, expected 0 failed of at least 1",
        befall=_leave_e2e(tests=0),
    ),
    Mishap(
        "e2e-stale",
        "The E2E tests ran thirty hours ago.",
        r"E2E: age: found 30\.0 h, expected <= 24 h",
        befall=_leave_e2e(tests=5, age_h=30),
    ),
    Mishap(
        "audit-finding",
        "npm knows a serious advisory about a package of the version.",
        r"npm audit: projects/glec-api-backend: found .*GHSA-twin-twin-twin in pg \(high: Prototype pollution\)",
        befall=_advise,
    ),
    Mishap(
        "alarm-without-data",
        "What the alarms watch has had no data.",
        r"alarm \S+: found no data of .+ within .+, expected calls people, data within",
        befall=_silence_metrics,
    ),
    Mishap(
        "backups-of-a-week",
        "RDS keeps its automatic backups for seven days only.",
        r"RDS automatic backups: found kept 7 days, expected >= 30 days \(`greenflow infra plan`",
        befall=_keep_backups_for_a_week,
    ),
    Mishap(
        "replica-lags",
        "A read replica of the database is a minute and a half behind.",
        rf"lag of replica {LATE_REPLICA}: found 95 s, expected <= 30 s",
        befall=_let_replica_lag,
    ),
    Mishap(
        "cache-without-failover",
        "The cache's replication group does not fail over by itself.",
        r"ElastiCache automatic failover: found off, expected on \(`greenflow infra plan`",
        befall=_stop_failover,
    ),
    Mishap(
        "way-back-deregistered",
        "The task definition that runs has been deregistered.",
        r"task definition to come home to: found \S+ INACTIVE, expected ACTIVE",
        befall=_deregister_what_runs,
    ),
)
"""The mishaps that are found before the restore point is marked, or in the stores beside it."""
