"""Read what production carries right now, to know how many tasks each phase of a canary needs (guide 3.4)."""

import logging
import time

from tasks.errors import RemoteError
from tasks.models import Live, Load, Side
from tasks.series import USERS, Query, Span, read_series, starts_of
from tasks.settings import Settings

log = logging.getLogger("greenflow.capacity")

LOOK_BACK_PERIODS = 15
"""The busiest of so many periods counts: an average would forget the minute that hurts."""


def load_of(settings: Settings, live: Live, stable: Side) -> Load:
    """Return the load: how many tasks the stable side wants, and the users' requests where they are the measure."""
    return Load(tasks=live.of(stable).desired_count, requests_s=_requests_s(settings))


def _requests_s(settings: Settings) -> float | None:
    """Return the requests a second of the busiest recent period, both sides together; None where they do not tell."""
    if settings.service.requests_per_task_s is None:
        return None
    period_s = int(settings.rollout.period_s)
    end_s = (time.time() - settings.rollout.final_after_s) // period_s * period_s
    span = Span(end_s - LOOK_BACK_PERIODS * period_s, end_s, period_s)
    queries = [Query(USERS, "RequestCount", "Sum", settings.sides[side].target_group_arn) for side in Side]
    try:
        series = read_series(settings, queries, span)
    except RemoteError as error:
        log.warning("the load is not known, the tasks that serve are the measure: %s", error)
        return None
    return max(sum(series[query].get(start, 0) for query in queries) for start in starts_of(span)) / period_s
