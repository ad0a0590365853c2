"""Check the targets of the load balancer by HTTP, and say what became of each in AWS's words."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_routes import groups_in_use
from deployments.twin.looping import Looping

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_account import Account, Tempo

_INITIAL = ("Elb.InitialHealthChecking", "Initial health checks in progress")
_UNUSED = ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_DRAINING = ("Target.DeregistrationInProgress", "Target deregistration is in progress")
_TIMEOUT = ("Target.Timeout", "Request timed out")
_REFUSED = ("Target.FailedHealthChecks", "Health checks failed")
_MISMATCH = "Target.ResponseCodeMismatch"
_CHECKED = ("healthy", "unhealthy", "initial")


@dataclass
class Target:
    """One registered address; `reason` and `description` are None while it is healthy."""

    address: str
    port: int
    state: str = "initial"
    reason: str | None = _INITIAL[0]
    description: str | None = _INITIAL[1]
    passes: int = 0
    failures: int = 0
    drained_at: float | None = None

    def become(self, state: str, why: tuple[str | None, str | None] = (None, None)) -> bool:
        """Change the state; say whether anything is different."""
        before = (self.state, self.reason, self.description)
        self.state, (self.reason, self.description) = state, why
        return before != (self.state, self.reason, self.description)


class Targets:
    """Hold the targets of every target group; `on_change` hears of what the load balancer must know."""

    def __init__(self, account: Account, tempo: Tempo) -> None:
        self._account = account
        self._tempo = tempo
        self._groups: dict[str, dict[tuple[str, int], Target]] = {}
        self.on_change: Callable[[], None] = lambda: None

    def register(self, group: str, address: str, port: int) -> None:
        """Take a target in; its first state is initial until health checks say more."""
        with self._account.lock:
            known = self._of(group).get((address, port))
            if known is None or known.state == "draining":
                self._of(group)[address, port] = Target(address, port)
        self.on_change()

    def deregister(self, group: str, address: str, port: int) -> None:
        """Let a target finish its requests for the drain's seconds, then forget it."""
        with self._account.lock:
            target = self._of(group).get((address, port))
            if target and target.become("draining", _DRAINING):
                target.drained_at = time.monotonic() + self._tempo.drain_s
        self.on_change()

    def find(self, group: str, address: str, port: int) -> Target | None:
        """Give a target, or None if it is not (or no longer) registered."""
        return self._of(group).get((address, port))

    def all_of(self, group: str) -> list[Target]:
        """Give the targets of a group in the order they came."""
        return list(self._of(group).values())

    def forget_group(self, group: str) -> None:
        """Drop a deleted target group's targets."""
        self._groups.pop(group, None)

    def routable(self, group: str) -> list[dict[str, Any]]:
        """List a group's targets for the load balancer; a draining one gets no new request."""
        return [
            {"address": target.address, "port": target.port, "health": target.state}
            for target in self.all_of(group)
            if target.state != "draining"
        ]

    def counts(self) -> dict[str, tuple[int, int]]:
        """Count healthy and unhealthy targets by group, for the groups in use that have any."""
        with self._account.lock:
            states = {arn: [target.state for target in self.all_of(arn)] for arn in groups_in_use(self._account)}
        return {arn: (each.count("healthy"), each.count("unhealthy")) for arn, each in states.items() if each}

    def to_check(self) -> list[tuple[str, Target]]:
        """Forget what has drained, mark what nobody uses, and give what is to be checked."""
        with self._account.lock:
            used = groups_in_use(self._account)
            changed = self._forget_drained()
            due = []
            for group in self._groups:
                for target in self.all_of(group):
                    changed |= _mark_use(target, used=group in used)
                    if target.state in _CHECKED:
                        due.append((group, target))
        if changed:
            self.on_change()
        return due

    def judge(self, target: Target, failure: tuple[str, str] | None) -> None:
        """Count one check's outcome (None: it passed) against the thresholds."""
        with self._account.lock:
            if target.state not in _CHECKED:
                return
            target.passes, target.failures = (0, target.failures + 1) if failure else (target.passes + 1, 0)
            changed = False
            if failure and target.failures >= self._tempo.unhealthy_threshold:
                changed = target.become("unhealthy", failure)
            elif target.passes >= self._tempo.healthy_threshold:
                changed = target.become("healthy")
        if changed:
            self.on_change()

    def _of(self, group: str) -> dict[tuple[str, int], Target]:
        return self._groups.setdefault(group, {})

    def _forget_drained(self) -> bool:
        now = time.monotonic()
        changed = False
        for targets in self._groups.values():
            for key, target in list(targets.items()):
                if target.drained_at is not None and target.drained_at <= now:
                    del targets[key]
                    changed = True
        return changed


