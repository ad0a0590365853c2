"""Tell what somebody else changed: what is found against what a release recorded (safety I11)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.core.record import Ending, ReleaseState
from flows.core.traces import How
from tasks.models import FULL_WEIGHT, Weights
from tasks.picture import Picture, ServicePicture

Facts = Mapping[str, str]
NOTHING = "nothing"
WEIGHTS = "weights: "
SCALED = "as many as autoscaling decides"


def drifted(expected: Facts, found: Facts) -> tuple[str, ...]:
    """Return one sentence for each fact that is not as expected, with what is there and what should be."""
    return tuple(
        f"{name}: found {found.get(name, NOTHING)}, expected {expected.get(name, NOTHING)}"
        for name in sorted({*expected, *found})
        if found.get(name) not in {expected.get(name), SCALED}
    )


def facts(picture: Picture) -> dict[str, str]:
    """Return a picture as flat facts, each with a name that people understand."""
    services = [fact for name, seen in picture.services.items() for fact in _service(name, seen)]
    alarms = [fact for name, alarm in picture.alarms.items() for fact in _flat(f"alarm {name}", alarm)]
    return {**_rule(picture.rule_actions), **dict(services), **dict(alarms)}


def recorded(state: ReleaseState, groups: Mapping[str, str]) -> dict[str, str]:
    """Return what a release that is over left behind, as its ledger has it: weights, the rule, both services.

    ``groups`` holds the target group of each side.
    """
    plan, point = state.plan, state.restore_point
    if plan is None or point is None:
        return {}
    shipped = state.ending is Ending.SHIPPED
    weights = Weights.giving(plan.candidate, FULL_WEIGHT) if shipped else point.live.weights
    services = {
        side.service: ServicePicture(task_definition_arn=side.task_definition_arn, desired_count=side.desired_count)
        for side in (point.live.a, point.live.b)
    }
    for name, order in state.orders.items():
        arn = order.task_definition_arn or services[name].task_definition_arn
        services[name] = ServicePicture(task_definition_arn=arn, desired_count=order.desired_count)
    by_side = weights.model_dump()
    wanted = {f"weight of {_short(arn)}": f"{by_side[side]} %" for side, arn in groups.items()}
    return {**facts(Picture(rule_actions=point.rule_actions, services=services, alarms={})), **wanted}


def moved_by_somebody_else(state: ReleaseState, found: Weights) -> tuple[str, ...]:
    """Say that traffic is where a running release has neither put it nor is putting it."""
    if state.restore_point is None:
        return ()
    known = str(state.weights or state.restore_point.live.weights)
    under_way = {
        change.key
        for change in state.changes
        if change.what in {"traffic.shift", "traffic.home"} and change.how in {How.UNDER_WAY, How.UNKNOWN}
    }
    return () if str(found) in {known, *under_way} else (f"{WEIGHTS}found {found}, expected {known}",)


def _rule(actions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return a listener rule's actions: the weights by target group, and everything else by its path."""
    found: dict[str, str] = {}
    for number, action in enumerate(actions, start=1):
        rest = {name: part for name, part in action.items() if name not in {"ForwardConfig", "TargetGroupArn"}}
        forward = dict(action.get("ForwardConfig", {}))
        groups = forward.pop("TargetGroups", [])
        found |= {f"weight of {_short(each['TargetGroupArn'])}": f"{each.get('Weight', 0)} %" for each in groups}
        found |= dict(_flat(f"listener rule, action {number}", {**rest, **forward}))
    return found


def _service(name: str, seen: ServicePicture) -> Iterator[tuple[str, str]]:
    yield f"task definition of {name}", seen.task_definition_arn.rpartition("/")[2]
    yield f"tasks wanted of {name}", SCALED if seen.desired_count is None else str(seen.desired_count)


def _flat(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _flat(f"{path}, {name}", value[name])
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _flat(f"{path} {number}", item)
    elif isinstance(value, list | tuple):
        yield path, ", ".join(str(item) for item in value) or "none"
    else:
        yield path, str(value)


def _short(arn: str) -> str:
    return arn.rpartition("targetgroup/")[2] or arn
