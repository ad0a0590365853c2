"""Hold what was measured against the bars that the judge was designed to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deployments.bench.broken import Broken
from deployments.bench.cells import USUAL
from deployments.bench.measure import OURS, Found, Measured

COMMON = ("common outage", "outage at 100 %", "cold start")
SLOW_RPS = 0.5

DETECTION_P95: tuple[tuple[str, float, int], ...] = (
    ("30 % errors", 2, 4),
    ("30 % errors", 10, 2),
    ("30 % errors", 50, 2),
    ("30 % errors", 200, 2),
    ("7 % errors", 2, 15),
    ("7 % errors", 10, 5),
    ("7 % errors", 50, 4),
    ("7 % errors", 200, 4),
    ("2 % errors", 10, 15),
    ("2 % errors", 50, 6),
    ("2 % errors", 200, 6),
    ("errors + 1 pp", 10, 26),
    ("P95 > 5 s", 10, 5),
    ("latency x 10", 2, 5),
    ("latency x 10", 10, 5),
    ("latency x 10", 50, 5),
    ("latency x 10", 200, 5),
    ("latency x 2", 10, 17),
)
"""Fault, requests a second, and the period in which 95 % must have been rolled back; at a base of 0.1 %."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Hold a bar: what was found, what is required, and whether that is a most or a least."""

    name: str
    found: float
    required: float
    unit: str = ""
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Say whether it is reached."""
        return self.found >= self.required if self.at_least else self.found <= self.required


def bars(measured: Sequence[Measured], broken: Broken) -> tuple[Bar, ...]:
    """Compare everything with its bar."""
    return (
        *_false_rollbacks(measured),
        *_detection(measured),
        *_bad_promoted(measured),
        *_clean_promoted(measured),
        *_broken_metrics(broken),
        Bar("replayed releases on which the arrays and the judge differ", sum(one.differing for one in measured), 0),
    )


def ours(measured: Iterable[Measured], group: str) -> list[tuple[Measured, Found]]:
    """Return the cells of a group with what this judge made of them."""
    return [(one, one.found[OURS]) for one in measured if one.cell.group == group]


def _false_rollbacks(measured: Sequence[Measured]) -> Iterator[Bar]:
    healthy = ours(measured, "healthy")
    shares = [100 * found.rolled_back for _, found in healthy]
    common = [100 * found.rolled_back for one, found in healthy if one.cell.noise in COMMON]
    yield Bar("false rollbacks in the worst cell", max(shares), 1, "%")
    yield Bar("false rollbacks, pooled", sum(shares) / len(shares), 0.2, "%")
    yield Bar("false rollbacks, worst cell of outages of both sides and cold starts", max(common), 0.5, "%")


def _detection(measured: Sequence[Measured]) -> Iterator[Bar]:
    found = {(one.cell.fault, one.cell.rps): found for one, found in ours(measured, "faulty")}
    for fault, rps, periods in DETECTION_P95:
        p95 = found[fault, rps].detection_p95
        yield Bar(f"{fault} at {rps:g} rps: 95 % rolled back within", p95, periods, "periods")


def _bad_promoted(measured: Sequence[Measured]) -> Iterator[Bar]:
    bad = [(one.cell.rps, 100 * found.promoted_to_all) for one, found in ours(measured, "not to pass")]
    busy, quiet = (max(share for rps, share in bad if (rps > SLOW_RPS) is is_busy) for is_busy in (True, False))
    yield Bar("candidates with 1.1 % errors or more given all traffic, worst cell from 2 rps on", busy, 0.5, "%")
    yield Bar("the same at 0.5 rps", quiet, 2, "%")


def _clean_promoted(measured: Sequence[Measured]) -> Iterator[Bar]:
    clean = [found for one, found in ours(measured, "clean") if one.cell.rps > SLOW_RPS and one.cell.base <= USUAL]
    least = min(100 * found.promoted_in_time for found in clean)
    name = "clean releases through every weight within 30 periods of it, worst cell from 2 rps on"
    yield Bar(name, least, 99, "%", at_least=True)


def _broken_metrics(broken: Broken) -> Iterator[Bar]:
    for name, moved in broken.moved.items():
        yield Bar(f"promoted or rolled back on broken metrics: {name}", moved, 0)
    yield Bar("another verdict when rows come twice or late", broken.changed_by_order, 0)
    yield Bar("processor time of a judgement of 90 rows", broken.slowest_ms, 50, "ms")
