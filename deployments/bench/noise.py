"""Make healthy traffic hard to judge: what a night in production does to both sides, or to each by itself.

Every kind leaves the two versions equally good: whoever rolls back under it rolls back for nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from deployments.bench.traffic import (
    BAKE,
    BASELINE,
    NEW,
    PERIODS,
    SLOTS,
    WEIGHTS,
    Floats,
    Ints,
    Load,
    clock,
    slots_of,
)

Noise = Callable[[np.random.Generator, Load], Load]


def independent(_: np.random.Generator, load: Load) -> Load:
    """Leave every request to its own chance."""
    return load


def overdispersed(dice: np.random.Generator, load: Load) -> Load:
    """Let the rates of each side wander by themselves from period to period (by 71 % of their mean)."""
    shape = 2.0
    errors = dice.gamma(shape, 1 / shape, load.rates.shape[:3])
    slowness = dice.gamma(shape, 1 / shape, load.rates.shape[:3])
    return _scaled(load, errors, slowness)


def bursts(dice: np.random.Generator, load: Load) -> Load:
    """Let each side by itself have bad minutes: one in twenty with ten times the errors and thrice the slowness."""
    burst = dice.random(load.rates.shape[:3]) < 1 / 20
    return _scaled(load, np.where(burst, 10.0, 1.0), np.where(burst, 3.0, 1.0))


def retry_storms(_: np.random.Generator, load: Load) -> Load:
    """Let every failing user try again three times within seconds and fail each time, on the same side."""
    return replace(load, copies=4)


def common_outage(dice: np.random.Generator, load: Load) -> Load:
    """Let what both sides share break once for two to six minutes: 15 to 50 % of all requests fail or hang."""
    return _broken(dice, load, _struck(dice, len(load.requests), fewest=2, most=6, phases=(0, 1)))


def outage_at_all(dice: np.random.Generator, load: Load) -> Load:
    """Let the same happen when the new side has all of the users, and only probes see the old one."""
    return replace(outage_at_all_unseen(dice, load), probed=True)


def outage_at_all_unseen(dice: np.random.Generator, load: Load) -> Load:
    """Let the same happen when nothing tells of the old side."""
    return _broken(dice, load, _struck(dice, len(load.requests), fewest=2, most=6, phases=(2,)))


def outage_before(dice: np.random.Generator, load: Load) -> Load:
    """Let the same have happened in the hour before the release."""
    slot: Ints = np.arange(SLOTS)
    begins = dice.integers(0, BASELINE - 6, (len(load.requests), 1))
    struck = (slot >= begins) & (slot < begins + dice.integers(2, 6, begins.shape))
    return _broken(dice, load, struck.astype(np.float64))


def common_slowness(dice: np.random.Generator, load: Load) -> Load:
    """Let what both sides share be slow for five to ten minutes: a tenth to a third slower than 0.3 s."""
    struck = _struck(dice, len(load.requests), fewest=5, most=10, phases=(0, 1, 2))
    depth = struck * dice.uniform(0.1, 0.33, len(struck))[:, None]
    rates = np.maximum(load.rates, depth[..., None, None] * np.array([0.0, 1.0, 0.2, 0.02]))
    return load.with_rates(rates)


def cold_start(dice: np.random.Generator, load: Load) -> Load:
    """Let the new side begin every weight cold: 1 to 8 % of errors and half slow at first, half of that next."""
    rates = load.rates.copy()
    first = [slots_of(phase).start for phase in range(len(WEIGHTS))]
    errors = dice.uniform(0.01, 0.08, (len(rates), len(first)))
    for later, part in enumerate((1.0, 0.5)):
        cold = part * np.stack([errors, *(np.full_like(errors, rate) for rate in (0.5, 0.2, 0.03))], axis=-1)
        places = [slot + later for slot in first]
        rates[:, places, NEW] = np.maximum(rates[:, places, NEW], cold)
    return load.with_rates(rates)


def drifting(dice: np.random.Generator, load: Load) -> Load:
    """Let traffic and error rate drift, on both sides alike, up to threefold either way in an hour and a half."""
    slopes = dice.uniform(-1, 1, (2, len(load.requests), 1)) * np.log(3) / (2 * BAKE * len(WEIGHTS))
    volume, errors = np.exp(2 * slopes * clock())
    return replace(_scaled(load, errors[..., None], errors[..., None]), requests=load.requests * volume)


def probed(_: np.random.Generator, load: Load) -> Load:
    """Let the release send its own probes to both sides beside the users."""
    return replace(load, probed=True)


def gaps(dice: np.random.Generator, load: Load) -> Load:
    """Let one period in ten never come in whole."""
    return replace(load, complete=dice.random(load.complete.shape) >= 1 / 10)


KINDS: dict[str, Noise] = {
    "iid": independent,
    "overdispersed": overdispersed,
    "bursts": bursts,
    "retry storms": retry_storms,
    "common outage": common_outage,
    "common slowness": common_slowness,
    "cold start": cold_start,
    "outage at 100 %": outage_at_all,
    "outage before": outage_before,
    "drifting traffic": drifting,
    "probed": probed,
    "gaps in metrics": gaps,
}


def _scaled(load: Load, errors: Floats, slowness: Floats) -> Load:
    times = np.stack([errors, slowness, slowness, slowness], axis=-1)
    return load.with_rates(load.rates * times)


def _broken(dice: np.random.Generator, load: Load, struck: Floats) -> Load:
    depth = struck * dice.uniform(0.15, 0.5, len(struck))[:, None]
    broken = depth[..., None, None] * np.array([1.0, 1.0, 0.6, 0.3])
    return load.with_rates(np.maximum(load.rates, broken))


def _struck(dice: np.random.Generator, releases: int, *, fewest: int, most: int, phases: Sequence[int]) -> Floats:
    """Draw which part of every slot an event of that many whole periods covers; its ends are partial."""
    phase = dice.choice(phases, releases)
    begins = BASELINE + phase * PERIODS + dice.uniform(0, BAKE, releases)
    lasts = dice.uniform(fewest, most, releases)
    slot: Ints = np.arange(SLOTS)
    covered = np.minimum(slot + 1, (begins + lasts)[:, None]) - np.maximum(slot, begins[:, None])
    same_phase = (slot - BASELINE) // PERIODS == phase[:, None]
    struck: Floats = np.clip(covered, 0, 1) * same_phase
    return struck