class HealthChecker(Looping):
    """Check every target in use from one thread, and tell `on_second` the counts once a second."""

    def __init__(
        self,
        account: Account,
        targets: Targets,
        tempo: Tempo,
        on_second: Callable[[int, dict[str, Any]], None],
    ) -> None:
        self._account = account
        self._targets = targets
        self._tempo = tempo
        self._on_second = on_second
        self._checking: set[int] = set()
        super().__init__("aws-health")

    def _run(self) -> None:
        asyncio.run(self._check_all())

    async def _check_all(self) -> None:
        second = int(time.time())
        async with asyncio.TaskGroup() as checks:
            while not self._closing.is_set():
                for group, target in self._targets.to_check():
                    if id(target) not in self._checking:
                        self._checking.add(id(target))
                        checks.create_task(self._check(group, target))
                if int(time.time()) > second:
                    second = int(time.time())
                    self._on_second(second - 1, self._targets.counts())
                await asyncio.sleep(self._tempo.health_interval_s)

    async def _check(self, group: str, target: Target) -> None:
        try:
            path, accepted = self._expectation(group)
            self._targets.judge(target, await self._probe(target, path, accepted))
        finally:
            self._checking.discard(id(target))

    async def _probe(self, target: Target, path: str, accepted: str) -> tuple[str, str] | None:
        try:
            async with asyncio.timeout(self._tempo.health_timeout_s):
                status = await _status_of(target.address, target.port, path)
        except TimeoutError:
            return _TIMEOUT
        except (OSError, ValueError, IndexError):
            return _REFUSED
        if _accepts(accepted, status):
            return None
        return _MISMATCH, f"Health checks failed with these codes: [{status}]"

    def _expectation(self, group: str) -> tuple[str, str]:
        with self._account.lock:
            known = self._account.elbv2.target_groups.get(group)
            if known is None:
                return "/", "200"
            return known.health_check_path or "/", str((known.matcher or {}).get("HttpCode", "200"))


def target_health(target: Target) -> dict[str, Any]:
    """Write a target as DescribeTargetHealth does."""
    health = {"State": target.state, "Reason": target.reason, "Description": target.description}
    return {
        "Target": {"Id": target.address, "Port": target.port, "AvailabilityZone": "all"},
        "HealthCheckPort": str(target.port),
        "TargetHealth": {name: value for name, value in health.items() if value is not None},
    }


def _mark_use(target: Target, *, used: bool) -> bool:
    if target.state == "draining" or used == (target.state != "unused"):
        return False
    target.passes = target.failures = 0
    return target.become("initial", _INITIAL) if used else target.become("unused", _UNUSED)


async def _status_of(address: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        head = f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        status = int((await reader.readline()).split()[1])
        await reader.read()
        return status
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _accepts(matcher: str, status: int) -> bool:
    """Apply a target group's matcher: `200`, `200,204` or `200-299`."""
    ranges = (re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part) for part in matcher.split(","))
    return any(int(found[1]) <= status <= int(found[2] or found[1]) for found in ranges if found)
