"""Say of many releases at once which may go on: `flows.core.promotion_rules` on arrays."""

import numpy as np
from scipy import special

from deployments.bench.many_roll_back import evidence_bound, matters
from deployments.bench.many_state import RELATIVE, Bake, rates
from deployments.bench.traffic import (
    FAILED,
    NEW,
    OLD,
    PROBES,
    REQUESTS,
    SLOW_1S,
    SLOW_5S,
    SLOW_300MS,
    USERS,
    Flags,
    Floats,
    Ints,
)
from flows.core.evidence import RATE_FRACTIONS
from flows.core.promotion_rules import needed_periods


def must_ask(bake: Bake) -> Flags:
    """Say where nothing can be judged: silent metrics, no request, or a split that is not as configured."""
    silent = (bake.unseen >= bake.policy.silent_periods) | (bake.idle >= bake.policy.silent_periods)
    ask: Flags = silent | np.any(bake.due >= bake.policy.due_requests, axis=1)
    return ask


def may_go_on(bake: Bake) -> Flags:
    """Say which candidates are proved good, in as many periods as it takes."""
    counted = bake.counted >= needed_periods(bake.phase, bake.policy)
    may: Flags = counted & ~_maybe_worse(bake) & _proved(bake) & _few_errors(bake) & _fast(bake)
    return may


def _maybe_worse(bake: Bake) -> Flags:
    worse = np.zeros(len(bake.counted), dtype=bool)
    if bake.takes_all:
        return worse
    for place, kind in enumerate(RELATIVE):
        evidence = bake.evidence[:, place]
        maybe = (evidence >= bake.policy.max_relative_evidence) & matters(bake, kind)
        worse |= maybe | (evidence >= evidence_bound(kind, bake.policy))
    return worse


def _proved(bake: Bake) -> Flags:
    policy, new = bake.policy, bake.compared[:, :, NEW]
    error_rate = policy.proved_error_rate if bake.phase else policy.first_phase_proved_error_rate
    proving = new[:, USERS] if bake.phase else new.sum(axis=1)
    errors = proof_of_rate_below(error_rate, proving[:, REQUESTS], proving[:, FAILED])
    hanging = proof_of_rate_below(policy.proved_slow_5s_rate, proving[:, REQUESTS], proving[:, SLOW_5S])
    return np.minimum(errors, hanging) >= policy.proof_evidence


def proof_of_rate_below(rate: float, requests: Ints, events: Ints) -> Floats:
    """Return the e-values against "the true rate is at least `rate`"."""
    fraction = np.array(RATE_FRACTIONS)[:, None]
    clean = (requests - events) * (np.log1p(-fraction * rate) - np.log1p(-rate))
    proof: Floats = np.exp(np.minimum(special.xlogy(events, fraction) + clean, np.log(1e12))).mean(axis=0)
    return proof


def _few_errors(bake: Bake) -> Flags:
    new = bake.compared[:, :, NEW]
    few: Flags = np.all(rates(new[..., FAILED], new[..., REQUESTS]) <= bake.policy.max_error_rate, axis=1)
    return few


def _fast(bake: Bake) -> Flags:
    policy, sides = bake.policy, bake.against_past(bake.compared)
    fast = np.ones(len(sides), dtype=bool)
    for population in (USERS, PROBES):
        for kind, goal in ((SLOW_300MS, policy.p95_slow_300ms_rate), (SLOW_1S, policy.p99_slow_1s_rate)):
            new, old = (sides[:, population, side] for side in (NEW, OLD))
            new_rate = rates(new[:, kind], new[:, REQUESTS])
            bearable = policy.max_slow_ratio * rates(old[:, kind], old[:, REQUESTS])
            fast &= (new[:, REQUESTS] == 0) | (new_rate < goal) | (new_rate <= bearable)
    return fast
