"""What rolls a candidate back, and what must never do so."""

from typing import Any

import pytest

from flows.core.judge import Verdict, judge
from tasks.counts import Counts
from tasks.judge_policy import JudgePolicy
from tests.core.judge_rows import POLICY, counts, first_ending, promoted_release, row, rows, verdict_on

BACK = Verdict.ROLL_BACK
SLOW = {"slow_300ms": 6, "slow_1s": 6, "slow_5s": 6}


def test_four_errors_in_every_sixty_end_it_in_the_third_period() -> None:
    assert first_ending(rows(15, new=4)) == (3, BACK, "errors-limit")


def test_eighteen_errors_in_every_sixty_end_it_in_the_second_period() -> None:
    assert first_ending(rows(15, new=18)) == (2, BACK, "errors-limit")


@pytest.mark.parametrize("place", [0, 1, 2, 7, 14])
@pytest.mark.parametrize("n", [(60, 540), (600, 600), (600, 5400)])
def test_one_period_with_nineteen_errors_is_never_enough(place: int, n: tuple[int, int]) -> None:
    release = rows(30, n=n)
    release[place] = row(place, n=n, new=19)
    ending = first_ending(release)
    assert ending is None or ending[1] is not BACK


def test_one_period_with_twenty_errors_is() -> None:
    assert first_ending([*rows(3), row(3, new=20)]) == (4, BACK, "errors-limit")


def test_four_periods_of_an_outage_of_both_sides_never_roll_back() -> None:
    outage = rows(4, first=3, new=12, old=108)
    release = [*rows(3), *outage, *rows(20, first=7)]
    assert all(verdict_on(release[:seen]).verdict is not BACK for seen in range(1, len(release)))


def test_an_outage_of_both_sides_does_not_roll_back_the_side_it_hits_harder() -> None:
    release = [*rows(6), *rows(4, first=6, new=20, old=36)]
    judgement = verdict_on(release)
    assert judgement.verdict is Verdict.WAIT
    assert judgement.hold
    assert judgement.evidence["failed"] <= 1


def test_unhealthy_targets_do_not_roll_back_while_both_sides_are_in_trouble() -> None:
    assert verdict_on(rows(3, new=12, old=108, new_unhealthy=1)).verdict is Verdict.WAIT


def test_a_rollback_says_both_numbers() -> None:
    judgement = verdict_on(rows(9, n=(610, 5490), new=7, old=6))
    assert judgement.rule == "errors-evidence"
    assert judgement.reasons[0].startswith("errors 14/1,220 (1.1 %) against 12/10,980 (0.1 %), evidence ")
    assert judgement.reasons[0].endswith(" > 200")
    assert judgement.evidence["failed"] > 200
    limit = verdict_on(rows(3, new=4))
    assert limit.reasons == ("errors 12/180 (6.7 %) against 0/1,620 (0.0 %), 6.7 % > 5.0 %",)


def test_a_late_poll_finds_the_rollback_a_timely_one_would_have_found() -> None:
    bad, good = rows(3, new=4), rows(20, first=3)
    assert verdict_on([*bad, *good]) == verdict_on(bad)


@pytest.mark.parametrize(
    ("n", "errors", "verdict"),
    [
        ((100, 900), 10, Verdict.WAIT),  # no more than the limit of the warm-up
        ((100, 900), 17, Verdict.WAIT),  # 34 of 200: a rate of 10 % has that by chance, p = 0.0016
        ((100, 900), 18, BACK),  # 36 of 200: p = 0.0004
        ((6000, 6000), 630, Verdict.WAIT),  # 10.5 %
        ((6000, 6000), 720, BACK),  # 12 %
    ],
)
def test_a_cold_start_is_beyond_its_limit_only_where_chance_did_not_take_it_there(
    n: tuple[int, int], errors: int, verdict: Verdict
) -> None:
    assert verdict_on(rows(2, n=n, new=errors)).verdict is verdict


def test_a_cold_start_is_not_held_against_the_candidate_when_the_warm_up_ends() -> None:
    cold = [*rows(2, n=(100, 900), new=9), *rows(13, first=2, n=(100, 900), new=0)]
    assert first_ending(cold) == (15, Verdict.PROMOTE, "promotion")
    still = [*rows(2, n=(100, 900), new=9), row(2, n=(100, 900), new=6)]
    assert verdict_on(still).rule == "errors-limit"


