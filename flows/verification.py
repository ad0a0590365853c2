"""Verify a release as users meet it, side by side, while a person can still call it back (guide, step 5)."""

from typing import Any

from prefect.futures import PrefectFuture, wait

from tasks.analytics import try_analytics
from tasks.health import check_health, check_site
from tasks.journeys import try_journeys
from tasks.models import Evidence, ReleasePlan
from tasks.monitoring import watch_new_side
from tasks.performance import measure_performance
from tasks.security import look_at_security
from tasks.settings import Settings
from tasks.waits import heed_stop


def verify_release(settings: Settings, plan: ReleasePlan) -> tuple[Evidence, ...]:
    """Look at everything the public gets and return what was found; the old side is still there at its full size.

    Raises Interrupted when a person asks for the way back meanwhile, and what a look raises.
    """
    looks: list[PrefectFuture[Any]] = [
        check_health.submit(settings, plan, None, plan.version),
        check_site.submit(settings, plan),
        try_journeys.submit(settings, plan, None, plan.version),
        measure_performance.submit(settings),
        look_at_security.submit(settings),
        watch_new_side.submit(settings, plan),
    ]
    optional = try_analytics.submit(settings, plan)  # no gate looks at it
    while wait([*looks, optional], timeout=settings.rollout.poll_s).not_done:
        heed_stop()
    return tuple(look.result() for look in looks)
