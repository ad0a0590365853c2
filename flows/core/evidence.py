"""Weigh counts: the statistics of the canary judge, each a plain function of numbers.

An e-value is a bet against a claim. It starts at 1, and while the claim holds it grows beyond 1/alpha with
a probability of at most alpha, however often one looks; so it may be read after every period without a
correction.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tasks.counts import Counts, Kind

RISK_RATIOS = (1.6, 2.4, 4.0, 8.0, 16.0, 40.0, 100.0, 250.0)
RATE_FRACTIONS = (0.0, 0.05, 0.2, 0.5)
# Far beyond every threshold, and small enough to stay a number in JSON.
CEILING = 1e12


class Draw(NamedTuple):
    """Hold the events among the requests of both sides in one period."""

    new_requests: int
    old_requests: int
    new_events: int
    old_events: int


class Bet(NamedTuple):
    """Hold what one period adds: a draw for users, one for probes, and the stake that joins at it.

    `lower_only`: the period may weaken the evidence but not strengthen it.
    """

    draws: tuple[Draw, ...]
    stake: float
    lower_only: bool = False


def log_likelihood_ratio(draw: Draw, null_ratio: float, ratio: float) -> float:
    """Compare "the new side's risk is `ratio` times the old one's" with "`null_ratio` times", as a logarithm.

    Given that so many events happened in all, the share that fell on the new side is binomial; the rate both
    sides have in common, whatever it is and however it moves, drops out.
    """
    events = draw.new_events + draw.old_events
    if not events:
        return 0.0
    share = draw.new_requests / (draw.new_requests + draw.old_requests)
    odds = math.log1p(share * (ratio - 1)) - math.log1p(share * (null_ratio - 1))
    return draw.new_events * math.log(ratio / null_ratio) - events * odds


def evidence_after_each(bets: Iterable[Bet], *, null_ratio: float, eta: float, cap: float) -> Iterator[float]:
    """Yield the e-value against "risk ratio <= `null_ratio`" after every bet.

    `eta` <= 1 tempers noisy counts; `cap` bounds what one period can multiply. Stakes beyond 1 in all are
    cut.
    """
    wealth = [0.0] * len(RISK_RATIOS)
    staked = 0.0
    for bet in bets:
        stake = min(bet.stake, 1 - staked)
        staked += stake
        limit = math.log(1.0 if bet.lower_only else cap)
        for place, multiple in enumerate(RISK_RATIOS):
            gain = sum(log_likelihood_ratio(draw, null_ratio, null_ratio * multiple) for draw in bet.draws)
            wealth[place] = min(CEILING, (wealth[place] + stake) * math.exp(min(limit, eta * gain)))
        yield sum(wealth) / len(wealth) + 1 - staked


def proof_of_rate_below(rate: float, requests: int, events: int) -> float:
    """Return the e-value against "the true rate is at least `rate`"; 20 proves it to be below at 95 %."""
    logs = [
        (events * math.log(fraction) if fraction else 0.0)
        + (requests - events) * (math.log1p(-fraction * rate) - math.log1p(-rate))
        for fraction in RATE_FRACTIONS
        if fraction or not events
    ]
    limit = math.log(CEILING)
    return sum(math.exp(min(limit, log)) for log in logs) / len(RATE_FRACTIONS)


def binomial_tail(events: int, trials: int, share: float) -> float:
    """Return the exact chance of `events` or more in `trials` of chance `share`; 0 <= share <= 1."""
    if events <= 0 or share >= 1:
        return 1.0
    if share <= 0 or events > trials:
        return 0.0
    odds = share / (1 - share)
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(events + 1)
        - math.lgamma(trials - events + 1)
        + events * math.log(share)
        + (trials - events) * math.log1p(-share)
    )
    chance = term
    for count in range(events, trials):
        term *= (trials - count) / (count + 1) * odds
        chance += term
        if term < chance * 1e-17 and count > trials * share:
            break
    return min(1.0, chance)


def chance_of_equal_risk(draw: Draw, eta: float) -> float:
    """Return the one-sided exact p-value of "both sides have the same risk", on counts tempered by `eta`."""
    new_events = math.floor(draw.new_events * eta + 1e-9)
    old_events = math.ceil(draw.old_events * eta - 1e-9)
    share = draw.new_requests / (draw.new_requests + draw.old_requests)
    return binomial_tail(new_events, new_events + old_events, share)


def chance_of_rate(rate: float, requests: int, events: int, eta: float) -> float:
    """Return the one-sided exact p-value of "the true rate is at most `rate`", on counts tempered by `eta`."""
    tempered = math.floor(events * eta + 1e-9), math.ceil(requests * eta - 1e-9)
    return binomial_tail(*tempered, rate)


def dispersion(baseline: Sequence[Counts], kind: Kind, *, z: float, most: float, min_events: int) -> float:
    """Return how many times noisier than chance the old side's counts were: Pearson's phi, from 1 to `most`.

    Returns 1 where the excess could itself be chance (within `z` standard errors), or with too few events.
    """
    rows = [row for row in baseline if row.requests]
    events = sum(row.events(kind) for row in rows)
    requests = sum(row.requests for row in rows)
    if len(rows) < 2 or events < min_events or events == requests:  # noqa: PLR2004 - a spread needs two
        return 1.0
    rate = events / requests
    misses = (row.events(kind) - row.requests * rate for row in rows)
    variances = (row.requests * rate * (1 - rate) for row in rows)
    freedom = len(rows) - 1
    phi = sum(miss**2 / variance for miss, variance in zip(misses, variances, strict=True)) / freedom
    chance = 1 + z * math.sqrt((2 + len(rows) / events) / freedom)
    return min(phi, most) if phi > chance else 1.0