def test_a_slow_cold_start_after_each_weight_is_not_compared() -> None:
    cold = {"slow_300ms": 50, "slow_1s": 20}
    first = [*rows(2, new=cold), *rows(13, first=2)]
    second = [*rows(2, first=15, phase=1, n=(300, 300), new=cold), *rows(13, first=17, phase=1, n=(300, 300))]
    assert verdict_on(first).verdict is Verdict.PROMOTE
    assert verdict_on([*first, *second], 1).verdict is Verdict.PROMOTE


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ((2, 3, 0), Verdict.WAIT),  # 5 of 300 is no more than 5 %
        ((0, 0, 16), Verdict.WAIT),  # one period alone, fewer than 20
        ((0, 1, 15), BACK),  # two periods, 5.3 %
        ((0, 1, 14), Verdict.WAIT),  # exactly 5 %
        ((0, 0, 20), BACK),  # 20 in one
    ],
)
def test_a_hard_limit_needs_rate_and_events(errors: tuple[int, ...], verdict: Verdict) -> None:
    window = [row(5 + place, n=(100, 900), new=count) for place, count in enumerate(errors)]
    strict = JudgePolicy(errors_evidence=1e6)
    assert verdict_on([*rows(5, n=(100, 900)), *window], policy=strict).verdict is verdict


def test_four_events_are_too_few_for_a_hard_limit_and_five_enough() -> None:
    n = (10, 90)
    few = [*rows(4, n=n), row(4, n=n, new=2), row(5, n=n, new=2)]
    enough = [*rows(4, n=n), row(4, n=n, new=2), row(5, n=n, new=3)]
    strict = JudgePolicy(errors_evidence=1e6)
    assert verdict_on(few, policy=strict).verdict is Verdict.WAIT
    assert verdict_on(enough, policy=strict).rule == "errors-limit"


def test_only_the_last_three_periods_make_an_emergency() -> None:
    spread = [row(place, n=(30, 270), new=5 * (place in (3, 6))) for place in range(9)]
    strict = JudgePolicy(errors_evidence=1e6)
    assert verdict_on(spread, policy=strict).verdict is Verdict.WAIT


def test_what_the_old_side_does_half_as_often_is_not_the_candidates_doing() -> None:
    n = (1000, 1000)
    strict = JudgePolicy(errors_evidence=1e6)
    assert verdict_on(rows(6, n=n, new=90, old=46), policy=strict).verdict is Verdict.WAIT
    assert verdict_on(rows(6, n=n, new=90, old=45), policy=strict).rule == "errors-limit"


def test_what_chance_explains_is_not_the_candidates_doing() -> None:
    n = (30, 30)
    strict = JudgePolicy(errors_evidence=1e6)
    assert verdict_on(rows(3, n=n, new=3), policy=strict).verdict is Verdict.WAIT  # 9 against 0: p = 0.002
    assert verdict_on(rows(3, n=n, new=4), policy=strict).rule == "errors-limit"  # 12 against 0


def test_a_noisy_past_asks_for_more_events() -> None:
    noisy = [Counts(requests=540, failed=count) for count in (0, 20) * 30]
    release = rows(3, new=4)
    assert judge(release, 0, POLICY).verdict is BACK
    assert judge(release, 0, POLICY, baseline=noisy).verdict is Verdict.WAIT


@pytest.mark.parametrize(("errors", "verdict"), [(16, Verdict.WAIT), (17, BACK)])
def test_tempered_events_must_be_five_too(errors: int, verdict: Verdict) -> None:
    wild = [Counts(requests=570, failed=count) for count in (0, 55) * 30]
    release = rows(3, n=(30, 570), new=errors)  # a tenth of 48 or of 51 counts
    tempered = JudgePolicy(errors_evidence=1e6, max_dispersion=10)
    assert judge(release, 0, tempered, baseline=wild).verdict is verdict


@pytest.mark.parametrize("kind", ["failed", "slow_5s"])
def test_an_outage_before_the_release_does_not_deafen_the_judge(kind: str) -> None:
    lost = {"failed": 270} if kind == "failed" else dict.fromkeys(("slow_300ms", "slow_1s", "slow_5s"), 270)
    past = [Counts(requests=540), counts(540, lost)] * 3 + [Counts(requests=540, failed=1)] * 54
    assert judge(rows(3, new=4), 0, POLICY, baseline=past).verdict is BACK


