"""What happened in each second, as CloudWatch would count it per target group; pure, in bounded memory.

A request belongs to the second in which its response completed. Probes count like any other request, as they do on
AWS; only `by_version` leaves them out. Times are epoch seconds, latencies are seconds.
"""

from typing import Any

from deployments.twin.latencies import Latencies

SLOW_BOUNDS_S = {"slow_300ms": 0.3, "slow_1s": 1.0, "slow_5s": 5.0}


class Tally:
    """Counts of one group's requests in one second."""

    __slots__ = ("classes", "connection_errors", "latencies", "requests", "slow")

    def __init__(self) -> None:
        self.requests = 0
        self.connection_errors = 0
        self.classes = [0] * 6
        self.slow = [0] * len(SLOW_BOUNDS_S)
        self.latencies = Latencies()

    def answer(self, status: int, latency_s: float) -> None:
        self.requests += 1
        self.classes[min(status // 100, 5)] += 1
        self.latencies.add(latency_s)
        if latency_s > SLOW_BOUNDS_S["slow_300ms"]:
            for index, bound_s in enumerate(SLOW_BOUNDS_S.values()):
                self.slow[index] += latency_s > bound_s

    def no_answer(self, *, connection_error: bool) -> None:
        """Count a request whose target was chosen and did not answer: it is in no class of answers."""
        self.requests += 1
        self.connection_errors += connection_error

    def document(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            **{f"{hundred}xx": self.classes[hundred] for hundred in (2, 3, 4, 5)},
            "connection_errors": self.connection_errors,
            **dict(zip(SLOW_BOUNDS_S, self.slow, strict=True)),
            "sum_s": round(self.latencies.sum_s, 6),
            "max_s": round(self.latencies.max_s, 6),
            **self.latencies.document(),
        }


class Second:
    """Everything counted in one epoch-aligned second."""

    __slots__ = ("by_version", "elb_5xx", "groups")

    def __init__(self) -> None:
        self.elb_5xx = 0
        self.groups: dict[str, Tally] = {}
        self.by_version: dict[int, dict[str, list[int]]] = {}

    def tally(self, group: str) -> Tally:
        tally = self.groups.get(group)
        if tally is None:
            tally = self.groups[group] = Tally()
        return tally

    def weighed(self, version: int, group: str, *, failed: bool) -> None:
        counts = self.by_version.setdefault(version, {}).setdefault(group, [0, 0])
        counts[0] += 1
        counts[1] += failed

    def document(self, start: int, weights_version: int) -> dict[str, Any]:
        return {
            "start": start,
            "period_s": 1,
            "elb_5xx": self.elb_5xx,
            "weights_version": weights_version,
            "groups": {arn: tally.document() for arn, tally in self.groups.items()},
            "by_version": [
                {
                    "weights_version": version,
                    "requests": {arn: counts[0] for arn, counts in groups.items()},
                    "failed": {arn: counts[1] for arn, counts in groups.items()},
                }
                for version, groups in sorted(self.by_version.items())
            ],
        }


class Counts:
    """Count requests into seconds and hand out each second once it is over."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self._handed_out = 0

    def second(self, at: float) -> Second:
        """Give the second that holds `at`; one handed out is final, so the next open one stands in."""
        start = max(int(at), self._handed_out)
        second = self._seconds.get(start)
        if second is None:
            second = self._seconds[start] = Second()
        return second

    def finished(self, now: float, weights_version: int) -> list[dict[str, Any]]:
        """Hand out every second that ended by `now`, oldest first, quiet ones in between too.

        `weights_version` is the version of the routes in force now. In the second in which weights changed,
        some requests were routed under the version before: `by_version` splits the users' requests exactly.
        """
        end = int(now)
        first = self._handed_out or min([*self._seconds, end])
        starts = range(first, end)
        self._handed_out = max(self._handed_out, end)
        return [self._seconds.pop(start, Second()).document(start, weights_version) for start in starts]
