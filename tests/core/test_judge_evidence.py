"""The statistics of the judge against the numbers they were designed with, and exact binomials as an oracle."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest

from flows.core.evidence import (
    CEILING,
    RISK_RATIOS,
    Bet,
    Draw,
    binomial_tail,
    chance_of_equal_risk,
    chance_of_rate,
    dispersion,
    evidence_after_each,
    log_likelihood_ratio,
    proof_of_rate_below,
)
from tasks.counts import Counts

FIRST, SECOND, OTHER = 0.5, 0.2, 0.3 / 60


def chance_of(events: int, trials: int, share: float) -> float:
    """Return the binomial chance of exactly so many events, worked out in fractions."""
    exact = Fraction(share)
    return float(math.comb(trials, events) * exact**events * (1 - exact) ** (trials - events))


def chance_from(events: int, trials: int, share: float) -> float:
    """Return the binomial chance of so many events or more."""
    return math.fsum(chance_of(count, trials, share) for count in range(events, trials + 1))


def trace(draw: Draw, periods: int, *, first: float = FIRST, eta: float = 1) -> list[float]:
    """Trace the evidence of the same draw in every period from the start of a phase."""
    bets = [Bet((draw,), first if place == 0 else OTHER) for place in range(periods)]
    return list(evidence_after_each(bets, null_ratio=1.25, eta=eta, cap=50))


@pytest.mark.parametrize(
    ("events", "golden"),
    [
        ((1, 0), [2.938081, 15.265553, 99.898301, 705.226052]),
        ((1, 1), [1.228624, 1.806907, 3.040987, 5.646508]),
        ((4, 1), [20.480591, 953.742772, 47105.882382]),
    ],
)
def test_evidence_at_ten_percent_follows_its_golden_trace(events: tuple[int, int], golden: list[float]) -> None:
    assert trace(Draw(60, 540, *events), len(golden)) == pytest.approx(golden, abs=5e-7)


def test_evidence_at_fifty_percent_follows_its_golden_trace() -> None:
    golden = [1.316282, 2.220276, 4.863272, 12.729457]
    assert trace(Draw(300, 300, 2, 0), 4, first=SECOND) == pytest.approx(golden, abs=5e-7)


def test_five_errors_all_on_a_tenth_of_the_traffic_multiply_as_worked_out_by_hand() -> None:
    ratio = math.exp(log_likelihood_ratio(Draw(60, 540, 5, 0), 1, 10))
    assert ratio == pytest.approx(10**5 / 1.9**5, rel=1e-12)
    assert ratio == pytest.approx(4038.6, abs=0.05)


@pytest.mark.parametrize("new_requests", [1, 60, 300, 599])
@pytest.mark.parametrize("ratio", [1.01, 2, 10, 1e6])
def test_one_error_never_says_more_than_one_over_its_share(new_requests: int, ratio: float) -> None:
    draw = Draw(new_requests, 600 - new_requests, 1, 0)
    assert math.exp(log_likelihood_ratio(draw, 1, ratio)) <= 600 / new_requests


def expected_ratio(events: int, share: float, null_ratio: float, ratio: float, truth: float) -> float:
    """Average the likelihood ratio over where the events can fall when the risk ratio is `truth`."""
    requests = 1000
    new_requests = round(share * requests)
    chance = truth * share / (1 + share * (truth - 1))
    return sum(
        chance_of(k, events, chance)
        * math.exp(log_likelihood_ratio(Draw(new_requests, requests - new_requests, k, events - k), null_ratio, ratio))
        for k in range(events + 1)
    )


@pytest.mark.parametrize("multiple", RISK_RATIOS)
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("null_ratio", [1, 1.25, 1.5])
def test_the_ratio_averages_one_at_the_margin_and_less_below(multiple: float, share: float, null_ratio: float) -> None:
    ratio = null_ratio * multiple
    assert expected_ratio(12, share, null_ratio, ratio, null_ratio) == pytest.approx(1, rel=1e-9)
    assert expected_ratio(12, share, null_ratio, ratio, null_ratio * 0.8) < 1
    assert expected_ratio(12, share, null_ratio, ratio, null_ratio * 1.2) > 1


@pytest.mark.parametrize("copies", [2, 7])
def test_copies_of_every_event_tempered_by_their_number_weigh_as_the_events_themselves(copies: int) -> None:
    single = trace(Draw(60, 540, 1, 1), 6)
    many = trace(Draw(60, 540, copies, copies), 6, eta=1 / copies)
    assert many == pytest.approx(single, rel=1e-9)


def test_no_period_multiplies_the_evidence_beyond_the_cap() -> None:
    growth = [later / earlier for earlier, later in pairwise([1.0, *trace(Draw(60, 540, 60, 0), 4)])]
    assert max(growth) <= 51
    assert trace(Draw(60, 540, 60, 0), 1) == pytest.approx([0.5 * 50 + 0.5])


def test_endless_evidence_stays_a_number() -> None:
    assert trace(Draw(60, 540, 60, 0), 500)[-1] == pytest.approx(CEILING)


def test_stakes_stop_where_all_is_staked() -> None:
    assert trace(Draw(60, 540, 0, 0), 300) == pytest.approx([1.0] * 300)
    against = trace(Draw(60, 540, 0, 3), 300)
    assert against == sorted(against, reverse=True)
    assert against[-1] == pytest.approx(0, abs=1e-3)
    assert min(against) >= 0


def test_a_period_that_may_only_lower_the_evidence_never_raises_it() -> None:
    bets = [Bet((Draw(60, 540, 12, 0),), FIRST, lower_only=True)] * 2
    assert list(evidence_after_each(bets, null_ratio=1.25, eta=1, cap=50)) == pytest.approx([1.0, 1.0])


def test_users_and_probes_multiply_each_with_its_own_share() -> None:
    users, probes = Draw(60, 540, 2, 1), Draw(30, 30, 2, 0)
    both = next(evidence_after_each([Bet((users, probes), 1)], null_ratio=1.25, eta=1, cap=1e9))
    apart = [
        math.exp(sum(log_likelihood_ratio(draw, 1.25, 1.25 * multiple) for draw in (users, probes)))
        for multiple in RISK_RATIOS
    ]
    assert both == pytest.approx(sum(apart) / len(apart))


@pytest.mark.parametrize("draw", [Draw(0, 0, 0, 0), Draw(0, 600, 0, 9), Draw(600, 0, 9, 0)])
def test_a_side_without_traffic_says_nothing(draw: Draw) -> None:
    assert log_likelihood_ratio(draw, 1.25, 10) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("rate", "needed"),
    [(0.05, (68, 130, 174, 214)), (0.01, (344, 659, 883, 1083)), (0.001, (3457, 6609, 8854, 10861))],
)
@pytest.mark.parametrize("events", range(4))
def test_a_rate_is_proved_from_so_many_requests_on(rate: float, needed: tuple[int, ...], events: int) -> None:
    assert proof_of_rate_below(rate, needed[events], events) >= 20
    assert proof_of_rate_below(rate, needed[events] - 1, events) < 20


@pytest.mark.parametrize(("rate", "requests"), [(0.05, 59), (0.01, 299), (0.001, 2995)])
def test_looking_at_every_period_costs_more_than_the_rule_of_three(rate: float, requests: int) -> None:
    assert (1 - rate) ** requests <= 0.05 < (1 - rate) ** (requests - 1)
    assert proof_of_rate_below(rate, requests, 0) < 20


@pytest.mark.parametrize("requests", [10, 200])
def test_proof_against_a_rate_at_the_bound_averages_one(requests: int) -> None:
    average = sum(chance_of(k, requests, 0.05) * proof_of_rate_below(0.05, requests, k) for k in range(requests + 1))
    assert average == pytest.approx(1, rel=1e-9)


def test_proof_of_nothing_is_one_and_of_a_flood_stays_a_number() -> None:
    assert proof_of_rate_below(0.05, 0, 0) == 1
    assert proof_of_rate_below(0.05, 10**9, 0) <= CEILING
    assert proof_of_rate_below(0.05, 10**9, 10**9) == 0


@pytest.mark.parametrize(
    ("events", "trials", "share"),
    [(5, 5, 0.1), (1, 40, 0.1), (12, 20, 0.5), (12, 150, 0.02), (40, 200, 0.1), (0, 9, 0.3), (3, 9, 0.9)],
)
def test_the_tail_is_the_exact_one(events: int, trials: int, share: float) -> None:
    assert binomial_tail(events, trials, share) == pytest.approx(chance_from(events, trials, share), rel=1e-9)


@pytest.mark.parametrize(
    ("events", "trials", "share", "chance"), [(3, 5, 1.0, 1), (3, 5, 0.0, 0), (6, 5, 0.5, 0), (0, 0, 0.5, 1)]
)
def test_the_tail_is_right_at_its_edges(events: int, trials: int, share: float, chance: float) -> None:
    assert binomial_tail(events, trials, share) == chance


def test_tempered_events_make_a_weaker_case() -> None:
    draw = Draw(60, 540, 10, 10)
    assert chance_of_equal_risk(draw, 1) == pytest.approx(chance_from(10, 20, 0.1))
    assert chance_of_equal_risk(draw, 0.2) == pytest.approx(chance_from(2, 4, 0.1))


def test_a_tempered_rate_is_held_against_its_bound() -> None:
    assert chance_of_rate(0.1, 200, 36, 1) == pytest.approx(chance_from(36, 200, 0.1))
    assert chance_of_rate(0.1, 200, 36, 0.25) == pytest.approx(chance_from(9, 50, 0.1))
    assert chance_of_rate(0.1, 9, 9, 0.1) == pytest.approx(1)


def phi(events: list[int], requests: int = 5000) -> float:
    """Measure the dispersion of error counts as the judge does by default."""
    baseline = [Counts(requests=requests, failed=count) for count in events]
    return dispersion(baseline, "failed", z=2.33, most=10, min_events=5)


def test_a_noisy_hour_is_measured_as_pearson_does() -> None:
    events = [2, 18] * 30
    rate = 10 / 5000
    assert phi(events) == pytest.approx(60 * 8**2 / (5000 * rate * (1 - rate)) / 59)


def test_noise_that_may_be_chance_is_no_noise() -> None:
    bound = 1 + 2.33 * math.sqrt((2 + 1 / 10) / 59)
    assert 1 < 60 * 3.3**2 / 10 / 59 < bound
    assert phi([7, 13] * 30) == 1
    assert phi([6, 14] * 30) > bound


def test_wild_noise_tempers_at_most_tenfold() -> None:
    assert phi([0] * 55 + [300] * 5) == 10


@pytest.mark.parametrize("events", [[], [50], [4] + [0] * 59, [0] * 60])
def test_too_little_history_means_no_tempering(events: list[int]) -> None:
    assert phi(events) == 1


def test_two_periods_are_enough_to_differ() -> None:
    assert phi([0, 50]) == 10


def test_five_events_at_once_are_enough_to_be_noise() -> None:
    assert phi([5] + [0] * 59) > 1


def test_periods_without_requests_and_hours_of_nothing_but_errors_have_no_spread() -> None:
    silent = [Counts(), Counts(requests=9, failed=9)] * 9
    assert dispersion(silent, "failed", z=2.33, most=10, min_events=5) == 1
