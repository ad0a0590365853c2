"""What ECS knows of services, their deployments and their tasks, and how it writes them."""

from __future__ import annotations

import secrets
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployments.twin.processes import Child

_EVENTS_KEPT = 100
_LIVE = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING")


def now() -> datetime:
    """Give the time as ECS writes it."""
    return datetime.now(UTC)


def new_deployment_id() -> str:
    """Make up a deployment's id in ECS's form."""
    return f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}"


@dataclass(eq=False)
class Task:
    """One task of a service; `settled` once it was fit to serve, `stop_at` is monotonic seconds."""

    arn: str
    service: str
    deployment_id: str
    task_definition: str
    cpu: str | None
    memory: str | None
    container: str
    image: str
    port: int
    address: str = ""
    digest: str | None = None
    status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    health: str = "UNKNOWN"
    child: Child | None = None
    settled: bool = False
    running_since: float | None = None
    stop_at: float | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def live(self) -> bool:
        """Say whether it runs or will run, and nobody wants it stopped."""
        return self.desired_status == "RUNNING" and self.status in _LIVE

    @property
    def over(self) -> bool:
        return self.status == "STOPPED"

    def end(self, *, exit_code: int | None) -> None:
        """Write down that its process is gone."""
        self.status = self.desired_status = "STOPPED"
        self.stopped_at = now()
        self.stopping_at = self.stopping_at or self.stopped_at
        self.exit_code = exit_code
        self.child = None

    def described(self, cluster_arn: str) -> dict[str, Any]:
        """Write it as DescribeTasks does; what is not known yet is left out."""
        whole = {
            "taskArn": self.arn,
            "clusterArn": cluster_arn,
            "taskDefinitionArn": self.task_definition,
            "group": f"service:{self.service}",
            "startedBy": self.deployment_id,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "lastStatus": self.status,
            "desiredStatus": self.desired_status,
            "healthStatus": self.health,
            "connectivity": "CONNECTED" if self.started_at else None,
            "cpu": self.cpu,
            "memory": self.memory,
            "version": 1,
            "createdAt": self.created_at,
            "startedAt": self.started_at,
            "stoppingAt": self.stopping_at,
            "stoppedAt": self.stopped_at,
            "stopCode": self.stop_code,
            "stoppedReason": self.stopped_reason,
            "attachments": [self._attachment()],
            "containers": [self._container()],
        }
        return {name: value for name, value in whole.items() if value is not None}

    def _attachment(self) -> dict[str, Any]:
        status = {"STOPPED": "DELETED", "RUNNING": "ATTACHED"}.get(self.status, "PRECREATED")
        details = [{"name": "privateIPv4Address", "value": self.address}] if self.address else []
        return {"id": self.id, "type": "ElasticNetworkInterface", "status": status, "details": details}

    def _container(self) -> dict[str, Any]:
        whole = {
            "containerArn": self.arn.replace(":task/", ":container/"),
            "taskArn": self.arn,
            "name": self.container,
            "image": self.image,
            "imageDigest": self.digest,
            "lastStatus": self.status if self.status in ("RUNNING", "STOPPED") else "PENDING",
            "exitCode": self.exit_code,
            "reason": self.stopped_reason if self.over and self.exit_code is None else None,
            "healthStatus": self.health,
            "networkInterfaces": [{"attachmentId": self.id, "privateIpv4Address": self.address}],
        }
        return {name: value for name, value in whole.items() if value is not None}


@dataclass(eq=False)
class Deployment:
    """One rollout of a task definition to a service; `launch_at` (monotonic) holds a crash loop back."""

    id: str
    task_definition: str
    desired_count: int
    status: str = "PRIMARY"
    rollout_state: str = "IN_PROGRESS"
    reason: str = ""
    failed_tasks: int = 0
    early_ends: int = 0
    launch_at: float = 0.0
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    def become(self, rollout_state: str, reason: str) -> None:
        """Move on to another rollout state."""
        self.rollout_state, self.reason, self.updated_at = rollout_state, reason, now()


