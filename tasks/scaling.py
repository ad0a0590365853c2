"""Hold autoscaling back while a release counts on the number of tasks (guide 3.3; safety I15)."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tasks.clients.aws import autoscaling, translated
from tasks.ledger import effect
from tasks.models import RestorePoint
from tasks.sentences import named, sentence
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling.type_defs import SuspendedStateTypeDef

DIMENSION: Literal["ecs:service:DesiredCount"] = "ecs:service:DesiredCount"


class Scaling(NamedTuple):
    """Hold how a service scales: its bounds in tasks, and what of it is suspended, as AWS says it."""

    service: str
    least: int
    most: int
    suspended: dict[str, bool]

    @property
    def scale_in_suspended(self) -> bool:
        """Tell whether this service may not lose tasks."""
        return self.suspended["DynamicScalingInSuspended"]


def read_scaling(settings: Settings) -> dict[str, Scaling]:
    """Return how the two services scale, by service; one that does not scale is left out."""
    resources = {resource_id(settings, side.service): side.service for side in settings.sides.values()}
    with translated("read autoscaling"):
        found = (
            autoscaling(settings.aws)
            .describe_scalable_targets(
                ServiceNamespace="ecs", ResourceIds=sorted(resources), ScalableDimension=DIMENSION
            )
            .get("ScalableTargets", [])
        )
    known = {resources[target["ResourceId"]]: target for target in found if target["ResourceId"] in resources}
    return {
        service: Scaling(service, target["MinCapacity"], target["MaxCapacity"], _suspended(target))
        for service, target in known.items()
    }


def suspend_scaling(settings: Settings) -> tuple[str, ...]:
    """Forbid autoscaling to take tasks away from either service; more it may still add. Returns the services."""
    scaling = read_scaling(settings)
    for service in scaling:
        _set(settings, service, suspended=True)
    return tuple(scaling)


def resume_scaling(settings: Settings, restore_point: RestorePoint) -> tuple[str, ...]:
    """Let autoscaling do again what it did before the release. Returns the services."""
    ours = [service for service in read_scaling(settings) if service not in restore_point.scale_in_suspended]
    for service in ours:
        _set(settings, service, suspended=False)
    return tuple(ours)


def resource_id(settings: Settings, service: str) -> str:
    """Return a service's name as autoscaling says it."""
    return f"service/{settings.service.cluster.rpartition('/')[2]}/{service}"


def _set(settings: Settings, service: str, *, suspended: bool) -> None:
    def observe() -> bool | None:
        found = read_scaling(settings).get(service)
        return True if found and found.scale_in_suspended == suspended else None

    def act() -> None:
        # A missing part means "as it is" to AWS today; saying all three does not depend on that.
        state = {**read_scaling(settings)[service].suspended, "DynamicScalingInSuspended": suspended}
        with translated(
            sentence(
                "{what} scale-in of service {service}",
                what=named("suspend" if suspended else "resume"),
                service=service,
            )
        ):
            autoscaling(settings.aws).register_scalable_target(
                ServiceNamespace="ecs",
                ResourceId=resource_id(settings, service),
                ScalableDimension=DIMENSION,
                SuspendedState=_state(state),
            )

    effect("scaling.suspend" if suspended else "scaling.resume", service, observe=observe, act=act)


def _suspended(target: Any) -> dict[str, bool]:
    state = target.get("SuspendedState") or {}
    names = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return {name: bool(state.get(name)) for name in names}


def _state(state: dict[str, bool]) -> "SuspendedStateTypeDef":
    return {
        "DynamicScalingInSuspended": state["DynamicScalingInSuspended"],
        "DynamicScalingOutSuspended": state["DynamicScalingOutSuspended"],
        "ScheduledScalingSuspended": state["ScheduledScalingSuspended"],
    }
