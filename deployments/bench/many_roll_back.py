"""Say of many releases at once which must be rolled back: `flows.core.roll_back_rules` on arrays."""

import numpy as np
from scipy import special

from deployments.bench.many_state import EMERGENCIES, RELATIVE, Bake, both_in_trouble, rates
from deployments.bench.traffic import FAILED, NEW, OLD, PROBES, REQUESTS, SLOW_300MS, USERS, Flags, Floats, Ints
from tasks.judge_policy import JudgePolicy


def on_hold(bake: Bake) -> Flags:
    """Say where both sides are in trouble now."""
    held: Flags = bake.newest_held | both_in_trouble(bake.window.sum(axis=1), bake.policy)
    return held


def must_go(bake: Bake) -> Flags:
    """Say which candidates are beyond a hard limit, or worse than the old side by evidence."""
    return _beyond_limit(bake) | _worse_than_old(bake)


def _beyond_limit(bake: Bake) -> Flags:
    sides = bake.sides(bake.window)
    warm = bake.window_warm[:, -1]
    limit = np.where(warm, bake.policy.warm_up_limit_rate, bake.policy.limit_rate)
    alike = bake.window_warm == warm[:, None]
    since = (bake.window * alike[..., None, None, None]).sum(axis=1)
    gone = np.zeros(len(limit), dtype=bool)
    for population in (USERS, PROBES):
        for kind in EMERGENCIES:
            beyond = _new_rate(sides, population, kind) > limit
            goes_on = _new_rate(since, population, kind) > limit
            told = beyond & goes_on & _enough(bake, population, kind) & _attributable(bake, sides, population, kind)
            told &= ~_may_be_cold_start(bake, sides, population, kind)
            gone |= told & ~_may_hit_both(bake, population, kind)
    return gone


def _new_rate(sides: Ints, population: int, kind: int) -> Floats:
    return rates(sides[:, population, NEW, kind], sides[:, population, NEW, REQUESTS])


def _may_be_cold_start(bake: Bake, sides: Ints, population: int, kind: int) -> Flags:
    policy, eta, new = bake.policy, bake.past.etas[:, kind - 1], sides[:, population, NEW]
    events, requests = np.floor(new[:, kind] * eta + 1e-9), np.ceil(new[:, REQUESTS] * eta - 1e-9)
    chance = binomial_tail(events, requests, np.full(len(eta), policy.warm_up_limit_rate))
    return bake.window_warm[:, -1] & (chance >= policy.limit_p_value)


def _enough(bake: Bake, population: int, kind: int) -> Flags:
    policy = bake.policy
    events = bake.window[:, :, population, NEW, kind] * bake.past.etas[:, kind - 1, None]
    periods = policy.limit_window_periods if bake.takes_all else policy.limit_event_periods
    spread = (events > 0).sum(axis=1) >= periods
    enough: Flags = (events.max(axis=1) >= policy.limit_events_in_one_period) | (
        spread & (events.sum(axis=1) >= policy.limit_events)
    )
    return enough


def _attributable(bake: Bake, sides: Ints, population: int, kind: int) -> Flags:
    new, old = sides[:, population, NEW], sides[:, population, OLD]
    old_rate = rates(old[:, kind], old[:, REQUESTS])
    twice = rates(new[:, kind], new[:, REQUESTS]) >= bake.policy.limit_ratio * old_rate
    chance = chance_of_equal_risk(new, old, kind, bake.past.etas[:, kind - 1])
    return np.where(old[:, REQUESTS] > 0, twice & (chance < bake.policy.limit_p_value), bake.takes_all)


def _may_hit_both(bake: Bake, population: int, kind: int) -> Flags:
    new, old = bake.unheld[:, population, NEW], bake.unheld[:, PROBES, OLD]
    chance = chance_of_equal_risk(new, old, kind, np.ones(len(old)))
    may: Flags = (old[:, REQUESTS] > 0) & (chance >= bake.policy.probes_p_value) & bake.takes_all
    return may


def chance_of_equal_risk(new: Ints, old: Ints, kind: int, etas: Floats) -> Floats:
    """Return the one-sided exact p-values of tempered counts; 1 where the new side has no event."""
    new_events = np.floor(new[:, kind] * etas + 1e-9)
    old_events = np.ceil(old[:, kind] * etas - 1e-9)
    share = rates(new[:, REQUESTS], new[:, REQUESTS] + old[:, REQUESTS])
    return binomial_tail(new_events, new_events + old_events, share)


def binomial_tail(events: Floats, trials: Floats, share: Floats) -> Floats:
    """Return the exact chances of so many events or more."""
    tail = special.bdtrc(np.maximum(events - 1, 0), trials.astype(np.int64), share)
    return np.where((events > 0) & (share < 1), tail, 1.0)


def _worse_than_old(bake: Bake) -> Flags:
    policy = bake.policy
    gone = np.zeros(len(bake.counted), dtype=bool)
    for place, kind in enumerate(RELATIVE):
        gone |= (bake.evidence[:, place] >= evidence_bound(kind, policy)) & matters(bake, kind)
    return gone & bake.newest_compared


def evidence_bound(kind: int, policy: JudgePolicy) -> float:
    """Return from where on the new side is proved to be worse."""
    return policy.errors_evidence if kind == FAILED else policy.slow_evidence


def matters(bake: Bake, kind: int) -> Flags:
    """Say where a difference is large enough to matter."""
    found = np.zeros(len(bake.counted), dtype=bool)
    for sums in (bake.compared, bake.recent.sum(axis=1)):
        sides = bake.against_past(sums)
        for population in (USERS, PROBES):
            new, old = sides[:, population, NEW], sides[:, population, OLD]
            known = (new[:, REQUESTS] > 0) & (old[:, REQUESTS] > 0)
            new_rate, old_rate = rates(new[:, kind], new[:, REQUESTS]), rates(old[:, kind], old[:, REQUESTS])
            found |= known & _large(bake, kind, new_rate, old_rate)
    return found


def _large(bake: Bake, kind: int, new_rate: Floats, old_rate: Floats) -> Flags:
    policy = bake.policy
    if kind == FAILED:
        return new_rate > policy.mattering_error_rate
    goal = policy.p95_slow_300ms_rate if kind == SLOW_300MS else policy.p99_slow_1s_rate
    large: Flags = (new_rate > goal) & (goal >= old_rate)
    return large
