"""Turn a task definition into a running process: pull the image, fetch the secrets, start it."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError
from deployments.twin.aws_services import now
from deployments.twin.processes import loopback_address

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from deployments.twin.aws_account import Account, Tempo
    from deployments.twin.aws_ecr import Registry
    from deployments.twin.aws_services import Service, Task
    from deployments.twin.processes import Child, Processes

_PARTS_OF_A_SECRET_ARN = 7


@dataclass(frozen=True)
class TaskLaunch:
    """What a task's process is to be: where it listens, what its image says of itself, what it is told."""

    address: str
    port: int
    image_annotations: dict[str, str]
    environment: dict[str, str]
    task_definition_arn: str
    service: str


class Launcher:
    """Start and stop tasks' processes away from the reconciler, which must not wait for them."""

    def __init__(
        self,
        *,
        account: Account,
        registry: Registry,
        processes: Processes,
        folder: Path,
        command: Callable[[TaskLaunch], list[str]],
        tempo: Tempo,
        closing: threading.Event,
    ) -> None:
        self._account = account
        self._registry = registry
        self._processes = processes
        self._folder = folder
        self._command = command
        self._tempo = tempo
        self._closing = closing
        self._hands = ThreadPoolExecutor(max_workers=8, thread_name_prefix="aws-task")

    def start(self, service: Service, task: Task, started: Callable[[Service, Task], None]) -> None:
        """Start a task; `started` is called under the account's lock when its process runs."""
        self._hands.submit(self._start, service, task, started)

    def stop(self, task: Task) -> None:
        """End a task whose connections have drained: SIGTERM, then SIGKILL after the grace."""
        task.status = "STOPPING"
        self._hands.submit(self._stop, task)

    def close(self, tasks: Iterable[Task]) -> None:
        """Kill what still runs and wait until nobody starts anything any more."""
        for task in tasks:
            if task.child is not None:
                task.child.kill()
        self._hands.shutdown(wait=True, cancel_futures=True)
        for task in tasks:
            if task.child is not None:
                task.child.kill()

    def _start(self, service: Service, task: Task, started: Callable[[Service, Task], None]) -> None:
        if self._closing.wait(self._tempo.start_delay_s):
            return
        try:
            child = self._process(self._prepared(service, task), task)
        except Exception as error:  # noqa: BLE001 the command is the caller's: whatever it raises ends in the task
            with self._account.lock:
                _fail(service, task, error)
            return
        with self._account.lock:
            task.child, task.started_at, task.running_since = child, now(), time.monotonic()
            task.status = "RUNNING"
            started(service, task)

    def _process(self, launch: TaskLaunch, task: Task) -> Child:
        log = self._folder / "tasks" / f"{launch.service}-{task.id}.log"
        name = f"{launch.service}/{task.id[:8]}"
        return self._processes.start(self._command(launch), env=launch.environment, log=log, name=name)

    def _stop(self, task: Task) -> None:
        child = task.child
        exit_code = child.stop(self._tempo.stop_grace_s) if child else None
        with self._account.lock:
            task.end(exit_code=exit_code)
        if child:
            self._processes.forget(child)

    def _prepared(self, service: Service, task: Task) -> TaskLaunch:
        with self._account.lock:
            definition = self._account.ecs.describe_task_definition(task.task_definition)
            container: dict[str, Any] = definition.container_definitions[0]
            _check_role(self._account, getattr(definition, "execution_role_arn", None))
            image = self._registry.pull(container["image"])
            environment = {each["name"]: each["value"] for each in container.get("environment") or []}
            for secret in container.get("secrets") or []:
                environment[secret["name"]] = _secret(self._account, secret["valueFrom"])
        task.digest = image.digest
        task.address = loopback_address(task.port)
        task.status = "PENDING"
        return TaskLaunch(task.address, task.port, image.annotations, environment, task.task_definition, service.name)


def _fail(service: Service, task: Task, error: Exception) -> None:
    known = isinstance(error, AwsError)
    reason = str(error) if known else f"CannotStartContainerError: {type(error).__name__}: {error}"
    task.stop_code = "TaskFailedToStart"
    task.stopped_reason = reason
    task.end(exit_code=None)
    service.say(f"was unable to place a task. Reason: {reason}.")


def _check_role(account: Account, role_arn: str | None) -> None:
    if role_arn is None or any(role.arn == role_arn for role in account.iam.roles.values()):
        return
    raise AwsError(
        "AccessDenied",
        f"ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that "
        "the role being passed has the proper trust relationship and permissions and that your IAM user has "
        "permissions to pass this role",
    )


def _secret(account: Account, value_from: str) -> str:
    """Fetch a secret by its ARN, or one key of it (`arn:…:name-abc:key:stage:version`)."""
    parts = value_from.split(":")
    arn, rest = ":".join(parts[:_PARTS_OF_A_SECRET_ARN]), parts[_PARTS_OF_A_SECRET_ARN:]
    stored = account.secrets.secrets.get(arn)
    if stored is None or stored.is_deleted():
        raise _no_secret(value_from, "ResourceNotFoundException: Secrets Manager can't find the specified secret.")
    text: str = account.secrets.get_secret_value(arn, "", "")["SecretString"]
    if not rest or not rest[0]:
        return text
    keys: dict[str, Any] = json.loads(text)
    if rest[0] not in keys:
        raise _no_secret(value_from, f"retrieved secret did not contain json key {rest[0]}")
    return str(keys[rest[0]])


def _no_secret(value_from: str, why: str) -> AwsError:
    return AwsError(
        "ResourceInitializationError",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
        "failed: unable to retrieve secret from asm: fetching secret data from AWS Secrets Manager: "
        f"{value_from}: {why}",
    )
