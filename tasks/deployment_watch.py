"""Wait for our deployment of a side, and know early when it will not come (guide 3.3; safety I9, I10)."""

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.clients.redaction import printable
from tasks.errors import GateRefused, TransientError
from tasks.ledger import note
from tasks.models import Check, Record, Side
from tasks.sentences import joined, named, sentence
from tasks.settings import Settings
from tasks.sides import count_healthy, read_service, read_tasks
from tasks.waits import wait_until

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef, TaskTypeDef

log = logging.getLogger("greenflow.service")

HOPELESS = (
    "CannotPull",
    "ResourceInitializationError",
    "CannotStartContainer",
    "CannotCreateContainer",
    "AccessDenied",
)
"""What no second start of the same task definition cures."""
FAILED_STARTS = 3
FAILED_STOPS = frozenset({"TaskFailedToStart", "EssentialContainerExited"})
EVENT_LIMIT = 300
UNFIT = re.compile(r"is unhealthy in .* due to \(reason (.+)\)")
"""How ECS tells why the load balancer refuses a task."""


class Settled(Record):
    """Hold a deployment as it was seen to be done: every task ours, every target healthy."""

    deployment_id: str
    task_definition_arn: str
    running_count: int
    healthy_targets: int
    digests: tuple[str, ...]


class Seen(Record):
    """Hold one look at a deployment."""

    rollout_state: str
    desired_count: int
    running_count: int
    pending_count: int
    healthy_targets: int

    @property
    def said(self) -> str:
        """Write the look for people."""
        return sentence(
            "{state}, {running} of {desired} running, {pending} pending, {healthy} healthy",
            state=self.rollout_state,
            running=self.running_count,
            desired=self.desired_count,
            pending=self.pending_count,
            healthy=self.healthy_targets,
        )