def test_four_failures_of_one_user_in_the_hour_before_are_noise_already() -> None:
    release = rows(3, n=(30, 270), new=2)
    past = [Counts(requests=300, failed=4 * (place == 30)) for place in range(60)]
    assert judge(release, 0, POLICY).verdict is BACK
    assert judge(release, 0, POLICY, baseline=past).verdict is Verdict.WAIT


def test_answers_beyond_five_seconds_roll_back() -> None:
    judgement = verdict_on(rows(3, new=SLOW))
    assert (judgement.verdict, judgement.rule) == (BACK, "slow-5s-limit")
    assert judgement.reasons == ("slower than 5 s 18/180 (10.0 %) against 0/1,620 (0.0 %), 10.0 % > 5.0 %",)


@pytest.mark.parametrize(
    ("new", "old", "period", "rule"),
    [
        ({"slow_300ms": 20}, {"slow_300ms": 10}, 4, "slow-300ms-evidence"),
        ({"slow_300ms": 2, "slow_1s": 2}, {}, 4, "slow-1s-evidence"),
    ],
)
def test_a_slower_candidate_rolls_back_while_the_old_side_meets_the_goal(
    new: dict[str, int], old: dict[str, int], period: int, rule: str
) -> None:
    assert first_ending(rows(15, new=new, old=old)) == (period, BACK, rule)


def test_a_slower_candidate_that_meets_the_goal_or_whose_old_side_does_not_is_left_to_people() -> None:
    meets = rows(30, n=(600, 5400), new={"slow_300ms": 30}, old={"slow_300ms": 54})
    misses = rows(30, n=(600, 5400), new={"slow_300ms": 240}, old={"slow_300ms": 300})
    for release in (meets, misses):
        judgement = verdict_on(release)
        assert judgement.evidence["slow_300ms"] > 400
        assert judgement.verdict is Verdict.WAIT


def test_errors_too_rare_to_matter_do_not_roll_back() -> None:
    rare = rows(30, n=(30_000, 270_000), new=20, old=20)
    judgement = verdict_on(rare)
    assert judgement.evidence["failed"] > 200
    assert judgement.verdict is Verdict.WAIT


def test_errors_that_matter_in_the_last_five_periods_alone_do() -> None:
    n = (2000, 18_000)
    late = [*rows(28, n=n), *rows(5, first=28, n=n, new=4)]
    judgement = verdict_on(late)
    assert 20 / (31 * 2000) < 0.001
    assert judgement.rule == "errors-evidence"


def test_evidence_is_carried_over_to_the_next_weight() -> None:
    first = rows(5, new=1)
    alone = verdict_on(rows(4, first=15, phase=1, n=(300, 300), new=2), 1)
    together = verdict_on([*first, *rows(4, first=15, phase=1, n=(300, 300), new=2)], 1)
    assert together.evidence["failed"] > 5 * alone.evidence["failed"]


@pytest.mark.parametrize("field", ["new_unhealthy", "new_connection_errors"])
def test_unhealthy_targets_in_two_periods_running_roll_back(field: str) -> None:
    one: dict[str, Any] = {field: 1}
    sick = [row(place, **one) for place in (4, 5)]
    assert first_ending([*rows(4), *sick]) == (6, BACK, "unhealthy-targets")


def test_one_unhealthy_period_or_two_apart_do_not() -> None:
    assert verdict_on([*rows(4), row(4, new_unhealthy=2)]).verdict is Verdict.WAIT
    apart = [row(0, new_unhealthy=1), row(1), row(2, new_unhealthy=1)]
    assert verdict_on(apart).verdict is Verdict.WAIT
    unseen = [row(0, new_unhealthy=1), row(1, complete=False), *rows(2, first=2, new_unhealthy=1)]
    assert verdict_on(unseen[:3]).verdict is Verdict.WAIT
    assert verdict_on(unseen, policy=JudgePolicy(unhealthy_periods=3)).verdict is Verdict.WAIT


@pytest.mark.parametrize("field", ["old_unhealthy", "old_connection_errors"])
def test_unhealthy_targets_on_both_sides_do_not_roll_back(field: str) -> None:
    both: dict[str, Any] = {"new_unhealthy": 1, field: 1}
    assert verdict_on(rows(6, **both)).verdict is Verdict.WAIT


