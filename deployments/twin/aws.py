"""Emulate AWS for the twin: moto for its API, real processes for its tasks, real checks for its health.

Requests pass, in this order: the twin's own doors under `/_twin/`, faults that strike before, the caller's
permissions, refusals, the operation (ours or moto's), faults that strike after, the call log.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Self

import boto3

from deployments.twin.aws_account import Account, Tempo
from deployments.twin.aws_alarms import Alarms
from deployments.twin.aws_balancing import Balancing
from deployments.twin.aws_call_log import CallLog
from deployments.twin.aws_cloudwatch import CloudWatch
from deployments.twin.aws_control import PREFIX, Control
from deployments.twin.aws_cpu import CpuMeter
from deployments.twin.aws_ecr import Registry
from deployments.twin.aws_ecs import Services
from deployments.twin.aws_faults import FaultRule, Faults
from deployments.twin.aws_health import HealthChecker, Targets
from deployments.twin.aws_launch import Launcher, TaskLaunch
from deployments.twin.aws_layer import Layer, Moto, Operations
from deployments.twin.aws_metrics import MetricStore
from deployments.twin.aws_past import Past
from deployments.twin.aws_permissions import Permissions
from deployments.twin.aws_reconciler import Reconciler
from deployments.twin.aws_routes import Routes
from deployments.twin.aws_rules import Rules
from deployments.twin.aws_server import Server
from deployments.twin.aws_stores import Stores
from deployments.twin.aws_traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.processes import Processes

__all__ = ["AwsEmulator", "FaultRule", "TaskLaunch", "Tempo"]


class AwsEmulator:
    """Hold an emulated AWS account open; leaving it ends its tasks and threads and forgets the account.

    `launcher` gives the argument list of a task's process, whose output goes to `folder`/tasks. Raises
    `RuntimeError` on entering when the account is already emulated in this process.
    """

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        launcher: Callable[[TaskLaunch], list[str]],
        account_id: str = "123456789012",
        region: str = "us-east-1",
        *,
        tempo: Tempo | None = None,
    ) -> None:
        self.account = Account(account_id, region)
        self.faults = Faults()
        self.calls = CallLog()
        self.metrics = MetricStore()
        self._processes = processes
        self._folder = folder
        self._launcher = launcher
        self._tempo = tempo or Tempo()
        self._closing = threading.Event()
        self._moto = Moto(self.account)
        self.permissions = Permissions(self.account, self._moto)
        self.targets = Targets(self.account, self._tempo)
        self.routes = Routes(self.account, self.targets, self._tempo.long_poll_s)
        self.traffic = Traffic(self.routes)
        self._registry = Registry(self.account, self._moto)
        self._services = Services(self.account, self._moto)
        self.alarms = Alarms(self.account, self.metrics, self._tempo.alarms_s)
        self.past = Past(self.account, self._services, self.alarms)
        self._awaited: dict[str, list[Callable[[], object]]] = {}
        self._layer = self._build_layer()
        self._control = Control(
            routes=self.routes,
            metrics=self.metrics,
            traffic=self.traffic,
            calls=self.calls,
            faults=self.faults,
        )
        self._server = Server(self._answer)
        self._parts = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """Give the endpoint for every AWS service and for `/_twin/`."""
        return self._server.url

    def once_after(self, operation: str, act: Callable[[], object]) -> None:
        """Do something when the next call of an operation that changes something has succeeded."""
        self._awaited.setdefault(operation, []).append(act)

    def _act_after(self, call: Call) -> None:
        for act in self._awaited.pop(call.operation, []):
            act()

    def client(self, service: str, **options: Any) -> Any:
        """Give a boto3 client of this emulator; any credentials do."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=self.account.region,
            aws_access_key_id="twin",
            aws_secret_access_key="twin",  # noqa: S106 nobody checks it
            **options,
        )

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as parts:
            self.account.hold()
            parts.callback(self.account.release)
            parts.enter_context(self._build_reconciler())
            parts.enter_context(HealthChecker(self.account, self.targets, self._tempo, self.metrics.add_hosts))
            parts.enter_context(CpuMeter(self.account, self._services, self.metrics))
            parts.enter_context(self.alarms)
            parts.enter_context(self._server)
            parts.callback(self.routes.close)
            parts.callback(self._closing.set)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def _build_layer(self) -> Layer:
        operations = Operations()
        for part in (
            Rules(self.account),
            Balancing(self.account, self.targets, self.routes, self._moto),
            self._registry,
            self._services,
            CloudWatch(self.account, self.metrics, self._moto),
            Stores(self.account, self._moto),
            self.alarms,
            self.permissions,
        ):
            part.add_to(operations)
        operations.after.append(self._act_after)
        return Layer(
            account=self.account,
            moto=self._moto,
            operations=operations,
            permissions=self.permissions,
            faults=self.faults,
            log=self.calls,
            closing=self._closing,
        )

    def _build_reconciler(self) -> Reconciler:
        tasks = Launcher(
            account=self.account,
            registry=self._registry,
            processes=self._processes,
            folder=self._folder,
            command=self._launcher,
            tempo=self._tempo,
            closing=self._closing,
        )
        return Reconciler(self.account, self._services, self.targets, tasks, self._tempo)

    def _answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        if environ["PATH_INFO"].startswith(PREFIX):
            return self._control(environ, body)
        return self._layer(environ, body)
