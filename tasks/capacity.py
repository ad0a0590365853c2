"""Compute how many tasks a share of the traffic needs (guide 3.4; safety I1): numbers only, no clock, no system."""

import math

from tasks.models import FULL_WEIGHT, Load, PhaseNeed, Record
from tasks.sentences import Sentence, sentence


class CapacityPolicy(Record):
    """Say what is needed: at least ``least`` tasks; where ``per_task_s`` is known, what the load asks for.

    ``per_task_s`` is the requests a second one task carries well, as a load test showed; ``headroom`` is a fraction
    that comes on top of the measured load. Without ``per_task_s`` the tasks that carry the load now are the measure:
    whoever sized them, people or autoscaling, put the headroom in.
    """

    least: int
    headroom: float
    per_task_s: float | None = None


def need_for(weight: int, load: Load, policy: CapacityPolicy) -> PhaseNeed:
    """Return how many tasks a side needs to carry ``weight`` percent of the load."""
    share = weight / FULL_WEIGHT
    if policy.per_task_s and load.requests_s is not None:
        expected_s = load.requests_s * share * (1 + policy.headroom)
        tasks = math.ceil(expected_s / policy.per_task_s)
        why = _by_requests(load.requests_s, weight, policy)
    else:
        tasks = math.ceil(load.tasks * share)
        why = sentence("{weight} % of the {tasks} tasks that serve now", weight=weight, tasks=load.tasks)
    if tasks < policy.least:
        return PhaseNeed(
            weight=weight, tasks=policy.least, why=sentence("never fewer than {least}", least=policy.least)
        )
    return PhaseNeed(weight=weight, tasks=tasks, why=why)


def needs_of(phases: tuple[int, ...], load: Load, policy: CapacityPolicy) -> tuple[PhaseNeed, ...]:
    """Return what each phase of a rollout needs on the side that gets the traffic."""
    return tuple(need_for(weight, load, policy) for weight in phases)


def _by_requests(requests_s: float, weight: int, policy: CapacityPolicy) -> Sentence:
    return sentence(
        "{weight} % of {requests_s:.0f} requests/s and {headroom:.0f} % more, {per_task_s:g} a task",
        weight=weight,
        requests_s=requests_s,
        headroom=policy.headroom * FULL_WEIGHT,
        per_task_s=policy.per_task_s,
    )
