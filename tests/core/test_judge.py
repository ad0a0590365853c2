"""What promotes a candidate, what makes the judge ask, and what it does not count."""

import math
import time
from typing import Any

import pytest
from pydantic import ValidationError

from flows.core.judge import Judgement, Verdict, judge
from tasks.counts import Counts, Period
from tasks.judge_policy import JudgePolicy
from tests.core.judge_rows import POLICY, counts, first_ending, promoted_release, row, rows, verdict_on

PROBES: dict[str, Any] = {"new_probes": Counts(requests=30), "old_probes": Counts(requests=30)}


def test_a_clean_release_is_promoted_after_fifteen_periods_of_each_weight() -> None:
    release = promoted_release()
    for phase in range(3):
        end = 15 * (phase + 1)
        assert verdict_on(release[: end - 1], phase).verdict is Verdict.WAIT
        assert verdict_on(release[:end], phase).verdict is Verdict.PROMOTE


def test_a_promotion_says_what_it_stands_on() -> None:
    judgement = verdict_on(rows(15, n=(10, 90)))
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.reasons == ("errors 0/130 (0.0 %) against 0/1,170 (0.0 %), proved below 5.0 %: evidence 399 > 20",)
    assert (judgement.periods_counted, judgement.periods_needed) == (15, 15)
    assert (judgement.new.requests, judgement.old.requests) == (150, 1350)
    assert (judgement.new_error_rate, judgement.old_error_rate) == (0, 0)


@pytest.mark.parametrize(("phase", "n", "needed"), [(0, 4, 19), (1, 20, 20), (2, 20, 20)])
def test_a_quiet_release_waits_until_its_error_rate_is_proved(phase: int, n: int, needed: int) -> None:
    release = rows(30, phase=phase, n=(n, 0 if phase == 2 else n * (9 if phase == 0 else 1)))
    assert first_ending(release, phase) == (needed, Verdict.PROMOTE, "promotion")


