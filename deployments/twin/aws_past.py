"""Give the emulated account a past: services that have run for days before the twin was started."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_services import Deployment, Task, new_deployment_id, now

if TYPE_CHECKING:
    from datetime import datetime

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_alarms import Alarms
    from deployments.twin.aws_ecs import Services
    from deployments.twin.aws_services import Service


class Past:
    """Write into services, alarms and buckets what they went through before; nothing of it is a process."""

    def __init__(self, account: Account, services: Services, alarms: Alarms) -> None:
        self._account = account
        self._services = services
        self._alarms = alarms

    def ran(self, service: str, task_definition: str, began: datetime, count: int = 1) -> None:
        """Have a service without a load balancer run a task definition, pinned by digest, since a moment."""
        with self._account.lock:
            found: Service = next(each for each in self._services if each.name == service)
            definition = self._account.ecs.describe_task_definition(task_definition)
            container = definition.container_definitions[0]
            found.desired_count = count
            deployment = Deployment(new_deployment_id(), definition.arn, count, created_at=began)
            found.begin(deployment)
            deployment.become("COMPLETED", f"ECS deployment {deployment.id} completed.")
            deployment.updated_at = began
            found.deployments = [deployment]
            found.completed, found.steady = (deployment.id, definition.arn), True
            tasks = found.cluster_arn.replace(":cluster/", ":task/")
            found.tasks = [
                _task(f"{tasks}/{uuid.uuid4().hex}", found, deployment, container, began) for _ in range(count)
            ]

    def rang(self, alarm: str, at: datetime) -> None:
        """Have an alarm gone off at a moment, and been well again."""
        self._alarms.remember(alarm, "ALARM", at)

    def wrote(self, bucket: str, key: str, at: datetime) -> None:
        """Have an object been written at a moment."""
        with self._account.lock:
            found = self._account.s3.get_object(bucket, key)
            if found is None:
                raise KeyError(f"{bucket}/{key}")
            found.last_modified = at.replace(tzinfo=None)

    def kept(self, task_definition: str) -> None:
        """Let a task definition never have been deregistered, which AWS itself cannot."""
        with self._account.lock:
            self._account.ecs.describe_task_definition(task_definition).status = "ACTIVE"

    def forget(self, alarm: str) -> None:
        """Let nothing have happened to an alarm."""
        self._alarms.forget(alarm)


def _task(arn: str, service: Service, deployment: Deployment, container: dict[str, Any], began: datetime) -> Task:
    image = container["image"]
    return Task(
        arn=arn,
        service=service.name,
        deployment_id=deployment.id,
        task_definition=deployment.task_definition,
        cpu=None,
        memory=None,
        container=container["name"],
        image=image,
        port=0,
        digest=image.partition("@")[2] or None,
        status="RUNNING",
        health="HEALTHY",
        settled=True,
        running_since=time.monotonic() - max(0.0, (now() - began).total_seconds()),
        created_at=began,
        started_at=began,
    )
