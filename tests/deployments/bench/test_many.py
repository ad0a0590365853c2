"""The judge on arrays is the judge: held against it on thousands of random releases."""

import zlib

import numpy as np
import pytest

from deployments.bench.cells import NOISES
from deployments.bench.many import judge_many
from deployments.bench.many_promotion import proof_of_rate_below
from deployments.bench.many_roll_back import binomial_tail
from deployments.bench.many_state import dispersions, gains
from deployments.bench.outcome import ASKED, ROLLED_BACK
from deployments.bench.replay import Step, counts_of, differing_releases, judged_at
from deployments.bench.traffic import (
    NEW,
    OLD,
    PERIODS,
    SLOTS,
    WEIGHTS,
    Load,
    Quality,
    Traffic,
    answering,
    draw_traffic,
)
from flows.core import evidence
from flows.core.bake import KINDS
from flows.core.judge import Verdict
from tasks.judge_policy import JudgePolicy

HASTY = JudgePolicy(min_periods=4, last_phase_min_periods=3, ask_after_periods=8, warm_up_periods=2, silent_periods=3)
CANDIDATES: tuple[Quality | None, ...] = (
    None,
    None,
    answering(0.011),
    answering(0.03),
    answering(0.07),
    answering(0.3),
    answering(0.001, hanging=0.08),
    answering(0.001, times_slower=2),
    answering(0.001, times_slower=6),
)
A_KIND = 155


def random_traffic(noise: str, releases: int) -> Traffic:
    """Draw releases of which each has a traffic, a base and a candidate of its own, and a few lose a side."""
    dice = np.random.default_rng(zlib.crc32(noise.encode()))
    olds = [answering(float(dice.choice([0.0001, 0.001, 0.005, 0.04]))) for _ in range(releases)]
    news = [CANDIDATES[dice.integers(len(CANDIDATES))] or old for old in olds]
    rates = np.array([[new.rates(), old.rates()] for new, old in zip(news, olds, strict=True)])
    load = Load(
        requests=np.repeat(60 * dice.choice([0.3, 2.0, 10.0, 60.0, 200.0], (releases, 1)), SLOTS, axis=1),
        rates=np.repeat(rates[:, None], SLOTS, axis=1),
        complete=dice.random((releases, SLOTS)) > dice.choice([0, 0, 0.1, 0.6], (releases, 1)),
        probed=bool(dice.random() < 0.5),
    )
    traffic = draw_traffic(dice, NOISES[noise](dice, load))
    for release in range(0, releases, 10):
        phase, place = dice.integers(len(WEIGHTS)), dice.integers(8)
        sides = ([NEW], [OLD], [NEW, OLD])[dice.integers(3)]
        traffic.counts[release, phase, place:, :, sides] = 0
    return traffic


@pytest.mark.parametrize("noise", NOISES)
def test_arrays_and_judge_agree_on_every_turning_point_of_random_releases(noise: str) -> None:
    traffic = random_traffic(noise, A_KIND)
    outcome = judge_many(traffic, HASTY, answer_periods=2)
    assert {ROLLED_BACK, ASKED} <= set(outcome.ending.tolist())
    assert len(np.unique(outcome.spent, axis=0)) > 12
    assert differing_releases(traffic, outcome, HASTY, range(A_KIND)) == {}


def test_where_the_arrays_have_not_decided_the_judge_waits() -> None:
    traffic = random_traffic("iid", 40)
    outcome = judge_many(traffic, HASTY)
    for release in range(traffic.releases):
        for phase in range(len(WEIGHTS)):
            for periods in range(1, int(outcome.spent[release, phase])):
                step = Step(phase, periods, Verdict.WAIT)
                assert judged_at(traffic, outcome, release, step, HASTY).verdict is Verdict.WAIT


def test_a_wrong_outcome_is_found_out() -> None:
    traffic = random_traffic("iid", 20)
    outcome = judge_many(traffic, HASTY)
    outcome.spent[:, 0] = np.minimum(outcome.spent[:, 0] + 1, PERIODS)
    outcome.promoted_at[:] = np.where(outcome.promoted_at > 0, outcome.promoted_at + 1, 0)
    assert differing_releases(traffic, outcome, HASTY, range(20))


def test_the_benchmark_judges_as_production_does_by_default() -> None:
    traffic = random_traffic("retry storms", 12)
    outcome = judge_many(traffic, JudgePolicy(), answer_periods=5)
    assert differing_releases(traffic, outcome, JudgePolicy(), range(12)) == {}


def test_dispersion_is_measured_alike() -> None:
    traffic, policy = random_traffic("overdispersed", 50), JudgePolicy()
    of_all = dispersions(traffic.baseline, policy)
    assert len(np.unique(of_all)) > 20
    for release, phis in enumerate(of_all):
        baseline = [counts_of(numbers) for numbers in traffic.baseline[release]]
        for kind, phi in zip(KINDS, phis, strict=True):
            assert phi == pytest.approx(
                evidence.dispersion(
                    baseline,
                    kind,
                    z=policy.dispersion_z,
                    most=policy.max_dispersion,
                    min_events=policy.min_dispersion_events,
                )
            )


def test_bets_proofs_and_tails_are_those_of_the_core() -> None:
    row = np.zeros((1, 2, 2, 5), dtype=np.int64)
    row[0, 0] = [[60, 4, 3, 1, 0], [540, 1, 2, 2, 1]]
    draws = [evidence.Draw(60, 540, new, old) for new, old in ((4, 1), (3, 2), (1, 2))]
    for draw, null, found in zip(draws, (1.25, 1.5, 1.5), gains(row, JudgePolicy())[0], strict=True):
        expected = [evidence.log_likelihood_ratio(draw, null, null * ratio) for ratio in evidence.RISK_RATIOS]
        assert found == pytest.approx(expected)
    requests, events = np.array([0, 344, 658, 10_000]), np.array([0, 0, 1, 40])
    expected = [
        evidence.proof_of_rate_below(0.01, *pair) for pair in zip(requests.tolist(), events.tolist(), strict=True)
    ]
    assert proof_of_rate_below(0.01, requests, events) == pytest.approx(expected)
    tails = binomial_tail(np.array([0.0, 5, 12]), np.array([0.0, 5, 20]), np.array([0.5, 0.1, 0.5]))
    assert tails == pytest.approx([evidence.binomial_tail(*case) for case in ((0, 0, 0.5), (5, 5, 0.1), (12, 20, 0.5))])