def test_incomplete_rows_never_roll_back() -> None:
    assert verdict_on(rows(3, new=60, new_unhealthy=2, complete=False)).verdict is Verdict.WAIT


def test_failing_probes_count_fully_against_a_release() -> None:
    probes: dict[str, Any] = {"new_probes": counts(30, 9), "old_probes": counts(30)}
    judgement = verdict_on(rows(3, n=(0, 0), **probes))
    assert (judgement.verdict, judgement.rule) == (BACK, "errors-limit")
    assert judgement.reasons[0].startswith("errors (probes) ")


def test_a_probe_that_fails_on_both_sides_shields_nobody() -> None:
    probes: dict[str, Any] = {"new_probes": counts(30, 30), "old_probes": counts(30, 30)}
    assert verdict_on(rows(3, new=18, **probes)).verdict is BACK
    assert verdict_on(rows(12, **probes)).verdict is Verdict.WAIT


def test_at_all_of_the_traffic_the_old_sides_past_is_what_it_is_compared_with() -> None:
    last = rows(3, first=30, phase=2, n=(600, 0), new=36)
    calm = [*promoted_release()[:30], *last]
    judgement = verdict_on(calm, 2)
    assert (judgement.verdict, judgement.rule) == (BACK, "errors-limit")
    assert judgement.reasons == ("errors 108/1,800 (6.0 %) against 0/12,600 (0.0 %), 6.0 % > 5.0 %",)


def test_an_outage_of_both_sides_is_no_past_to_be_compared_with() -> None:
    before = [*rows(13), *rows(2, first=13, new=24, old=216), *rows(15, first=15, phase=1, n=(300, 300))]
    unseen = row(30, phase=1, n=(300, 300), old=300, complete=False)
    last = rows(3, first=31, phase=2, n=(600, 0), new=36)
    judgement = verdict_on([*before, unseen, *last], 2)
    assert judgement.verdict is BACK
    assert " against 0/11,520 " in judgement.reasons[0]


def test_at_all_of_the_traffic_a_past_as_bad_excuses() -> None:
    past = [Counts(requests=600, failed=24)] * 60
    last = rows(6, phase=2, n=(600, 0), new=36)
    assert judge(last, 2, POLICY, baseline=past).verdict is Verdict.WAIT
    assert judge(last, 2, POLICY, baseline=[Counts(requests=600, failed=1)] * 60).verdict is BACK


def test_at_all_of_the_traffic_the_limit_itself_decides_where_no_old_side_was_seen() -> None:
    assert verdict_on(rows(3, phase=2, n=(600, 0), new=36), 2).verdict is BACK
    assert verdict_on(rows(3, phase=2, n=(600, 0), new=30), 2).verdict is Verdict.WAIT


def test_at_all_of_the_traffic_trouble_must_last_for_the_whole_window() -> None:
    n = (60, 0)
    two = [*rows(5, phase=2, n=n), *rows(2, first=5, phase=2, n=n, new=10), row(7, phase=2, n=n)]
    assert all(verdict_on(two[:seen], 2).verdict is not BACK for seen in range(len(two) + 1))
    assert verdict_on([*two[:7], row(7, phase=2, n=n, new=1)], 2).rule == "errors-limit"
    assert verdict_on([*rows(5, phase=2, n=n), row(5, phase=2, n=n, new=20)], 2).rule == "errors-limit"


@pytest.mark.parametrize(
    ("old_probes_failed", "verdict"),
    [(0, BACK), (1, BACK), (2, Verdict.WAIT), (9, Verdict.WAIT)],
)
def test_at_all_of_the_traffic_the_old_sides_probes_tell_an_outage_of_both(
    old_probes_failed: int, verdict: Verdict
) -> None:
    probes: dict[str, Any] = {"new_probes": counts(30, 9), "old_probes": counts(30, old_probes_failed)}
    calm = rows(4, first=30, phase=2, n=(600, 0), new_probes=counts(30), old_probes=counts(30))
    last = [*calm, row(34, phase=2, n=(600, 0), new=180, **probes)]
    assert verdict_on([*promoted_release()[:30], *last], 2).verdict is verdict


def test_below_all_of_the_traffic_no_old_side_means_no_verdict_against_the_candidate() -> None:
    assert verdict_on(rows(3, n=(60, 0), new=18)).verdict is not BACK
