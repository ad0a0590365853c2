"""What is well after a release, by table: traffic, alarms, rows, cost."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tasks.aftercare_models import After, TrafficSeen
from tasks.aftercare_settings import AftercareSettings
from tasks.alarm_states import check_alarms
from tasks.costs import check_cost
from tasks.counts import Counts
from tasks.data_in_sync import check_rows
from tasks.event_store import EventStore
from tasks.ledger import note, open_ledger
from tasks.models import Check
from tasks.past_releases import opened_at, read_chains
from tasks.settings import Settings
from tasks.user_traffic import check_traffic, window
from tests.conftest import NewSettings

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
POLICY = AftercareSettings()


def outcomes(*checks: Check) -> list[str]:
    return [check.outcome.value for check in checks]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(requests=10_000, failed=9, slow_300ms=499, slow_1s=99), ["passed"] * 3),
        (Counts(requests=10_000, failed=10, slow_300ms=500, slow_1s=100), ["failed"] * 3),
        (Counts(), ["failed"] * 3),  # no request proves nothing
    ],
)
def test_rates_must_stay_below_the_guides_bounds(counts: Counts, expected: list[str]) -> None:
    seen = TrafficSeen(since=AT, until=AT, now=counts, before=Counts(), worst_p95_ms=212.4)
    checks = check_traffic(seen, POLICY)
    assert outcomes(*checks) == expected
    if counts.requests:
        assert checks[1].note == "worst period 212 ms"


@pytest.mark.parametrize(
    ("after", "asked_after_s", "lasts_s", "period_s"),
    [
        (After.HOUR, 3600, 3600, 60),
        (After.DAY, 86_400, 86_400, 300),
        (After.WEEK, 604_800, 604_800, 3600),
        (After.HOUR, 900, 900, 60),  # by hand, before its time
        (After.HOUR, 90_000, 3600, 60),  # by hand, long after: the last hour
    ],
)
def test_a_look_reads_whole_periods_few_enough_to_ask_for(
    new_settings: NewSettings, after: After, asked_after_s: float, lasts_s: float, period_s: int
) -> None:
    real = {"AFTERCARE__HOUR_S": "3600", "AFTERCARE__DAY_S": "86400", "AFTERCARE__WEEK_S": "604800"}
    settings = new_settings(ROLLOUT__PERIOD_S="60", ROLLOUT__FINAL_AFTER_S="120", **real)
    shipped_s = AT.timestamp() + 17
    span = window(settings, after, shipped_s, shipped_s + asked_after_s)
    assert span.period_s == period_s
    assert span.start_s % period_s == span.end_s % period_s == 0
    assert lasts_s - 120 - 2 * period_s <= span.end_s - span.start_s <= lasts_s


def alarm(state: str, name: str = "cpu") -> Any:
    return {"AlarmName": name, "StateValue": state, "StateUpdatedTimestamp": AT}


@pytest.mark.parametrize(
    ("alarms", "outcome", "found"),
    [
        ([alarm("OK"), alarm("OK", "errors")], "passed", "2 alarms, none ringing"),
        ([alarm("OK"), alarm("ALARM", "errors")], "failed", "errors rings since 2026-11-21 04:00 UTC"),
        ([alarm("OK")], "failed", "errors is missing"),
    ],
)
def test_an_alarm_that_rings_or_is_gone_is_named(alarms: list[Any], outcome: str, found: str) -> None:
    check = check_alarms(["cpu", "errors"], alarms)
    assert (check.outcome, check.found) == (outcome, found)


def test_an_alarm_without_data_is_named() -> None:
    assert check_alarms(["cpu"], [alarm("INSUFFICIENT_DATA")]).note == "without data: cpu"


BEFORE = {"public.bids": 1000, "public.users": 20}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"public.bids": 1010, "public.users": 20}, ["passed", "passed"]),
        ({"public.bids": 1000, "public.users": 20}, ["passed", "failed"]),  # nobody writes any more
        ({"public.bids": 100, "public.users": 20}, ["failed", "passed"]),
        ({"public.bids": 1000}, ["failed", "passed"]),  # a table is gone
        ({"public.bids": 950, "public.users": 19}, ["passed", "passed"]),
    ],
)
def test_rows_are_kept_and_move(now: dict[str, int], expected: list[str]) -> None:
    assert outcomes(*check_rows(BEFORE, now, POLICY)) == expected


def test_without_a_backup_there_is_nothing_to_compare_rows_with() -> None:
    assert outcomes(*check_rows({}, BEFORE, POLICY)) == ["skipped", "skipped"]


SHIPPED_ON = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("since", "expected"), [([13.0], "passed"), ([13.1], "failed"), ([20.0, 6.0], "passed"), ([], "skipped")]
)
def test_a_day_since_may_cost_a_little_more_than_a_day_before(since: list[float], expected: str) -> None:
    before = {date(2026, 11, 14 + day): 10.0 for day in range(7)}
    days = {**before, SHIPPED_ON: 99.0, **{date(2026, 11, 22 + day): cost for day, cost in enumerate(since)}}
    assert check_cost(days, SHIPPED_ON, 1.3).outcome == expected


@pytest.mark.parametrize(
    ("release_id", "moment"),
    [
        ("1.1.0-20261121T030000-beef", datetime(2026, 11, 21, 3, 0, tzinfo=UTC)),
        ("1.1.0-rc.1-20261121T030000-beef", datetime(2026, 11, 21, 3, 0, tzinfo=UTC)),
        ("1.1.0-test", None),
        ("x", None),
    ],
)
def test_a_releases_id_tells_when_it_was_opened(release_id: str, moment: datetime | None) -> None:
    assert opened_at(release_id) == moment


def test_aftercare_has_a_chain_and_a_lease_of_its_own_beside_a_release_that_runs(settings: Settings) -> None:
    ours, other = "1.1.0-20261121T030000-beef", "1.2.0-20261128T030000-cafe"
    with open_ledger(settings, release_id=ours, version="1.1.0"):
        note("release.opened", {})
    with (
        open_ledger(settings, release_id=other, version="1.2.0"),
        open_ledger(settings, release_id=ours, version="1.1.0", room="aftercare") as later,
    ):
        note("aftercare.started", {})
        assert [event.kind for event in later.events] == ["aftercare.started"]
    store = EventStore(settings)
    assert store.folders("releases/") == [ours]
    assert [event.kind for chain in read_chains(settings, AT.replace(hour=0)) for event in chain] == ["release.opened"]
    assert read_chains(settings, AT) == ()
