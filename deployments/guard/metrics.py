"""Measure the guard: how often it looks, how long for, and whether it sees."""

from collections.abc import Callable
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OURS = ("environment",)
LOOK_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

Result = Literal["well", "blind", "blocked"]
"""It looked and did what was to be done; it could not look; the way back is blocked and a person must act."""


class GuardMetrics:
    """Hold what is measured of one environment's guard."""

    def __init__(self, registry: CollectorRegistry, environment: str, blind_s: Callable[[], float]) -> None:
        looks = Counter("greenflow_guard_looks", "Looks by their result.", (*OURS, "result"), registry=registry)
        self._looks = {each: looks.labels(environment, each) for each in get_args(Result)}
        took = Histogram("greenflow_guard_look_seconds", "Time a look takes.", OURS, registry=registry, buckets=LOOK_S)
        self.look_s = took.labels(environment)
        taken = Counter("greenflow_guard_takeovers", "Dead releases that it took over.", OURS, registry=registry)
        self.takeovers = taken.labels(environment)
        blocked = Gauge("greenflow_guard_blocked", "1 while a person must act.", OURS, registry=registry)
        self._blocked = blocked.labels(environment)
        drifts = Gauge("greenflow_guard_drifts", "Changes by somebody else that stand.", OURS, registry=registry)
        self.drifts = drifts.labels(environment)
        blind = Gauge("greenflow_guard_blind_seconds", "Since the last look that succeeded.", OURS, registry=registry)
        blind.labels(environment).set_function(blind_s)

    def looked(self, result: Result) -> None:
        """Count a look."""
        self._looks[result].inc()
        self._blocked.set(result == "blocked")
