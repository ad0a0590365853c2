"""Count what one side answered, from the load balancer's series (guide 3.4; canary judge, "Input")."""

from collections.abc import Iterable

from tasks.counts import Counts
from tasks.series import USERS, Query, Series

ANSWERED = tuple(f"HTTPCode_Target_{hundred}XX_Count" for hundred in (2, 3, 4, 5))
SLOW = {"slow_300ms": "TC(0.3:)", "slow_1s": "TC(1:)", "slow_5s": "TC(5:)"}
COUNTED: tuple[tuple[str, str], ...] = (
    ("RequestCount", "Sum"),
    *((metric, "Sum") for metric in ANSWERED),
    *(("TargetResponseTime", stat) for stat in SLOW.values()),
)


def count_queries(arn: str) -> Iterable[Query]:
    """Return what has to be asked to count a target group's requests."""
    return (Query(USERS, metric, stat, arn) for metric, stat in COUNTED)


def count_side(series: Series, arn: str, start: int) -> Counts:
    """Count one side in one period: what was asked and not answered well has failed.

    The load balancer counts a request when it takes it and an answer when it gives it, so at a period's edge more
    may be answered than was asked: then the answers are the requests.
    """
    good, bad = (
        sum(value_of(series, Query(USERS, metric, "Sum", arn), start) for metric in metrics)
        for metrics in (ANSWERED[:-1], ANSWERED[-1:])
    )
    requests = max(value_of(series, Query(USERS, "RequestCount", "Sum", arn), start), good + bad)
    slow = {
        kind: min(requests, value_of(series, Query(USERS, "TargetResponseTime", stat, arn), start))
        for kind, stat in SLOW.items()
    }
    return Counts(requests=requests, failed=requests - good, **slow)


def value_of(series: Series, query: Query, start: int) -> int:
    """Return a count of one period; without a sample it is 0."""
    return round(series[query].get(start, 0))
