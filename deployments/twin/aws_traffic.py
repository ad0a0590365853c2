"""Count the requests each target group really got under each set of weights."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployments.twin.aws_routes import Routes


@dataclass
class _Phase:
    weights: dict[str, int]
    since: float
    requests: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


class Traffic:
    """Begin a new entry whenever the load balancer says it now works by other weights.

    In the second of a change the balancer itself says which requests it gave out by which weights. `failed` is as
    the judge counts: requests less 2xx, 3xx and 4xx. A second that is told twice counts once.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._phases: list[_Phase] = []
        self._last = -math.inf
        self._newest = -1
        self._lock = threading.Lock()

    def add(self, row: dict[str, Any]) -> None:
        """Count one finished second of the load balancer."""
        with self._lock:
            if row["start"] <= self._last:
                return
            self._last = row["start"]
            for part in row["by_version"]:
                phase = self._phase_of(part["weights_version"], row["start"])
                phase.requests.update(part["requests"])
                phase.failed.update(part["failed"])

    def _phase_of(self, version: int, second: float) -> _Phase:
        weights = self._routes.weights_at(version)
        if version <= self._newest:
            # An answer that took long belongs to the weights its request was given out by.
            return next((phase for phase in reversed(self._phases) if phase.weights == weights), self._phases[-1])
        self._newest = version
        if not self._phases or self._phases[-1].weights != weights:
            self._phases.append(_Phase(weights, second))
        return self._phases[-1]

    def document(self) -> dict[str, Any]:
        """Give the entries, oldest first, and the time now."""
        with self._lock:
            phases = [
                {
                    "weights": phase.weights,
                    "since": phase.since,
                    "requests": dict(phase.requests),
                    "failed": dict(phase.failed),
                }
                for phase in self._phases
            ]
        return {"phases": phases, "now": time.time()}
