"""Simulate the traffic of many releases at once: what each side answered in every period of every weight.

Time has one axis of slots: an hour before the release, then `PERIODS` slots of each weight, of which a release
lives through as many as its judge takes.
"""

from dataclasses import dataclass, replace
from math import erfc, log, sqrt

import numpy as np
from numpy.typing import NDArray

from flows.core.bake import ALL_TRAFFIC

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WEIGHTS = (10, 50, ALL_TRAFFIC)
PERIODS = 45
BASELINE = 60
SLOTS = BASELINE + len(WEIGHTS) * PERIODS
BAKE = 15
"""Periods a weight takes when nothing is wrong."""

REQUESTS, FAILED, SLOW_300MS, SLOW_1S, SLOW_5S = range(5)
EVENTS = slice(FAILED, None)
SLOW = slice(SLOW_300MS, None)
USERS, PROBES = range(2)
NEW, OLD = range(2)

PERIOD_S = 60
PROBES_A_PERIOD = 30
"""To each side: one a second, alternating."""
MOST_RATE = 0.95
RETRIES_IN_THE_NEXT_PERIOD = 0.1


def slots_of(phase: int) -> slice:
    """Return the slots of a weight."""
    return slice(BASELINE + phase * PERIODS, BASELINE + (phase + 1) * PERIODS)


def clock() -> Ints:
    """Return for every slot the periods since the release began, were every weight to take `BAKE`."""
    of_phases = [phase * BAKE + np.arange(PERIODS) for phase in range(len(WEIGHTS))]
    return np.concatenate([np.arange(-BASELINE, 0), *of_phases])


@dataclass(frozen=True, slots=True)
class Quality:
    """Hold how a side answers: fractions of its requests that fail, or take longer than 0.3 s, 1 s and 5 s."""

    failed: float
    slow_300ms: float
    slow_1s: float
    slow_5s: float

    def rates(self) -> Floats:
        """Return them in the order of the counts."""
        return np.array([self.failed, self.slow_300ms, self.slow_1s, self.slow_5s])


def answering(failed: float, *, times_slower: float = 1.0, hanging: float = 0.0) -> Quality:
    """Describe a side by its errors, by how many times slower than usual it is, and by the calls that hang.

    Usual latency is lognormal with a median of 39 ms, a P95 of 200 ms and a P99 of 390 ms: well within the
    guide's goals.
    """
    median_s, sigma = 0.0393, 0.99
    slower = [0.5 * erfc(log(bound / (median_s * times_slower)) / sigma / sqrt(2)) for bound in (0.3, 1.0, 5.0)]
    return Quality(failed, *(hanging + (1 - hanging) * rate for rate in slower))


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what is to be expected of `releases` releases, before chance.

    `requests`: of both sides, shape (releases, slots). `rates`: of failed and slow requests, shape (releases,
    slots, side, kind). `copies`: how often a failing user fails by trying again.
    """

    requests: Floats
    rates: Floats
    complete: Flags
    copies: int = 1
    probed: bool = False

    def with_rates(self, rates: Floats) -> "Load":
        """Replace the rates; none may leave its bounds, and what is slower than 1 s is slower than 0.3 s."""
        bounded = np.clip(rates, 0, MOST_RATE)
        bounded[..., 1:] = np.minimum.accumulate(bounded[..., 1:], axis=-1)
        return replace(self, rates=bounded)


def steady(releases: int, rps: float, new: Quality, old: Quality) -> Load:
    """Expect the same in every period."""
    return Load(
        requests=np.full((releases, SLOTS), rps * PERIOD_S),
        rates=np.broadcast_to([new.rates(), old.rates()], (releases, SLOTS, 2, 4)),
        complete=np.ones((releases, SLOTS), dtype=bool),
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """Hold what the metrics say.

    `counts`: shape (releases, weight, period, users or probes, new or old, kind). `baseline`: the old side's
    counts in the hour before, shape (releases, period, kind).
    """

    counts: Ints
    complete: Flags
    baseline: Ints

    @property
    def releases(self) -> int:
        """Return how many releases these are."""
        return len(self.counts)


def draw_traffic(dice: np.random.Generator, load: Load) -> Traffic:
    """Draw what happens: Poisson arrivals, each request sent to a side, failing and slow by chance."""
    releases = len(load.requests)
    arrived = dice.poisson(load.requests)
    weights = np.concatenate([np.zeros(BASELINE), np.repeat(WEIGHTS, PERIODS)]) / ALL_TRAFFIC
    to_new = dice.binomial(arrived, weights)
    users = _answers(dice, np.stack([to_new, arrived - to_new], axis=-1), load)
    probes = np.zeros_like(users)
    if load.probed:
        probes = _answers(dice, np.full((releases, SLOTS, 2), PROBES_A_PERIOD), replace(load, copies=1))
    both = np.stack([users, probes], axis=2)
    after = both[:, BASELINE:].reshape(releases, len(WEIGHTS), PERIODS, 2, 2, 5)
    complete = load.complete[:, BASELINE:].reshape(releases, len(WEIGHTS), PERIODS)
    return Traffic(after, complete, users[:, :BASELINE, OLD])


def _answers(dice: np.random.Generator, requests: Ints, load: Load) -> Ints:
    rates = load.rates
    failed = dice.binomial(requests, rates[..., 0] / load.copies)
    slow = [dice.binomial(requests, rates[..., 1])]
    for kind in (2, 3):
        part = np.divide(rates[..., kind], rates[..., kind - 1], out=np.zeros(rates.shape[:-1]), where=slow[-1] > 0)
        slow.append(dice.binomial(slow[-1], part))
    again = _tries_again(dice, failed, load.copies)
    return np.stack([requests + again, failed + again, *slow], axis=-1)


def _tries_again(dice: np.random.Generator, failed: Ints, copies: int) -> Ints:
    """Draw the failures of users who try again within seconds, on the same side; some fall in the next period."""
    again = failed * (copies - 1)
    later = dice.binomial(again, RETRIES_IN_THE_NEXT_PERIOD)
    # A period before the release or at the end of a weight has no next one.
    later[:, [slots_of(phase).start - 1 for phase in range(len(WEIGHTS))]] = 0
    later[:, -1] = 0
    return again - later + np.roll(later, 1, axis=1)
