import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from deployments.twin.aws import FaultRule
from flows.core.judge import Verdict, judge
from tasks.counts import Counts, Period
from tasks.errors import RemoteError, TransientError
from tasks.metrics import PhaseWindow, Probed, read_baseline, read_periods
from tasks.models import Side
from tasks.series import USERS, Query, Span, read_series
from tests.tasks.production import Production

NEW, OLD = "b", "a"


@dataclass
class Clock:
    """Tell what happened in the seconds after ``began``, the last of which lies well in the past."""

    production: Production
    began: int

    def second(self, place: int, **groups: dict[str, object]) -> None:
        arns = self.production.seeded.target_group_arns
        row = {"start": self.began + place, "period_s": 1, "elb_5xx": 0, "weights_version": 1}
        self.production.aws.metrics.add({**row, "groups": {arns[side]: row for side, row in groups.items()}})

    def hosts(self, place: int, *, new: tuple[int, int], old: tuple[int, int]) -> None:
        arns = self.production.seeded.target_group_arns
        self.production.aws.metrics.add_hosts(self.began + place, {arns[NEW]: new, arns[OLD]: old})

    def read(self, *windows: PhaseWindow, known: tuple[Period, ...] = (), now: float = 3600) -> tuple[Period, ...]:
        """Read the periods as seen ``now`` seconds after the beginning: long after, so all are final."""
        settings, plan = self.production.settings, self.production.plan
        return read_periods(settings, plan, windows, self.began + now, known)

    def window(self, phase: int, began: float, ended: float | None) -> PhaseWindow:
        end = None if ended is None else self.began + ended
        return PhaseWindow(phase=phase, began_s=self.began + began, ended_s=end)


def answers(good: int, bad: int = 0, **more: object) -> dict[str, object]:
    return {"requests": good + bad, "2xx": good, "3xx": 0, "4xx": 0, "5xx": bad, "connection_errors": 0, **more}


OFFSETS = iter(range(10_000))


@pytest.fixture
def clock(production: Production) -> Clock:
    # Each test writes into seconds of its own: the account's metrics are shared.
    return Clock(production, int(time.time()) - 7000 + next(OFFSETS) * 60)


def test_each_whole_period_of_a_phase_is_a_row(clock: Clock) -> None:
    clock.second(0, a=answers(90), b=answers(9, 1, slow_300ms=4, slow_1s=2, slow_5s=1))
    clock.second(1, a=answers(80, 2), b=answers(8))
    rows = clock.read(clock.window(0, 0, 2))
    assert [(row.start, row.phase, row.complete) for row in rows] == [
        (clock.began, 0, True),
        (clock.began + 1, 0, True),
    ]
    assert rows[0].new == Counts(requests=10, failed=1, slow_300ms=4, slow_1s=2, slow_5s=1)
    assert rows[0].old == Counts(requests=90)
    assert rows[1].old == Counts(requests=82, failed=2)


def test_a_period_in_which_the_weights_changed_is_left_out(clock: Clock) -> None:
    for place in range(5):
        clock.second(place, a=answers(10), b=answers(1))
    rows = clock.read(clock.window(0, 0.2, 2.5), clock.window(1, 2.6, 5))
    assert [(row.start - clock.began, row.phase) for row in rows] == [(1, 0), (3, 1), (4, 1)]


def test_what_was_asked_and_not_answered_has_failed(clock: Clock) -> None:
    clock.second(0, a=answers(10), b={"requests": 10, "2xx": 4, "3xx": 1, "4xx": 2, "5xx": 0, "connection_errors": 3})
    (row,) = clock.read(clock.window(0, 0, 1))
    assert row.new == Counts(requests=10, failed=3)
    assert row.new_connection_errors == 3


def test_more_answers_than_requests_at_the_edge_of_a_period_are_the_requests(clock: Clock) -> None:
    clock.second(0, a=answers(10), b={**answers(12, 2), "requests": 13, "slow_300ms": 20})
    (row,) = clock.read(clock.window(0, 0, 1))
    assert row.new == Counts(requests=14, failed=2, slow_300ms=14)


def test_our_own_probes_are_taken_out_of_the_users_and_stand_beside_them(clock: Clock) -> None:
    clock.second(0, a=answers(10), b=answers(6, 2))
    settings, plan = clock.production.settings, clock.production.plan

    def probed(side: Side, start_s: float, period_s: float) -> Counts:
        assert (start_s, period_s) == (clock.began, 1)
        return Counts(requests=3, failed=1) if side == NEW else Counts()

    (row,) = read_periods(settings, plan, [clock.window(0, 0, 1)], clock.began + 3600, probed=probed)
    assert row.new == Counts(requests=5, failed=1)
    assert row.new_probes == Counts(requests=3, failed=1)
    assert (row.old, row.old_probes) == (Counts(requests=10), Counts())


