"""Percentiles of many latencies in little memory: a histogram of steps 2 % wide."""

import math
from collections import Counter

_SHORTEST_S = 1e-4
_STEPS_PER_E = 50
_LAST_STEP = 700  # 120 s


class Latencies:
    """Count latencies (seconds) by how long they were; for people, to 2 %."""

    __slots__ = ("_steps", "count", "max_s", "sum_s")

    def __init__(self) -> None:
        self.count = 0
        self.sum_s = 0.0
        self.max_s = 0.0
        self._steps: Counter[int] = Counter()

    def add(self, latency_s: float) -> None:
        self.count += 1
        self.sum_s += latency_s
        self.max_s = max(self.max_s, latency_s)
        self._steps[_step(latency_s)] += 1

    def percentile_ms(self, percent: int) -> float | None:
        """Give the latency that `percent` of them did not exceed; None when there is none."""
        wanted = math.ceil(self.count * percent / 100)
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if seen >= wanted:
                return round(min(_upper_s(step), self.max_s) * 1000, 3)
        return None

    def document(self) -> dict[str, float | None]:
        return {f"p{percent}_ms": self.percentile_ms(percent) for percent in (50, 95, 99)}


def _step(latency_s: float) -> int:
    if latency_s <= _SHORTEST_S:
        return 0
    return min(_LAST_STEP, math.ceil(math.log(latency_s / _SHORTEST_S) * _STEPS_PER_E))


def _upper_s(step: int) -> float:
    return _SHORTEST_S * math.exp(step / _STEPS_PER_E)
