"""Look at one side and change its size: its ECS service and its targets (guide 3.3; safety I11).

Needs no flow around it: the way back and the cleanup use it as well.
"""

import functools
from typing import TYPE_CHECKING

from tasks.clients.aws import ecs, elbv2, translated
from tasks.ecs_services import find_service, find_tasks
from tasks.errors import PermanentError, TransientError
from tasks.ledger import effect
from tasks.models import Side
from tasks.sentences import sentence
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef, TaskTypeDef


def read_service(settings: Settings, side: Side) -> "ServiceTypeDef":
    """Return a side's ECS service; raises PermanentError when it does not exist or is being deleted."""
    return find_service(settings.aws, settings.service.cluster, settings.sides[side].service)


def primary_deployment(service: "ServiceTypeDef") -> "DeploymentTypeDef":
    """Return the deployment ECS is working towards."""
    for deployment in service.get("deployments", []):
        if deployment.get("status") == "PRIMARY":
            return deployment
    msg = sentence("could not find the primary deployment of service {name}", name=service.get("serviceName"))
    raise TransientError(msg)


def count_healthy(settings: Settings, side: Side) -> int:
    """Count the targets of a side that the load balancer finds healthy."""
    return [state for _, state in target_states(settings, side)].count("healthy")


def target_states(settings: Settings, side: Side) -> tuple[tuple[str, str], ...]:
    """Return address and state of every target of a side."""
    arn = settings.sides[side].target_group_arn
    with translated(sentence("read the target health of side {side}", side=side)):
        found = elbv2(settings.aws).describe_target_health(TargetGroupArn=arn).get("TargetHealthDescriptions", [])
    return tuple(
        (f"{each['Target']['Id']}:{each['Target'].get('Port', 0)}", each["TargetHealth"].get("State", "?"))
        for each in found
    )


def read_tasks(settings: Settings, side: Side, *, stopped: bool = False) -> tuple["TaskTypeDef", ...]:
    """Return a side's running tasks, or those that stopped in the last hour."""
    return find_tasks(settings.aws, settings.service.cluster, settings.sides[side].service, stopped=stopped)


def set_side(
    settings: Settings, side: Side, *, task_definition_arn: str, count: int, allowed_before: tuple[str, ...] | None
) -> str:
    """Make a side run ``count`` tasks of a task definition and return the id of the deployment that does it.

    Returns when ECS has taken the order, not when the tasks run. A task definition that is neither wanted nor in
    ``allowed_before`` was set by somebody else: raises PermanentError (I11). None allows whatever is there.
    """
    name = settings.sides[side].service

    def observe() -> str | None:
        service = read_service(settings, side)
        found = service.get("taskDefinition", "")
        if found == task_definition_arn:
            return primary_deployment(service)["id"] if service.get("desiredCount") == count else None
        if allowed_before is not None and found not in allowed_before:
            raise PermanentError(_drift(name, found, (*allowed_before, task_definition_arn)))
        return None

    def act() -> None:
        # ECS scales a service whose task definition was deregistered since, unless that is ordered once more.
        if read_service(settings, side).get("taskDefinition") == task_definition_arn:
            _scale(settings, name, count)
            return
        doing = sentence(
            "set service {name} to {count} tasks of {arn}", name=name, count=count, arn=task_definition_arn
        )
        with translated(doing):
            ecs(settings.aws).update_service(
                cluster=settings.service.cluster,
                service=name,
                taskDefinition=task_definition_arn,
                desiredCount=count,
                forceNewDeployment=False,
            )

    key = f"{name} {_short(task_definition_arn)} x{count}"
    data = {"service": name, "task_definition_arn": task_definition_arn, "desired_count": count}
    return effect("service.set", key, observe=observe, act=act, data=data)


def scale_side(settings: Settings, side: Side, count: int) -> int:
    """Change a side's number of tasks and nothing else, and return the number ECS was seen to want."""
    name = settings.sides[side].service

    def observe() -> int | None:
        return count if read_service(settings, side).get("desiredCount") == count else None

    data = {"service": name, "desired_count": count}
    act = functools.partial(_scale, settings, name, count)
    return effect("service.scale", f"{name} x{count}", observe=observe, act=act, data=data)


def _scale(settings: Settings, name: str, count: int) -> None:
    with translated(sentence("scale service {name} to {count} tasks", name=name, count=count)):
        ecs(settings.aws).update_service(cluster=settings.service.cluster, service=name, desiredCount=count)


def _drift(name: str, found: str, expected: tuple[str, ...]) -> str:
    wanted = " or ".join(dict.fromkeys(_short(arn) for arn in expected))
    return sentence(
        "drift: found task definition {definition} on service {name}, expected {wanted}; "
        "somebody else deployed there, nothing was overwritten: ask them, then start again",
        definition=_short(found),
        name=name,
        wanted=wanted,
    )


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