def test_probes_counted_a_moment_apart_never_leave_less_than_nothing(clock: Clock) -> None:
    clock.second(0, a=answers(10), b=answers(1))
    probes = Counts(requests=2, failed=2)
    settings, plan = clock.production.settings, clock.production.plan
    window = clock.window(0, 0, 1)
    (row,) = read_periods(settings, plan, [window], clock.began + 3600, probed=lambda *_: probes)
    assert row.new == Counts()


def probing(answered: int, failed: int = 0) -> Probed:
    """Be probes of which each side met as many in every period."""
    return lambda *_: Counts(requests=answered + failed, failed=failed)


def read_probed(clock: Clock, probed: Probed) -> Period:
    settings, plan = clock.production.settings, clock.production.plan
    (row,) = read_periods(settings, plan, [clock.window(0, 0, 1)], clock.began + 3600, probed=probed)
    return row


def test_metrics_that_do_not_tell_of_our_own_probes_are_silent_and_not_quiet(clock: Clock) -> None:
    clock.second(0, a=answers(10))
    row = read_probed(clock, probing(4))
    assert not row.complete
    assert row.reason == "the metrics tell of 0 requests on side b, where 4 of our own were answered"


@pytest.mark.parametrize(
    ("counted", "probed"), [(2, probing(4)), (0, probing(1)), (0, probing(1, 9)), (30, probing(4))]
)
def test_a_probe_that_ended_beside_the_period_or_met_nobody_silences_nothing(
    clock: Clock, counted: int, probed: Probed
) -> None:
    clock.second(0, a=answers(10), b=answers(counted))
    assert read_probed(clock, probed).complete


def test_unhealthy_targets_are_told_by_their_most(clock: Clock) -> None:
    clock.second(0, a=answers(10), b=answers(1))
    clock.hosts(0, new=(1, 1), old=(2, 0))
    (row,) = clock.read(clock.window(0, 0, 1))
    assert (row.new_unhealthy, row.old_unhealthy) == (1, 0)


def test_a_final_period_without_a_request_is_complete_and_proves_nothing(clock: Clock) -> None:
    (row,) = clock.read(clock.window(0, 0, 1))
    assert row.complete
    assert (row.new, row.old) == (Counts(), Counts())


def test_a_period_that_may_still_grow_is_not_complete(clock: Clock) -> None:
    clock.second(0, a=answers(10), b=answers(1))
    clock.second(1, a=answers(10), b=answers(1))
    rows = clock.read(clock.window(0, 0, None), now=2.5)
    assert [(row.complete, row.reason) for row in rows] == [(True, ""), (False, "not final yet")]


def test_a_wall_clock_that_jumps_forward_does_not_shorten_a_bake(clock: Clock) -> None:
    policy = clock.production.settings.judge_policy
    for place in range(policy.min_periods - 1):
        clock.second(place, a=answers(90), b=answers(10))
    rows = clock.read(clock.window(0, 0, None), now=60)
    assert len(rows) == 60
    judged = judge(rows, 0, policy)
    assert (judged.verdict, judged.rule) == (Verdict.ASK, "no-requests")
    assert judged.periods_counted == policy.min_periods - 1


def test_one_poll_is_one_question(clock: Clock) -> None:
    before = clock.production.calls("GetMetricData")
    clock.read(clock.window(0, 0, 30))
    assert clock.production.calls("GetMetricData") == before + 1


@pytest.mark.parametrize("kind", ["500_before", "throttle", "reset_before"])
def test_silent_metrics_are_rows_that_say_why_and_nothing_is_raised(clock: Clock, kind: str) -> None:
    clock.second(0, a=answers(10), b=answers(1))
    clock.production.aws.faults.add(FaultRule(kind, "cloudwatch", "GetMetricData", count=None))
    (row,) = clock.read(clock.window(0, 0, 1))
    assert not row.complete
    assert row.reason.startswith("could not read metrics")
    assert row.new == Counts()


def test_a_blind_look_does_not_forget_what_was_seen(clock: Clock) -> None:
    clock.second(0, a=answers(10), b=answers(1))
    known = clock.read(clock.window(0, 0, 1))
    clock.production.aws.faults.add(FaultRule("throttle", "cloudwatch", "GetMetricData", count=None))
    rows = clock.read(clock.window(0, 0, 2), known=known)
    assert rows[0] == known[0]
    assert [row.complete for row in rows] == [True, False]


