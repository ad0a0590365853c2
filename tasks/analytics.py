"""Monitoring: see that analytics would count; optional, and never a reason for anything (guide, Google Analytics)."""

import logging

from tasks.clients.analytics import complaints
from tasks.errors import LeaseLost, ReleaseError
from tasks.ledger import effect
from tasks.models import Check, Evidence, ReleasePlan
from tasks.monitoring_settings import AnalyticsSettings
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.site_look import look_at_site
from tasks.stage import stage

log = logging.getLogger("greenflow.analytics")

NOTHING_WRONG = sentence("nothing wrong")
EVENTS, SITE = "analytics take events", "the site names the analytics property"


@stage("monitoring: try the analytics", REPEATABLE)
def try_analytics(settings: Settings, plan: ReleasePlan) -> Evidence:
    """Let Google validate an event, and look whether the public site names the property; no gate looks at either."""
    if settings.analytics is None:
        why = sentence("off: this environment has no section [{section}]", section="analytics")
        return Evidence(checks=(Check.skipped(named(EVENTS), why),))
    analytics = settings.analytics
    try:
        return Evidence(checks=(_validated(settings, analytics, plan), _named_by_site(settings, analytics)))
    except LeaseLost:
        raise
    except ReleaseError as error:
        log.warning("analytics were not tried: %s", error)
        note = sentence("nothing is decided by it")
        return Evidence(checks=(Check.of(named(EVENTS), ok=False, found=error, expected=NOTHING_WRONG, note=note),))


def _validated(settings: Settings, analytics: AnalyticsSettings, plan: ReleasePlan) -> Check:
    said: list[tuple[str, ...]] = []
    wrong = effect(
        "analytics.validate",
        plan.release_id,
        observe=lambda: said[-1] if said else None,
        act=lambda: said.append(complaints(analytics, settings.aws)),
    )
    return Check.of(named(EVENTS), ok=not wrong, found="; ".join(wrong) or NOTHING_WRONG, expected=NOTHING_WRONG)


def _named_by_site(settings: Settings, analytics: AnalyticsSettings) -> Check:
    text = look_at_site(settings.site.url, timeout_s=analytics.timeout_s).text
    there = analytics.measurement_id in text
    found = analytics.measurement_id if there else sentence("not there")
    return Check.of(named(SITE), ok=there, found=found, expected=analytics.measurement_id)