@dataclass
class Watch:
    """Look at one deployment again and again; made by ``await_deployment``."""

    settings: Settings
    side: Side
    deployment_id: str
    task_definition_arn: str
    good_looks: int = 0
    last: Seen | None = None
    told: set[str] = field(default_factory=set)
    unfit: dict[str, None] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """Return the name of the side's service."""
        return self.settings.sides[self.side].service

    def look(self) -> Settled | None:
        """Return the deployment when it is done and was so at the looks before; raises GateRefused when it failed."""
        service = read_service(self.settings, self.side)
        ours = self._ours(service)
        self._tell_events(service, ours)
        self._refuse_failure(ours)
        seen = Seen(
            rollout_state=ours.get("rolloutState", "?"),
            desired_count=service.get("desiredCount", 0),
            running_count=ours.get("runningCount", 0),
            pending_count=ours.get("pendingCount", 0),
            healthy_targets=count_healthy(self.settings, self.side),
        )
        self._tell(seen)
        self.good_looks = self.good_looks + 1 if self._good(seen) else 0
        return self._settled(seen) if self.good_looks >= self.settings.service.healthy_polls else None

    def describe(self) -> str:
        """Say what was seen last."""
        return self.last.said if self.last else named("nothing")

    def refused(self, why: str) -> GateRefused:
        """Make the refusal that carries ECS's own words."""
        reasons = joined("; ", dict.fromkeys((why, *self._stop_reasons(), *self.unfit)))
        check = Check.of(
            sentence("deployment of {service}", service=self.service),
            ok=False,
            found=reasons,
            expected="COMPLETED, all healthy",
        )
        msg = sentence(
            "service {service} refused: {reasons}; expected our deployment COMPLETED with all targets healthy",
            service=self.service,
            reasons=reasons,
        )
        return GateRefused(msg, gate="service", checks=(check,))

    def _ours(self, service: "ServiceTypeDef") -> "DeploymentTypeDef":
        for deployment in service.get("deployments", []):
            if deployment.get("id") == self.deployment_id:
                return deployment
        now = service.get("taskDefinition", "?").rpartition("/")[2]
        raise self.refused(
            sentence(
                "our deployment is gone and {definition} runs: the circuit breaker or a person replaced it",
                definition=now,
            )
        )

    def _refuse_failure(self, ours: "DeploymentTypeDef") -> None:
        if ours.get("rolloutState") == "FAILED":
            raise self.refused(sentence("FAILED: {why}", why=_said(ours) or named("no reason given")))
        if ours.get("status") != "PRIMARY":
            why = _said(ours) or named("ECS rolled it back or somebody replaced it")
            raise self.refused(sentence("our deployment is {status} now: {why}", status=ours.get("status"), why=why))
        if ours.get("rolloutState") != "COMPLETED":
            self._refuse_stops()

    def _refuse_stops(self) -> None:
        stopped = self._failed_tasks()
        hopeless = any(word in _reason(task) for task in stopped for word in HOPELESS)
        if hopeless or len(stopped) >= FAILED_STARTS:
            raise self.refused(sentence("{count} of its tasks failed", count=len(stopped)))

    def _failed_tasks(self) -> tuple["TaskTypeDef", ...]:
        stopped = read_tasks(self.settings, self.side, stopped=True)
        ours = (task for task in stopped if task.get("startedBy") == self.deployment_id)
        return tuple(task for task in ours if task.get("stopCode") in FAILED_STOPS or "failed" in _reason(task))

    def _stop_reasons(self) -> tuple[str, ...]:
        return tuple(sorted({_reason(task) for task in self._failed_tasks()}))[:FAILED_STARTS]

    def _good(self, seen: Seen) -> bool:
        return seen.rollout_state == "COMPLETED" and seen.running_count == seen.healthy_targets == seen.desired_count

    def _settled(self, seen: Seen) -> Settled:
        running = [task for task in read_tasks(self.settings, self.side) if task.get("startedBy") == self.deployment_id]
        name = self.settings.service.container
        digests = {
            found.get("imageDigest", "")
            for task in running
            for found in task.get("containers", [])
            if found.get("name") == name
        }
        return Settled(
            deployment_id=self.deployment_id,
            task_definition_arn=self.task_definition_arn,
            running_count=seen.running_count,
            healthy_targets=seen.healthy_targets,
            digests=tuple(sorted(digests)),
        )

    def _tell(self, seen: Seen) -> None:
        if seen != self.last:
            self.last = seen
            log.info("%s: %s", self.service, seen.said)
            note("stage.progress", {"stage": "3.3", "service": self.service, "said": seen.said, **seen.model_dump()})

    def _tell_events(self, service: "ServiceTypeDef", ours: "DeploymentTypeDef") -> None:
        """Pass on what ECS says of this deployment; what it said before is old news."""
        for event in reversed(service.get("events", [])):
            if event["id"] in self.told or event["createdAt"] < ours["createdAt"]:
                continue
            self.told.add(event["id"])
            message = printable(event.get("message", ""))[:EVENT_LIMIT]
            if found := UNFIT.search(message):
                self.unfit[found[1]] = None
            log.info("%s", message)
            note("stage.progress", {"stage": "3.3", "service": self.service, "event": message})


def await_deployment(settings: Settings, side: Side, *, deployment_id: str, task_definition_arn: str) -> Settled:
    """Return our deployment when it is completed with every target healthy, several looks in a row.

    Raises GateRefused with ECS's reasons as soon as it failed, or when ``service.deadline_s`` is over.
    """
    watch = Watch(settings, side, deployment_id, task_definition_arn)
    try:
        return wait_until(
            watch.look,
            what=sentence("the deployment of {service}", service=watch.service),
            deadline_s=settings.service.deadline_s,
            poll_s=settings.service.poll_s,
            describe=watch.describe,
        )
    except TransientError as error:
        raise watch.refused(str(error)) from error


def _said(deployment: "DeploymentTypeDef") -> str:
    return printable(deployment.get("rolloutStateReason", ""))


def _reason(task: "TaskTypeDef") -> str:
    containers = [
        f"{found.get('name')} {found.get('reason') or 'exit code ' + str(found['exitCode'])}"
        for found in task.get("containers", [])
        if found.get("reason") or found.get("exitCode")
    ]
    return printable("; ".join([task.get("stoppedReason", "no reason given"), *containers]))[:EVENT_LIMIT]
