"""Observe what production runs right now: weights, both sides' tasks, images and targets (guide 1.4)."""

from typing import TYPE_CHECKING

from tasks.clients.aws import ecs, sts, translated
from tasks.ecs_services import pulled_digest
from tasks.errors import PermanentError, SettingsError
from tasks.models import Live, Side, SideState, Weights
from tasks.registry import find_image
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.sides import count_healthy, read_service, read_tasks
from tasks.weights import read_weights

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskDefinitionTypeDef


def verify_account(settings: Settings) -> None:
    """Check that AWS knows us as the account that is meant; raises SettingsError with both numbers."""
    with translated("ask AWS which account this is"):
        found = sts(settings.aws).get_caller_identity().get("Account", "nothing")
    if found != settings.aws.account_id:
        msg = f"aws.account_id: found {found}, expected {settings.aws.account_id}; check AWS_PROFILE"
        raise SettingsError(msg)


def observe_live(settings: Settings) -> Live:
    """Return what both sides run; looks only. Raises PermanentError naming drift in the listener rule."""
    weights = read_weights(settings)
    return Live(
        weights=weights,
        a=_observe_side(settings, Side.A, weights),
        b=_observe_side(settings, Side.B, weights),
    )


def read_task_definition(settings: Settings, arn: str) -> "TaskDefinitionTypeDef":
    """Return a task definition."""
    with translated(sentence("read task definition {arn}", arn=arn)):
        return ecs(settings.aws).describe_task_definition(taskDefinition=arn)["taskDefinition"]


def container_image(definition: "TaskDefinitionTypeDef", container: str) -> str:
    """Return the image of the container that serves; raises PermanentError when there is no such container."""
    names = []
    for found in definition.get("containerDefinitions", []):
        if found.get("name") == container:
            return str(found.get("image", ""))
        names.append(str(found.get("name")))
    msg = sentence(
        "could not find container {container} in {arn}: found {names}; set service.container",
        container=container,
        names=", ".join(names) or named("none"),
        arn=definition.get("taskDefinitionArn"),
    )
    raise PermanentError(msg)


def _observe_side(settings: Settings, side: Side, weights: Weights) -> SideState:
    service = read_service(settings, side)
    arn = service.get("taskDefinition", "")
    image = container_image(read_task_definition(settings, arn), settings.service.container)
    return SideState(
        side=side,
        service=settings.sides[side].service,
        target_group_arn=settings.sides[side].target_group_arn,
        task_definition_arn=arn,
        image=image,
        digest=_digest(settings, side, image),
        desired_count=service.get("desiredCount", 0),
        running_count=service.get("runningCount", 0),
        healthy_targets=count_healthy(settings, side),
        weight=weights.of(side),
    )


def _digest(settings: Settings, side: Side, image: str) -> str:
    """Return the digest that runs: of a pinned image its own, else what the tasks pulled, else what the tag is now."""
    if "@" in image:
        return image.partition("@")[2]
    name = settings.service.container
    pulled = {digest for task in read_tasks(settings, side) if (digest := pulled_digest(task, name))}
    if len(pulled) > 1:
        msg = sentence(
            "drift: found {pulled} digests of {image} running on side {side}, expected 1; deploy it anew, pinned",
            pulled=len(pulled),
            image=image,
            side=side,
        )
        raise PermanentError(msg)
    if pulled:
        return pulled.pop()
    tagged = find_image(settings, tag=image.rpartition(":")[2]) if ":" in image.rpartition("/")[2] else None
    return tagged.digest if tagged else ""
