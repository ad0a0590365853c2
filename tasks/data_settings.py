"""Say how the data stores of production must be set (guide 4.1, 4.2); one that is not named is not looked at."""

from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, StringConstraints

from tasks.approval_policy import Percent, Seconds
from tasks.section import Section


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        msg = "a time zone such as Asia/Seoul"
        raise ValueError(msg)
    return ZoneInfo(name).key


DailyHours = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
Days = Annotated[int, Field(ge=1, le=35)]
"""AWS keeps automatic backups for at most 35 days."""


class RdsSettings(Section):
    """Say which RDS instance holds the database and how it must be (guide 4.1).

    ``backup_window`` is in UTC, as RDS reads it; ``release_hours`` are when a release may run, in ``time_zone``.
    ``replicas`` is how many read replicas have to follow, before a release and a day after it. A metric older than
    ``metrics_age_s`` says nothing. ``change_timeout_s`` is how long `greenflow infra apply` waits
    until it sees a change: a second zone takes RDS its time.
    """

    instance: str = ""
    oldest_engine: int = 15
    retention_days: Days = 30
    backup_window: DailyHours = "20:00-21:00"
    release_hours: DailyHours = "03:00-05:00"
    time_zone: TimeZone = "Asia/Seoul"
    multi_az: bool = True
    deletion_protection: bool = True
    free_storage_percent: Percent = 20
    replicas: Annotated[int, Field(ge=0, le=15)] = 0
    replica_lag_s: Seconds = 30
    replica_lag_mb: Annotated[float, Field(gt=0)] = 64
    metrics_age_s: Seconds = 900
    change_timeout_s: Seconds = 3600


class ElastiCacheSettings(Section):
    """Say which replication group holds the cache and how it must be (guide 4.2).

    ``node_type`` to ``security_groups`` are what `greenflow infra apply` creates it from when there is none.
    """

    replication_group: str = ""
    nodes: Annotated[int, Field(ge=1, le=6)] = 3
    snapshot_days: Days = 30
    transit_encryption: bool = True
    memory_percent: Percent = 80
    evictions_per_h: Annotated[float, Field(ge=0)] = 0
    timeout_s: Seconds = 5
    node_type: str = "cache.r6g.xlarge"
    engine: str = "redis"
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()
