"""What holds of the judge whatever it is fed."""

from random import Random
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flows.core.judge import Verdict, judge
from tasks.counts import Counts, Period
from tests.core.judge_rows import POLICY, counts, row

NOTHING = Counts()
SLOW = {"slow_300ms": 6, "slow_1s": 6, "slow_5s": 6}
PROBED = {"new_probes": Counts(requests=30), "old_probes": Counts(requests=30)}
# What a period can be like.
KINDS: dict[str, dict[str, Any]] = {
    "clean": {},
    "halves": {"n": (300, 300), "old": 1},
    "all": {"n": (600, 0)},
    "an error": {"new": 1},
    "bad": {"new": 4},
    "outage": {"new": 12, "old": 108},
    "slow": {"new": SLOW},
    "slow both": {"new": SLOW, "old": {kind: 10 * count for kind, count in SLOW.items()}},
    "quiet": {"n": (1, 9)},
    "nothing": {"n": (0, 0)},
    "wrong split": {"n": (0, 600)},
    "probes": {"n": (0, 0), **PROBED},
    "bad probes": {"new_probes": counts(30, 9), "old_probes": counts(30)},
    "unhealthy": {"new_unhealthy": 1},
    "unhealthy both": {"new_unhealthy": 1, "old_unhealthy": 1},
    "incomplete": {"complete": False, "reason": "throttled"},
}


@st.composite
def some_releases(draw: st.DrawFn) -> list[Period]:
    """Draw a release as stretches of alike periods, cut into phases anywhere."""
    kind = st.sampled_from(["clean", "halves", *KINDS])
    stretches = draw(st.lists(st.tuples(kind, st.integers(1, 16)), max_size=6))
    names = [name for name, length in stretches for _ in range(length)]
    ends = draw(st.tuples(st.integers(0, 50), st.integers(0, 50)))
    return [row(place, phase=sum(place >= end for end in ends), **KINDS[name]) for place, name in enumerate(names)]


def phase_of(release: list[Period]) -> int:
    return release[-1].phase if release else 0


some_order = st.randoms(use_true_random=False)


@given(some_releases(), some_order)
def test_order_and_repetition_of_rows_change_nothing(release: list[Period], order: Random) -> None:
    told = [*release, *order.choices(release, k=5)] if release else []
    order.shuffle(told)
    assert judge(told, phase_of(release), POLICY) == judge(release, phase_of(release), POLICY)


@given(some_releases(), some_order)
def test_rows_that_were_incomplete_at_first_are_forgotten_when_they_are_read_again(
    release: list[Period], order: Random
) -> None:
    complete = [period for period in release if period.complete]
    early = [period.model_copy(update={"complete": False, "new": NOTHING}) for period in complete]
    told = [*release, *early]
    order.shuffle(told)
    assert judge(told, phase_of(release), POLICY) == judge(release, phase_of(release), POLICY)


@given(some_releases())
def test_incomplete_rows_never_promote_and_never_roll_back(release: list[Period]) -> None:
    unseen = [period.model_copy(update={"complete": False}) for period in release]
    assert judge(unseen, phase_of(release), POLICY).verdict in (Verdict.ASK, Verdict.WAIT)


@given(some_releases())
def test_without_a_request_on_the_new_side_nothing_is_promoted(release: list[Period]) -> None:
    empty = {"new": NOTHING, "new_probes": NOTHING}
    silent = [period.model_copy(update=empty) for period in release]
    assert judge(silent, phase_of(release), POLICY).verdict is not Verdict.PROMOTE


@given(some_releases())
def test_a_promotion_stands_on_requests_periods_and_no_evidence_against(release: list[Period]) -> None:
    phase = phase_of(release)
    judgement = judge(release, phase, POLICY)
    event(judgement.verdict)
    if judgement.verdict is Verdict.PROMOTE:
        of_phase = [period for period in release if period.complete and period.phase == phase]
        probes = sum(period.new_probes.requests for period in of_phase)
        assert judgement.new.requests + (0 if phase else probes) >= (344 if phase else 68)
        assert judgement.periods_counted >= judgement.periods_needed
        assert max(judgement.evidence.values()) < 5
        assert not judgement.hold


@given(some_releases(), st.integers(0, 60))
def test_a_rollback_stands_whatever_comes_later(release: list[Period], seen: int) -> None:
    early = judge(release[:seen], phase_of(release[:seen]), POLICY)
    late = judge(release, phase_of(release), POLICY)
    assert early.verdict is not Verdict.ROLL_BACK or late == early


@given(some_releases())
def test_sides_that_answer_alike_are_never_rolled_back(release: list[Period]) -> None:
    alike = [
        period.model_copy(update={"phase": 0, "new": period.old, "new_probes": period.old_probes, "new_unhealthy": 0})
        for period in release
    ]
    assert judge(alike, 0, POLICY).verdict is not Verdict.ROLL_BACK


@given(some_releases(), st.lists(st.integers(0, 200), max_size=60))
def test_every_judgement_gives_reasons_and_finite_numbers(release: list[Period], noise: list[int]) -> None:
    baseline = [Counts(requests=600, failed=failed) for failed in noise]
    judgement = judge(release, phase_of(release), POLICY, baseline=baseline)
    assert judgement.reasons
    assert all(judgement.reasons)
    assert all(0 <= value < float("inf") for value in judgement.evidence.values())


@pytest.mark.parametrize("field", ["requests", "failed", "slow_300ms", "slow_1s", "slow_5s"])
def test_a_count_that_is_not_a_number_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Counts(**{"requests": 9, field: float("nan")})