@dataclass(eq=False)
class Service:
    """One ECS service with its deployments, newest first, and all its tasks of the last while."""

    arn: str
    name: str
    cluster_arn: str
    settings: dict[str, Any]
    token: str | None
    deployments: list[Deployment]
    desired_count: int
    task_definition: str
    status: str = "ACTIVE"
    steady: bool = False
    completed: tuple[str, str] | None = None
    tasks: list[Task] = field(default_factory=list)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_EVENTS_KEPT))
    created_at: datetime = field(default_factory=now)

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    @property
    def live(self) -> list[Task]:
        return [task for task in self.tasks if task.live]

    @property
    def target_group(self) -> str | None:
        """Name the target group its tasks belong in, None for a service without a load balancer."""
        balancers = self.settings.get("loadBalancers") or []
        return balancers[0].get("targetGroupArn") if balancers else None

    def limits(self) -> tuple[int, int]:
        """Give how many tasks must be fit and how many may exist while a deployment goes on."""
        configuration = self.settings["deploymentConfiguration"]
        least = -(-self.desired_count * int(configuration["minimumHealthyPercent"]) // 100)
        return least, self.desired_count * int(configuration["maximumPercent"]) // 100

    def breaker(self) -> tuple[bool, bool]:
        """Say whether the deployment circuit breaker is on, and whether it rolls back."""
        breaker = self.settings["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
        return bool(breaker.get("enable")), bool(breaker.get("rollback"))

    def say(self, sentence: str) -> None:
        """Add an event, newest first."""
        message = f"(service {self.name}) {sentence}"
        self.events.appendleft({"id": str(uuid.uuid4()), "createdAt": now(), "message": message})

    def begin(self, deployment: Deployment, reason: str = "") -> None:
        """Make a deployment the primary one; what was primary becomes active until its tasks are gone."""
        for other in self.deployments:
            other.status, other.desired_count = "ACTIVE", 0
        deployment.status, deployment.desired_count = "PRIMARY", self.desired_count
        deployment.become("IN_PROGRESS", reason or f"ECS deployment {deployment.id} in progress.")
        self.deployments = [deployment, *(each for each in self.deployments if each is not deployment)]
        self.task_definition = deployment.task_definition
        self.steady = False

    def described(self, tags: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """Write it as DescribeServices does."""
        counts = _counts(self.tasks)
        return {
            **self.settings,
            "serviceArn": self.arn,
            "serviceName": self.name,
            "clusterArn": self.cluster_arn,
            "status": self.status,
            "desiredCount": self.desired_count,
            "runningCount": counts[0],
            "pendingCount": counts[1],
            "taskDefinition": self.task_definition,
            "deployments": [self._deployment(each) for each in self.deployments],
            "events": list(self.events),
            "createdAt": self.created_at,
            **({} if tags is None else {"tags": tags}),
        }

    def _deployment(self, deployment: Deployment) -> dict[str, Any]:
        running, pending = _counts(task for task in self.tasks if task.deployment_id == deployment.id)
        return {
            "id": deployment.id,
            "status": deployment.status,
            "taskDefinition": deployment.task_definition,
            "desiredCount": deployment.desired_count,
            "pendingCount": pending,
            "runningCount": running,
            "failedTasks": deployment.failed_tasks,
            "createdAt": deployment.created_at,
            "updatedAt": deployment.updated_at,
            "launchType": self.settings["launchType"],
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "networkConfiguration": self.settings.get("networkConfiguration", {}),
            "rolloutState": deployment.rollout_state,
            "rolloutStateReason": deployment.reason,
        }


def _counts(tasks: Iterable[Task]) -> tuple[int, int]:
    live = [task.status == "RUNNING" for task in tasks if task.live]
    return sum(live), len(live) - sum(live)