@pytest.mark.parametrize(("requests", "verdict"), [(67, Verdict.WAIT), (68, Verdict.PROMOTE)])
def test_warm_up_requests_prove_nothing(requests: int, verdict: Verdict) -> None:
    n = (requests // 12, 600)
    last = row(14, n=(requests - 12 * n[0], 600))
    assert verdict_on([*rows(2, n=(500, 600)), *rows(12, first=2, n=n), last]).verdict is verdict


def test_more_than_one_percent_of_errors_is_not_promoted() -> None:
    deaf = JudgePolicy(errors_null_ratio=10)

    def with_errors(count: int) -> Judgement:
        return verdict_on([*rows(14, old=6), row(14, n=(280, 540), new=count, old=6)], policy=deaf)

    assert with_errors(10).verdict is Verdict.PROMOTE
    assert with_errors(11).verdict is Verdict.WAIT
    assert with_errors(11).reasons == ("errors 11/1,000 (1.1 %) > 1.0 %",)


@pytest.mark.parametrize(
    ("new", "old", "verdict"),
    [
        ({"slow_300ms": 49}, {"slow_300ms": 20}, Verdict.PROMOTE),
        ({"slow_300ms": 50}, {"slow_300ms": 20}, Verdict.WAIT),
        ({"slow_300ms": 90}, {"slow_300ms": 60}, Verdict.PROMOTE),
        ({"slow_300ms": 91}, {"slow_300ms": 60}, Verdict.WAIT),
        ({"slow_1s": 9}, {"slow_1s": 4}, Verdict.PROMOTE),
        ({"slow_1s": 10}, {"slow_1s": 4}, Verdict.WAIT),
        ({"slow_1s": 30}, {"slow_1s": 20}, Verdict.PROMOTE),
        ({"slow_1s": 31}, {"slow_1s": 20}, Verdict.WAIT),
    ],
)
def test_latency_goals_are_met_or_the_old_side_is_nearly_as_slow(
    new: dict[str, int], old: dict[str, int], verdict: Verdict
) -> None:
    deaf = JudgePolicy(slow_null_ratio=10)
    release = rows(15, phase=1, n=(1000, 1000), new=new, old=old)
    assert verdict_on(release, 1, deaf).verdict is verdict


def test_latency_at_all_of_the_traffic_is_held_against_the_old_sides_past() -> None:
    slow = {"slow_300ms": 40}
    before = [row(place, phase=place // 15, n=(300, 300), new=slow, old=slow) for place in range(30)]
    last = rows(15, first=30, phase=2, n=(600, 0), new={"slow_300ms": 80})
    assert verdict_on([*before, *last], 2).verdict is Verdict.PROMOTE
    assert verdict_on(last, 2).verdict is Verdict.WAIT


def test_a_p95_above_five_seconds_is_not_promoted_even_where_the_old_side_is_as_slow() -> None:
    slow = {"slow_300ms": 4, "slow_1s": 4, "slow_5s": 4}
    judgement = verdict_on(rows(15, n=(100, 100), new=slow, old=slow))
    assert judgement.verdict is Verdict.WAIT
    assert judgement.reasons[0].startswith("slower than 5 s 52/1,300 (4.0 %) not proved below 5.0 %")


def test_evidence_of_being_worse_stops_a_promotion_long_before_it_rolls_back() -> None:
    release = [*rows(14, n=(400, 3600)), row(14, n=(400, 3600), new=3)]
    judgement = verdict_on(release)
    assert 5 <= judgement.evidence["failed"] < 200
    assert judgement.verdict is Verdict.WAIT
    assert judgement.reasons[0].startswith("errors: evidence of being worse ")


def test_too_little_evidence_about_too_small_a_difference_stops_nothing() -> None:
    release = [*rows(14, n=(600, 5400)), row(14, n=(600, 5400), new=2)]
    judgement = verdict_on(release)
    assert 5 <= judgement.evidence["failed"] < 200
    assert judgement.verdict is Verdict.PROMOTE  # 2 of 7,800, 2 of the last 3,000


def test_at_all_of_the_traffic_nobody_waits_for_evidence_that_cannot_change() -> None:
    suspect = row(29, phase=1, n=(300, 300), new=6)
    release = promoted_release()
    judgement = verdict_on([*release[:29], suspect, *release[30:]], 2)
    assert judgement.evidence["failed"] >= 5
    assert judgement.verdict is Verdict.PROMOTE


def test_incomplete_and_held_periods_stop_the_bake_clock() -> None:
    unseen = [*rows(7), *rows(4, first=7, complete=False), *rows(8, first=11)]
    assert verdict_on(unseen[:-1]).periods_counted == 14
    assert verdict_on(unseen[:-1]).verdict is Verdict.WAIT
    assert verdict_on(unseen).verdict is Verdict.PROMOTE
    held = [*rows(7), *rows(4, first=7, new=12, old=108), *rows(8, first=11)]
    assert verdict_on(held[:-1]).periods_counted == 14
    assert verdict_on(held).verdict is Verdict.PROMOTE


def test_trouble_of_both_sides_holds_the_bake_and_says_so() -> None:
    judgement = verdict_on([*rows(15), *rows(2, first=15, new=12, old=108)])
    assert (judgement.verdict, judgement.rule, judgement.hold) == (Verdict.WAIT, "hold", True)
    assert judgement.reasons == ("both sides are beyond a hard limit",)
    assert not verdict_on(rows(15)).hold


def test_slowness_of_both_sides_holds_as_well() -> None:
    slow = {"slow_300ms": 6, "slow_1s": 6, "slow_5s": 6}
    old = dict.fromkeys(slow, 60)
    assert verdict_on(rows(3, new=slow, old=old)).hold


def test_probes_say_whether_both_are_in_trouble_where_a_side_has_no_user() -> None:
    failing: dict[str, Any] = {"new_probes": counts(30, 9), "old_probes": counts(30, 9)}
    assert verdict_on(rows(3, n=(0, 9), **failing)).hold
    assert not verdict_on(rows(3, n=(1, 9), **failing)).hold


def test_exactly_five_percent_on_a_side_is_no_hold() -> None:
    assert not verdict_on(rows(3, n=(100, 900), new=5, old=90)).hold
    assert not verdict_on(rows(3, n=(100, 900), new=10, old=45)).hold


def test_a_hold_without_end_is_put_to_people() -> None:
    release = rows(45, new=12, old=108)
    assert first_ending(release) == (45, Verdict.ASK, "ask-after")
    assert verdict_on(release).hold


def test_nothing_at_all_is_asked_about_in_the_fifth_period() -> None:
    assert first_ending(rows(9, n=(0, 0))) == (5, Verdict.ASK, "no-requests")


def test_nothing_at_all_is_never_promoted_nor_rolled_back() -> None:
    nothing = [row(place, phase=place // 15, n=(0, 0)) for place in range(90)]
    for seen in (*range(0, 91, 7), 5, 15, 20, 45, 90):
        judgement = verdict_on(nothing[:seen], min(2, seen // 15))
        assert judgement.verdict in (Verdict.ASK, Verdict.WAIT)


def test_a_period_in_which_nobody_came_does_not_move_the_bake_clock() -> None:
    release = [*rows(11), *rows(4, first=11, n=(0, 0)), *rows(4, first=15)]
    assert verdict_on(release[:15]).periods_counted == 11
    assert first_ending(release) == (19, Verdict.PROMOTE, "promotion")


def test_a_silence_that_has_ended_is_not_asked_about() -> None:
    assert verdict_on([*rows(5, n=(0, 0)), row(5)]).verdict is Verdict.WAIT


def test_a_proved_candidate_is_not_promoted_into_a_silence() -> None:
    assert verdict_on([*rows(14), *rows(5, first=14, n=(0, 0))]).verdict is Verdict.ASK


def test_silent_metrics_are_asked_about_in_the_fifth_period() -> None:
    silent = rows(9, first=3, complete=False, reason="GetMetricData: throttled")
    ending = first_ending([*rows(3), *silent])
    assert ending == (8, Verdict.ASK, "silent-metrics")
    judgement = verdict_on([*rows(3), *silent])
    assert "GetMetricData: throttled" in judgement.reasons[0]


def test_what_is_wrong_with_the_metrics_is_said_rather_than_that_the_youngest_are_not_final() -> None:
    young = rows(2, first=4, complete=False, reason="not final yet")
    silent = [*rows(4, complete=False, reason="GetMetricData: throttled"), *young]
    assert "GetMetricData: throttled" in verdict_on(silent).reasons[0]
    assert "not final yet" in verdict_on(rows(5, complete=False, reason="not final yet")).reasons[0]
    assert "no reason given" in verdict_on(rows(5, complete=False)).reasons[0]


def test_four_silent_periods_are_waited_for() -> None:
    assert verdict_on([*rows(3), *rows(4, first=3, complete=False)]).verdict is Verdict.WAIT


def test_partial_periods_for_ever_are_put_to_people() -> None:
    partial = [row(place, complete=place % 5 == 0) for place in range(45)]
    assert first_ending(partial) == (45, Verdict.ASK, "ask-after")


@pytest.mark.parametrize(
    ("phase", "n", "ending"),
    [
        (0, (0, 60), (4, Verdict.ASK, "split-not-as-configured")),  # 6 due a period
        (0, (0, 200), (1, Verdict.ASK, "split-not-as-configured")),
        (0, (0, 199), (2, Verdict.ASK, "split-not-as-configured")),
        (1, (0, 30), (2, Verdict.ASK, "split-not-as-configured")),
        (1, (30, 0), (2, Verdict.ASK, "split-not-as-configured")),
        (2, (0, 20), (1, Verdict.ASK, "split-not-as-configured")),
    ],
)
def test_a_side_that_gets_nothing_where_twenty_were_due_is_asked_about(
    phase: int, n: tuple[int, int], ending: tuple[int, Verdict, str]
) -> None:
    assert first_ending(rows(9, phase=phase, n=n), phase) == ending


def test_one_request_of_the_new_side_ends_the_count_of_what_was_due() -> None:
    assert verdict_on([row(0, n=(0, 190)), row(1, n=(1, 190)), row(2, n=(0, 190))]).verdict is Verdict.WAIT


def test_at_all_of_the_traffic_an_idle_old_side_is_as_configured() -> None:
    assert verdict_on(rows(9, phase=2, n=(600, 0)), 2).verdict is Verdict.WAIT


def test_no_verdict_for_forty_five_periods_is_put_to_people_with_what_is_missing() -> None:
    release = rows(45, n=(1, 9))
    assert first_ending(release) == (45, Verdict.ASK, "ask-after")
    reasons = verdict_on(release).reasons
    assert reasons[0] == "45 periods >= 45 without a verdict"
    assert reasons[1] == "errors 0/43 (0.0 %) not proved below 5.0 %: evidence 6.5 < 20"


def test_probes_alone_may_leave_the_first_weight_but_not_the_second() -> None:
    first = rows(15, n=(0, 0), **PROBES)
    assert verdict_on(first).verdict is Verdict.PROMOTE
    second = rows(15, first=15, phase=1, n=(0, 0), **PROBES)
    assert first_ending([*first, *second], 1) == (20, Verdict.ASK, "no-requests")
    quiet = rows(15, first=15, phase=1, n=(2, 2), **PROBES)
    assert verdict_on([*first, *quiet], 1).verdict is Verdict.WAIT


def test_failing_probes_stop_a_promotion() -> None:
    probes: dict[str, Any] = {"new_probes": counts(30, 1), "old_probes": counts(30, 1)}
    judgement = verdict_on(rows(15, **probes))
    assert judgement.verdict is Verdict.WAIT
    assert "errors (probes) 13/390 (3.3 %) > 1.0 %" in judgement.reasons


def test_no_rows_at_all_wait() -> None:
    judgement = judge([], 0, POLICY)
    assert (judgement.verdict, judgement.rule, judgement.periods_counted) == (Verdict.WAIT, "bake", 0)
    assert judgement.new_error_rate is None


def test_a_phase_without_a_row_yet_does_not_inherit_the_last_ones_promotion() -> None:
    release = promoted_release()
    for phase in (1, 2):
        assert verdict_on(release[: 15 * phase], phase).verdict is Verdict.WAIT


def test_rows_of_later_phases_are_left_out() -> None:
    release = promoted_release()
    assert verdict_on(release, 0) == verdict_on(release[:15], 0)


def test_a_row_completed_later_takes_the_place_of_the_incomplete_one() -> None:
    release = rows(15)
    gap = [*release[:5], row(5, complete=False), *release[6:]]
    assert verdict_on(gap).verdict is Verdict.WAIT
    assert verdict_on([*gap, release[5]]) == verdict_on(release)
    assert verdict_on([release[5], *gap]) == verdict_on(release)


def test_of_two_complete_rows_of_one_period_the_fuller_one_stands() -> None:
    partial = row(14, n=(10, 90))
    assert verdict_on([*rows(15), partial]) == verdict_on([partial, *rows(15)]) == verdict_on(rows(15))


def test_a_judgement_survives_json() -> None:
    judgement = verdict_on(rows(600, n=(60, 540), new=0, old=1))
    assert Judgement.model_validate_json(judgement.model_dump_json()) == judgement


def test_weights_are_those_of_the_policy() -> None:
    two = JudgePolicy(weights=(20, 100))
    last = rows(15, phase=1, n=(600, 0))
    assert verdict_on(last, 1, two).verdict is Verdict.PROMOTE
    assert verdict_on(last, 1).verdict is Verdict.ASK


def test_the_last_phase_may_bake_for_a_time_of_its_own() -> None:
    patient = JudgePolicy(last_phase_min_periods=20)
    release = [*promoted_release(), *rows(5, first=45, phase=2, n=(600, 0))]
    assert verdict_on(release[:15], 0, patient).verdict is Verdict.PROMOTE
    assert verdict_on(release[:49], 2, patient).verdict is Verdict.WAIT
    assert verdict_on(release, 2, patient).verdict is Verdict.PROMOTE


def test_ninety_rows_are_judged_in_less_than_fifty_milliseconds() -> None:
    busy = [row(place, phase=place // 45, n=(300, 300), new=place % 2, old=1) for place in range(90)]
    baseline = [Counts(requests=600, failed=place % 3) for place in range(60)]
    took = []
    for _ in range(5):
        begun = time.process_time()
        judge(busy, 1, POLICY, baseline=baseline)
        took.append(time.process_time() - begun)
    assert min(took) < 0.05


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests": math.nan},
        {"requests": -1},
        {"requests": 5, "failed": 6},
        {"requests": 5, "slow_5s": 6},
        {"requests": 5, "failed": math.nan},
        {"requests": 5.5},
        {"requests": math.inf},
    ],
)
def test_counts_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"requests|failed|slow_5s"):
        Counts(**wrong)


def test_a_part_larger_than_the_whole_is_refused_with_both_numbers() -> None:
    with pytest.raises(ValidationError, match="failed 7 > requests 5"):
        Counts(requests=5, failed=7)


@pytest.mark.parametrize("start", [math.nan, math.inf])
def test_a_period_that_starts_at_no_time_is_refused(start: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        row(0, start=start)


def test_a_period_must_say_whether_it_is_complete() -> None:
    told = row(0).model_dump()
    del told["complete"]
    with pytest.raises(ValidationError, match="complete"):
        Period(**told)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"weights": (50, 10, 100)}, "weights must rise"),
        ({"weights": (0, 100)}, "weights must rise"),
        ({"weights": (10, 50)}, "weights must rise"),
        ({"weights": ()}, "weights must rise"),
        ({"warm_up_periods": 15}, "nothing would be compared"),
        ({"ask_after_periods": 14}, "no phase could end"),
        ({"last_phase_min_periods": 46}, "no phase could end"),
        ({"first_phase_stake": 0.9}, "stakes 0.9 . 0.2 > 1"),
        ({"warm_up_limit_rate": 0.04}, "warm_up_limit_rate 0.04 < limit_rate 0.05"),
        ({"limit_event_periods": 4}, "limit_event_periods 4 > window 3"),
        ({"max_relative_evidence": 200}, "would promote what is to be rolled back"),
        ({"limit_rate": 0}, "greater than 0"),
        ({"proof_evidence": 1}, "greater than 1"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_a_policy_that_cannot_decide_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        JudgePolicy(**change)
