"""What users of the twin lived through: every request counted, in bounded memory; pure."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from deployments.twin.latencies import Latencies

KEPT_SECONDS = 1200
"""A whole rehearsal with its asks; a second is a few numbers once it is over."""
KEPT_SAMPLES = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of a user: `reason` says why it failed, None if it did not; `at` is epoch seconds."""

    at: float
    step: str
    latency_s: float
    status: int | None
    reason: str | None
    served_by: str
    version: str


class _Second:
    def __init__(self, start: int) -> None:
        self.start = start
        self.requests: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.latencies = Latencies()

    def document(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "requests": self.requests.total(),
            "failed": self.failed.total(),
            "requests_by_version": dict(self.requests),
            "failed_by_version": dict(self.failed),
            "p95_ms": self.latencies.percentile_ms(95),
        }


class Stats:
    """Count samples; seconds are those in which the answer came."""

    def __init__(self, started_at: float) -> None:
        self.not_sent = 0
        self._started_at = started_at
        self._served = {
            "by_served_by": Counter[str](),
            "by_version": Counter[str](),
            "by_step": Counter[str](),
        }
        self._failures = {"by_reason": Counter[str](), **{name: Counter[str]() for name in self._served}}
        self._failed_at: tuple[float, float] | None = None
        self._latencies = Latencies()
        self._second = _Second(int(started_at))
        self._over: deque[dict[str, Any]] = deque(maxlen=KEPT_SECONDS)
        self._recent: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self._recent_failures: deque[Sample] = deque(maxlen=KEPT_SAMPLES)

    def add(self, sample: Sample) -> None:
        self._latencies.add(sample.latency_s)
        _count(self._served, sample)
        self._recent.append(sample)
        second = self._second_of(int(sample.at))
        second.requests[sample.version] += 1
        second.latencies.add(sample.latency_s)
        if sample.reason is not None:
            second.failed[sample.version] += 1
            self._add_failure(sample, sample.reason)

    def document(self, now: float) -> dict[str, Any]:
        """Write everything counted so far; times are epoch seconds, latencies milliseconds to 2 %."""
        first_failure_at, last_failure_at = self._failed_at or (None, None)
        return {
            "started_at": self._started_at,
            "now": now,
            "requests": self._latencies.count,
            "failed": self._failures["by_reason"].total(),
            "not_sent": self.not_sent,
            "failures": {name: dict(counts) for name, counts in self._failures.items()},
            "served": {name: dict(counts) for name, counts in self._served.items()},
            **self._latencies.document(),
            "max_ms": round(self._latencies.max_s * 1000, 3),
            "first_failure_at": first_failure_at,
            "last_failure_at": last_failure_at,
            "seconds": [*self._over, *([self._second.document()] if self._second.requests else [])],
            "recent": [asdict(sample) for sample in self._recent],
            "recent_failures": [asdict(sample) for sample in self._recent_failures],
        }

    def _add_failure(self, sample: Sample, reason: str) -> None:
        _count(self._failures, sample)
        self._failures["by_reason"][reason] += 1
        self._failed_at = (self._failed_at[0] if self._failed_at else sample.at, sample.at)
        self._recent_failures.append(sample)

    def _second_of(self, start: int) -> _Second:
        """Give the second to count in; what comes late counts in the one that has begun."""
        if self._second.start < start:
            if self._second.requests:
                self._over.append(self._second.document())
            self._second = _Second(start)
        return self._second


def _count(counts: dict[str, Counter[str]], sample: Sample) -> None:
    counts["by_served_by"][sample.served_by] += 1
    counts["by_version"][sample.version] += 1
    counts["by_step"][sample.step] += 1