def test_the_last_five_periods_are_read_again_and_the_older_ones_are_not(clock: Clock) -> None:
    for place in range(8):
        clock.second(place, a=answers(10), b=answers(1))
    known = clock.read(clock.window(0, 0, 8))
    for place in range(8):
        clock.second(place, a=answers(10), b=answers(2))
    rows = clock.read(clock.window(0, 0, 8), known=known)
    assert [row.new.requests for row in rows] == [1, 1, 1, 2, 2, 2, 2, 2]


def test_old_rows_that_were_blind_are_read_again(clock: Clock) -> None:
    for place in range(8):
        clock.second(place, a=answers(10), b=answers(1))
    fault = clock.production.aws.faults.add(FaultRule("throttle", "cloudwatch", "GetMetricData", count=None))
    blind = clock.read(clock.window(0, 0, 8))
    clock.production.aws.faults.clear(fault.id)
    rows = clock.read(clock.window(0, 0, 8), known=blind)
    assert all(row.complete and row.new.requests == 1 for row in rows)


def test_a_phase_without_a_whole_period_asks_nothing(clock: Clock) -> None:
    before = clock.production.calls("GetMetricData")
    assert clock.read(clock.window(0, 0.1, 0.9)) == ()
    assert clock.production.calls("GetMetricData") == before


def test_the_hour_before_tells_how_noisy_the_old_side_is(clock: Clock) -> None:
    for place in (1, 2, 4):
        clock.second(place, a=answers(10, place))
    found = read_baseline(clock.production.settings, Side.A, clock.began + 5.5)
    assert found[-3:] == (
        Counts(requests=11, failed=1),
        Counts(requests=12, failed=2),
        Counts(requests=14, failed=4),
    )


def test_a_baseline_that_cannot_be_read_is_not_taken_for_silence(clock: Clock) -> None:
    clock.production.aws.faults.add(FaultRule("throttle", "cloudwatch", "GetMetricData", count=None))
    with pytest.raises(RemoteError, match="could not read metrics"):
        read_baseline(clock.production.settings, Side.A, clock.began)


def test_a_series_that_aws_calls_partial_is_no_answer(production: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query(USERS, "RequestCount", "Sum", production.seeded.target_group_arns["a"])
    page = {"MetricDataResults": [{"Id": "q0", "StatusCode": "PartialData", "Timestamps": [], "Values": []}]}
    monkeypatch.setattr("tasks.series._pages", lambda *_: [page])
    with pytest.raises(TransientError, match="RequestCount Sum: PartialData"):
        read_series(production.settings, [query], Span(0, 60, 1))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ({"Messages": [{"Code": "MaxMetricsExceeded", "Value": "too many"}]}, "AWS says MaxMetricsExceeded: too many"),
        (
            {
                "MetricDataResults": [
                    {
                        "Id": "q0",
                        "StatusCode": "Complete",
                        "Messages": [{"Code": "ArithmeticError", "Value": "dropped"}],
                    }
                ]
            },
            "RequestCount Sum: Complete, ArithmeticError: dropped",
        ),
        ({"MetricDataResults": []}, "RequestCount Sum: missing"),
    ],
)
def test_what_aws_says_about_an_answer_makes_it_none(
    production: Production, monkeypatch: pytest.MonkeyPatch, page: dict[str, object], why: str
) -> None:
    query = Query(USERS, "RequestCount", "Sum", production.seeded.target_group_arns["a"])
    monkeypatch.setattr("tasks.series._pages", lambda *_: [page])
    with pytest.raises(TransientError, match=why):
        read_series(production.settings, [query], Span(0, 60, 1))


def test_a_series_cut_by_a_page_is_whole_with_the_last_one_and_a_repeated_point_counts_once(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query(USERS, "RequestCount", "Sum", production.seeded.target_group_arns["a"])
    first, second, third = (datetime.fromtimestamp(at, UTC) for at in (60, 120, 180))
    told = [("PartialData", [first, second], [1.0, 2.0]), ("Complete", [second, third], [2.0, 3.0])]
    pages = [
        {"MetricDataResults": [{"Id": "q0", "StatusCode": state, "Timestamps": times, "Values": values}]}
        for state, times, values in told
    ]
    monkeypatch.setattr("tasks.series._pages", lambda *_: pages)
    assert read_series(production.settings, [query], Span(0, 240, 60))[query] == {60: 1.0, 120: 2.0, 180: 3.0}


def test_more_datapoints_than_a_page_holds_are_read_whole(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.twin.aws_cloudwatch._MOST_DATAPOINTS", 7)
    for place in range(6):
        clock.second(place, a=answers(10), b=answers(1))
    before = clock.production.calls("GetMetricData")
    rows = clock.read(clock.window(0, 0, 6))
    assert [row.old.requests for row in rows] == [10] * 6
    assert clock.production.calls("GetMetricData") > before + 1
