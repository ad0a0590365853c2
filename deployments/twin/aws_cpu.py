"""Measure how busy the tasks of each service are, every second, as ECS tells CloudWatch: CPUUtilization."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import psutil

from deployments.twin.looping import Looping

if TYPE_CHECKING:
    from deployments.twin.aws_account import Account
    from deployments.twin.aws_ecs import Services
    from deployments.twin.aws_metrics import MetricStore
    from deployments.twin.aws_services import Service

_EVERY_S = 1.0


class CpuMeter(Looping):
    """Keep each second's average over a service's running tasks, in percent of one processor a task."""

    def __init__(self, account: Account, services: Services, store: MetricStore) -> None:
        self._account = account
        self._services = services
        self._store = store
        self._seen: dict[int, float] = {}
        super().__init__("aws-cpu")

    def _run(self) -> None:
        before_s = time.monotonic()
        while not self._closing.wait(_EVERY_S):
            now_s = time.monotonic()
            self._measure(now_s - before_s)
            before_s = now_s

    def _measure(self, passed_s: float) -> None:
        with self._account.lock:
            pids = {_name(service): _pids(service) for service in self._services}
        used = {pid: _used_s(pid) for group in pids.values() for pid in group}
        busy = {pid: max(0.0, used[pid] - self._seen[pid]) / passed_s for pid in used if pid in self._seen}
        self._seen = used
        measured = {name: [busy[pid] for pid in group if pid in busy] for name, group in pids.items()}
        percent = {name: 100 * sum(each) / len(each) for name, each in measured.items() if each}
        self._store.add_cpu(int(time.time()), percent)


def _name(service: Service) -> str:
    return f"{service.cluster_arn.rpartition('/')[2]}/{service.name}"


def _pids(service: Service) -> list[int]:
    return [task.child.pid for task in service.tasks if task.child and task.status == "RUNNING"]


def _used_s(pid: int) -> float:
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0
