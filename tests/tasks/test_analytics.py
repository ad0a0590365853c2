"""Analytics are tried without counting anything, and decide nothing."""

import logging
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from deployments.twin.analytics import AnalyticsStandIn
from deployments.twin.http_thread import HttpThread
from tasks.analytics import try_analytics
from tasks.ledger import Ledger, open_ledger
from tasks.models import Check, Outcome
from tasks.settings import Settings
from tests.tasks.stores import new_plan

PLAN = new_plan("1.1.0-analytics")


@pytest.fixture
def analytics() -> Iterator[AnalyticsStandIn]:
    with AnalyticsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def site(analytics: AnalyticsStandIn) -> Iterator[str]:
    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse(f'<meta name="analytics" content="{analytics.measurement_id}">')

    with HttpThread(Starlette(routes=[Route("/", page)]), "site") as server:
        yield server.url


@pytest.fixture
def settings(
    new_settings: Callable[..., Settings], analytics: AnalyticsStandIn, site: str, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("ANALYTICS_SECRET", "canary-analytics-secret")
    return new_settings(ANALYTICS__URL=analytics.url, ANALYTICS__API_SECRET="env:ANALYTICS_SECRET", SITE__URL=site)


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id=PLAN.release_id, version=PLAN.version) as opened:
        yield opened


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_an_event_is_validated_and_the_site_names_the_property_without_telling_the_secret(
    settings: Settings, release: Ledger, analytics: AnalyticsStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    proof = try_analytics.fn(settings, PLAN)
    assert {check.outcome for check in proof.checks} == {Outcome.PASSED}
    assert [event["name"] for event in analytics.events] == ["greenflow_release_check"]
    told = caplog.text + proof.model_dump_json() + "".join(event.model_dump_json() for event in release.events)
    assert "canary-analytics-secret" not in told


def test_what_google_complains_of_and_a_site_without_the_property_are_shown(
    settings: Settings, release: Ledger, analytics: AnalyticsStandIn
) -> None:
    analytics.complaint = "the property is not known"
    analytics.measurement_id = "G-ANOTHER1"
    checks = by_name(try_analytics.fn(settings, PLAN).checks)
    assert checks["analytics take events"].found == "the property is not known"
    assert checks["the site names the analytics property"].line.endswith("found not there, expected G-TWIN000001")


def test_a_google_that_does_not_answer_is_said_and_decides_nothing(
    settings: Settings, release: Ledger, analytics: AnalyticsStandIn
) -> None:
    nowhere = settings.analytics.model_copy(update={"url": "http://127.0.0.1:9"}) if settings.analytics else None
    (check,) = try_analytics.fn(settings.model_copy(update={"analytics": nowhere}), PLAN).checks
    assert check.outcome is Outcome.FAILED
    assert check.note == "nothing is decided by it"


def test_off_says_that_it_is_off(settings: Settings, release: Ledger) -> None:
    (check,) = try_analytics.fn(settings.model_copy(update={"analytics": None}), PLAN).checks
    assert check.line == "analytics take events: skipped (off: this environment has no section [analytics])"
