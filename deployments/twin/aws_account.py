"""Reach moto's backends of the one account an emulator plays, and know how fast the twin runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from moto.core.base_backend import BackendDict
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.elasticache.models import elasticache_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.rds.models import rds_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends

if TYPE_CHECKING:
    from moto.ecr.models import ECRBackend
    from moto.ecs.models import EC2ContainerServiceBackend
    from moto.elasticache.models import ElastiCacheBackend
    from moto.elbv2.models import ELBv2Backend
    from moto.iam.models import IAMBackend
    from moto.rds.models import RDSBackend
    from moto.s3.models import S3Backend
    from moto.secretsmanager.models import SecretsManagerBackend

# moto offers only the reset of all accounts at once; this list is how it does that.
_BACKENDS: list[Any] = BackendDict._instances  # type: ignore[misc]  # noqa: SLF001


@dataclass(frozen=True)
class Tempo:
    """Say how fast the twin's AWS is: what takes minutes there takes these seconds here.

    The health check's path and accepted codes come from the target group, its speed from here.
    `health_grace_s` stands for a service's healthCheckGracePeriodSeconds, whatever that says, if it has one.
    """

    reconcile_s: float = 0.1
    start_delay_s: float = 0.2
    health_interval_s: float = 0.25
    health_timeout_s: float = 1.0
    healthy_threshold: int = 2
    unhealthy_threshold: int = 2
    health_grace_s: float = 8.0
    settle_s: float = 0.5
    drain_s: float = 0.5
    stop_grace_s: float = 2.0
    backoff_s: float = 0.25
    backoff_max_s: float = 5.0
    max_tasks: int = 20
    long_poll_s: float = 5.0
    alarms_s: float = 1.0


class Account:
    """One AWS account in one region, held by one emulator of this process at a time.

    moto keeps every account's things in this process and does not guard them against threads: whoever reads
    or changes them holds `lock`, which is also what makes a conditional write atomic.
    """

    _held: ClassVar[set[str]] = set()

    def __init__(self, account_id: str, region: str) -> None:
        self.id = account_id
        self.region = region
        self.lock = threading.RLock()

    def hold(self) -> None:
        """Take the account, empty; raises `RuntimeError` when another emulator of this process has it."""
        if self.id in self._held:
            raise RuntimeError(f"could not emulate account {self.id}: it is already emulated in this process")
        self._held.add(self.id)
        self._empty()

    def release(self) -> None:
        """Forget everything in the account and let another emulator have it."""
        self._empty()
        self._held.discard(self.id)

    def _empty(self) -> None:
        for backends in _BACKENDS:
            if self.id in backends:
                backends[self.id].reset()
                del backends[self.id]
        for bucket, (_partition, owner) in list(s3_backends.bucket_accounts.items()):
            if owner == self.id:
                del s3_backends.bucket_accounts[bucket]

    @property
    def ecs(self) -> EC2ContainerServiceBackend:
        return ecs_backends[self.id][self.region]

    @property
    def elbv2(self) -> ELBv2Backend:
        return elbv2_backends[self.id][self.region]

    @property
    def ecr(self) -> ECRBackend:
        return ecr_backends[self.id][self.region]

    @property
    def s3(self) -> S3Backend:
        return s3_backends[self.id]["aws"]

    @property
    def iam(self) -> IAMBackend:
        return iam_backends[self.id]["aws"]

    @property
    def secrets(self) -> SecretsManagerBackend:
        return secretsmanager_backends[self.id][self.region]

    @property
    def rds(self) -> RDSBackend:
        return rds_backends[self.id][self.region]

    @property
    def elasticache(self) -> ElastiCacheBackend:
        return elasticache_backends[self.id][self.region]
