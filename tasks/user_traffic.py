"""After: count what users met since a release, and in the week before (guide, "after the deployment")."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from tasks.aftercare_models import After, TrafficSeen
from tasks.aftercare_settings import AftercareSettings
from tasks.counts import Counts, total
from tasks.models import Check
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.series import USERS, Query, Series, Span, read_series, starts_of
from tasks.settings import Settings
from tasks.side_counts import count_queries, count_side
from tasks.stage import stage

log = logging.getLogger("greenflow.user_traffic")

PERIODS_S = (1, 5, 10, 30, 60, 300, 900, 3600)
MOST_PERIODS = 400
MS = 1000


@stage("after: what users met", REPEATABLE)
def count_user_traffic(settings: Settings, after: After, shipped_at: datetime, now: datetime) -> TrafficSeen:
    """Count all requests of both sides since the release, at most as long ago as the look lasts.

    ``before`` is as long a time a week earlier; without a request there it is empty, which proves nothing. Raises
    RemoteError when the metrics cannot be read whole.
    """
    span = window(settings, after, shipped_at.timestamp(), now.timestamp())
    week_s = -(-settings.aftercare.week_s // span.period_s) * span.period_s
    earlier = Span(span.start_s - week_s, span.end_s - week_s, span.period_s)
    series, old = (read_series(settings, _queries(settings), each) for each in (span, earlier))
    seen = TrafficSeen(
        since=datetime.fromtimestamp(span.start_s, UTC),
        until=datetime.fromtimestamp(span.end_s, UTC),
        now=_counted(settings, series, span),
        before=_counted(settings, old, earlier),
        worst_p95_ms=_worst_ms(settings, series, "p95"),
        worst_p99_ms=_worst_ms(settings, series, "p99"),
    )
    log.info("%d requests since %s, %d failed", seen.now.requests, seen.since, seen.now.failed)
    return seen.model_copy(update={"checks": check_traffic(seen, settings.aftercare)})


def window(settings: Settings, after: After, shipped_s: float, now_s: float) -> Span:
    """Return the stretch to look at, in whole periods that are few enough to ask for and final by now."""
    end_s = now_s - settings.rollout.final_after_s
    start_s = max(shipped_s, now_s - settings.aftercare.lasts_s(after))
    least_s = settings.rollout.period_s
    fitting = [each for each in PERIODS_S if each >= least_s and (end_s - start_s) / each <= MOST_PERIODS]
    period_s = fitting[0] if fitting else PERIODS_S[-1]
    first = -(-start_s // period_s) * period_s
    return Span(first, max(end_s // period_s * period_s, first + period_s), period_s)


def check_traffic(seen: TrafficSeen, policy: AftercareSettings) -> tuple[Check, ...]:
    """Check the error rate, and P95 and P99 by the share of requests slower than their bounds."""
    counts = seen.now
    if not counts.requests:
        times = {"since": f"{seen.since:%Y-%m-%d %H:%M:%S}", "until": f"{seen.until:%H:%M:%S}"}
        found = sentence("no request from {since} to {until} UTC", **times)
        return tuple(
            Check.of(name, ok=False, found=found, expected="requests to judge by")
            for name in ("error rate", "P95", "P99")
        )
    return (
        _rate("error rate", counts, counts.failed, policy.error_rate_max, "failed"),
        _rate("P95", counts, counts.slow_300ms, policy.slow_300ms_max, "slower than 300 ms", seen.worst_p95_ms),
        _rate("P99", counts, counts.slow_1s, policy.slow_1s_max, "slower than 1 s", seen.worst_p99_ms),
    )


def _rate(name: str, counts: Counts, events: int, bound: float, what: str, worst_ms: float | None = None) -> Check:
    found = events / counts.requests
    return Check.of(
        name,
        ok=found < bound,
        found=sentence(
            "{events:,} of {requests:,} {what} ({percent:.3g} %)",
            events=events,
            requests=counts.requests,
            what=named(what),
            percent=100 * found,
        ),
        expected=sentence("less than {percent:.3g} %", percent=100 * bound),
        note=sentence("worst period {worst_ms:.0f} ms", worst_ms=worst_ms) if worst_ms is not None else "",
    )


def _queries(settings: Settings) -> Iterable[Query]:
    for arn in _groups(settings):
        yield from count_queries(arn)
        yield from (Query(USERS, "TargetResponseTime", stat, arn) for stat in ("p95", "p99"))


def _counted(settings: Settings, series: Series, span: Span) -> Counts:
    return total(count_side(series, arn, start) for arn in _groups(settings) for start in starts_of(span))


def _worst_ms(settings: Settings, series: Series, stat: str) -> float | None:
    values = [
        value for arn in _groups(settings) for value in series[Query(USERS, "TargetResponseTime", stat, arn)].values()
    ]
    return max(values) * MS if values else None


def _groups(settings: Settings) -> list[str]:
    return [side.target_group_arn for side in settings.sides.values()]
