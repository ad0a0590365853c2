"""Make what services desire come true: start tasks, replace them, roll deployments on and back."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_services import Deployment, Task, now
from deployments.twin.looping import Looping

if TYPE_CHECKING:
    from types import TracebackType

    from deployments.twin.aws_account import Account, Tempo
    from deployments.twin.aws_ecs import Services
    from deployments.twin.aws_health import Target, Targets
    from deployments.twin.aws_launch import Launcher
    from deployments.twin.aws_services import Service

LEAST_FAILURES = 3
MOST_FAILURES = 200
_STOPPED_KEPT = 50
_EXITED = "Essential container in task exited"
_SCALED = "Scaling activity initiated by (deployment {})"


class Reconciler(Looping):
    """Look at every service about ten times a second from one thread; leaving it kills all tasks."""

    def __init__(
        self, account: Account, services: Services, targets: Targets, launcher: Launcher, tempo: Tempo
    ) -> None:
        self._account = account
        self._services = services
        self._targets = targets
        self._launcher = launcher
        self._tempo = tempo
        super().__init__("aws-reconciler")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._launcher.close([task for service in self._services for task in service.tasks])

    def _run(self) -> None:
        while not self._closing.wait(self._tempo.reconcile_s):
            for service in self._services:
                with self._account.lock:
                    self._reconcile(service)

    def _reconcile(self, service: Service) -> None:
        for task in service.tasks:
            self._watch(service, task)
        self._stop_unhealthy(service)
        self._break_circuit(service)
        self._stop_surplus(service)
        self._start_missing(service)
        self._go_on_stopping(service)
        self._conclude(service)
        _forget_old(service)

    def _watch(self, service: Service, task: Task) -> None:
        """See whether its process still runs, and whether it is fit to serve."""
        if task.child is None or task.status != "RUNNING":
            return
        exit_code = task.child.poll()
        if exit_code is None:
            self._see_fitness(service, task)
            return
        self._deregister(service, task)
        if task.desired_status == "RUNNING":
            task.stop_code, task.stopped_reason = "EssentialContainerExited", _EXITED
            self._count_failure(service, task)
        task.end(exit_code=exit_code)

    def _see_fitness(self, service: Service, task: Task) -> None:
        fit = self._fit(service, task)
        task.health = "HEALTHY" if fit else "UNKNOWN"
        if fit and not task.settled:
            task.settled = True

    def _fit(self, service: Service, task: Task) -> bool:
        if task.status != "RUNNING" or not task.live:
            return False
        target = self._target_of(service, task)
        if target is not None:
            return target.state in ("healthy", "unused")
        return service.target_group is None and self._age_s(task) >= self._tempo.settle_s

    def _stop_unhealthy(self, service: Service) -> None:
        grace_s = self._tempo.health_grace_s if service.settings.get("healthCheckGracePeriodSeconds") else 0.0
        for task in service.live:
            target = self._target_of(service, task)
            if target is None or target.state != "unhealthy":
                continue
            if not task.settled and self._age_s(task) < grace_s:
                continue
            group = service.target_group
            sentence = f"is unhealthy in (target-group {group}) due to (reason {target.description})"
            service.say(f"(task {task.id}) (port {task.port}) {sentence}.")
            self._count_failure(service, task)
            self._retire(service, task, "ServiceSchedulerInitiated", f"Task failed ELB health checks in ({group})")

    def _count_failure(self, service: Service, task: Task) -> None:
        deployment = next((each for each in service.deployments if each.id == task.deployment_id), None)
        if deployment is None:
            return
        service.steady = False
        if not task.settled and deployment.rollout_state == "IN_PROGRESS":
            deployment.failed_tasks += 1
        deployment.early_ends = deployment.early_ends + 1 if self._age_s(task) < self._tempo.backoff_max_s else 1
        wait_s = min(self._tempo.backoff_max_s, self._tempo.backoff_s * 2 ** (deployment.early_ends - 1))
        deployment.launch_at = time.monotonic() + wait_s
        if deployment.early_ends == LEAST_FAILURES:
            service.say(
                "is unable to consistently start tasks successfully. For more information, see the "
                "Troubleshooting section of the Amazon ECS Developer Guide."
            )

    def _break_circuit(self, service: Service) -> None:
        enabled, rolls_back = service.breaker()
        failed = service.primary
        for task in service.tasks:
            self._count_failed_start(service, task)
        if not enabled or failed.rollout_state != "IN_PROGRESS" or failed.failed_tasks < _most_failures(service):
            return
        failed.become("FAILED", "ECS deployment circuit breaker: tasks failed to start.")
        service.say(f"(deployment {failed.id}) deployment failed: tasks failed to start.")
        if rolls_back and service.completed and service.completed[0] != failed.id:
            _roll_back(service)

    def _count_failed_start(self, service: Service, task: Task) -> None:
        if task.stop_code == "TaskFailedToStart" and task.running_since is None:
            task.running_since = time.monotonic()
            self._count_failure(service, task)

    def _stop_surplus(self, service: Service) -> None:
        primary = service.primary
        ours = [task for task in service.live if task.deployment_id == primary.id]
        others = [task for task in service.live if task.deployment_id != primary.id]
        for task in sorted(ours, key=lambda each: each.settled)[: max(0, len(ours) - primary.desired_count)]:
            self._retire(service, task, "ServiceSchedulerInitiated", _SCALED.format(primary.id))
        fit = sum(self._fit(service, task) for task in service.live)
        for task in sorted(others, key=lambda each: self._fit(service, each)):
            if self._fit(service, task):
                if fit <= service.limits()[0]:
                    return
                fit -= 1
            self._retire(service, task, "ServiceSchedulerInitiated", _SCALED.format(primary.id))

    def _start_missing(self, service: Service) -> None:
        primary = service.primary
        if primary.rollout_state == "FAILED" or time.monotonic() < primary.launch_at:
            return
        ours = [task for task in service.live if task.deployment_id == primary.id]
        room = service.limits()[1] - len(service.live)
        missing = min(primary.desired_count - len(ours), room)
        started = [self._start(service, primary) for _ in range(min(missing, self._capacity()))]
        if started:
            ids = " ".join(f"(task {task.id})" for task in started)
            service.say(f"has started {len(started)} tasks: {ids}.")
        elif missing > 0:
            primary.launch_at = time.monotonic() + self._tempo.backoff_max_s
            service.say("was unable to place a task. Reason: Capacity is unavailable at this time.")

    def _capacity(self) -> int:
        existing = sum(not task.over for service in self._services for task in service.tasks)
        return max(0, self._tempo.max_tasks - existing)

    def _start(self, service: Service, deployment: Deployment) -> Task:
        definition = self._account.ecs.describe_task_definition(deployment.task_definition)
        container: dict[str, Any] = definition.container_definitions[0]
        ports = [mapping["containerPort"] for mapping in container.get("portMappings") or []]
        cluster = service.cluster_arn.replace(":cluster/", ":task/")
        task = Task(
            arn=f"{cluster}/{uuid.uuid4().hex}",
            service=service.name,
            deployment_id=deployment.id,
            task_definition=definition.arn,
            cpu=definition.cpu,
            memory=definition.memory,
            container=container["name"],
            image=container["image"],
            port=int(ports[0]) if ports else 0,
        )
        service.tasks.append(task)
        service.steady = False
        self._launcher.start(service, task, self._register)
        return task

    def _register(self, service: Service, task: Task) -> None:
        group = service.target_group
        if group is not None and task.live:
            self._targets.register(group, task.address, task.port)
            service.say(f"registered 1 targets in (target-group {group})")

    def _deregister(self, service: Service, task: Task) -> None:
        group = service.target_group
        if group is not None and self._target_of(service, task):
            self._targets.deregister(group, task.address, task.port)
            service.say(f"deregistered 1 targets in (target-group {group})")

    def _retire(self, service: Service, task: Task, code: str, reason: str) -> None:
        task.desired_status, task.stop_code, task.stopped_reason = "STOPPED", code, reason
        service.steady = False

    def _go_on_stopping(self, service: Service) -> None:
        """Take retired tasks through draining to their end, each at its own time."""
        stopped = []
        for task in service.tasks:
            if task.desired_status == "RUNNING" or task.status != "RUNNING":
                continue
            if task.stop_at is None:
                self._drain(service, task)
            elif time.monotonic() >= task.stop_at:
                self._launcher.stop(task)
                stopped.append(task)
        if stopped:
            ids = " ".join(f"(task {task.id})" for task in stopped)
            service.say(f"has stopped {len(stopped)} running tasks: {ids}.")

    def _drain(self, service: Service, task: Task) -> None:
        registered = self._target_of(service, task) is not None
        task.stop_at = time.monotonic() + (self._tempo.drain_s if registered else 0.0)
        if registered:
            self._deregister(service, task)
            service.say("has begun draining connections on 1 tasks.")

    def _conclude(self, service: Service) -> None:
        """See whether everything is as desired, and say so once."""
        primary = service.primary
        unfinished = [task for task in service.tasks if not task.over]
        if service.status == "DRAINING" and not unfinished:
            service.status = "INACTIVE"
        fit = [task for task in unfinished if self._fit(service, task) and task.deployment_id == primary.id]
        if service.steady or primary.rollout_state == "FAILED" or service.status != "ACTIVE":
            return
        if len(unfinished) != len(fit) or len(fit) != primary.desired_count or self._just_failed(service):
            return
        service.steady = True
        if primary.rollout_state == "IN_PROGRESS":
            _complete(service, primary)
        service.say("has reached a steady state.")

    def _just_failed(self, service: Service) -> bool:
        """Keep a failed deployment in sight for a moment, as ECS does for minutes."""
        failed = [each for each in service.deployments if each.rollout_state == "FAILED"]
        return any((now() - each.updated_at).total_seconds() < self._tempo.settle_s for each in failed)

    def _target_of(self, service: Service, task: Task) -> Target | None:
        group = service.target_group
        return self._targets.find(group, task.address, task.port) if group else None

    def _age_s(self, task: Task) -> float:
        return 0.0 if task.running_since is None else time.monotonic() - task.running_since


def _most_failures(service: Service) -> int:
    half = -(-service.desired_count // 2)
    return min(MOST_FAILURES, max(LEAST_FAILURES, half))


def _roll_back(service: Service) -> None:
    """Make the last completed deployment primary again, under its own id."""
    number, definition = service.completed or ("", "")
    service.say(f"rolling back to deployment {number}.")
    known = next((each for each in service.deployments if each.id == number), None)
    deployment = known or Deployment(number, definition, service.desired_count)
    service.begin(deployment, f"ECS deployment circuit breaker: rolling back to deploymentId {number}.")


def _complete(service: Service, primary: Deployment) -> None:
    primary.become("COMPLETED", f"ECS deployment {primary.id} completed.")
    primary.failed_tasks = primary.early_ends = 0
    service.completed = (primary.id, primary.task_definition)
    service.deployments = [primary]
    service.say(f"(deployment {primary.id}) deployment completed.")


def _forget_old(service: Service) -> None:
    stopped = [task for task in service.tasks if task.over]
    for task in stopped[:-_STOPPED_KEPT]:
        service.tasks.remove(task)
