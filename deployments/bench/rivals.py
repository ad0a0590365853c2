"""Judge the same traffic as others do, each with the defaults its own documents give.

All keep every weight for `BAKE` periods, see one-minute counts of both sides, and shift by the same weights.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from deployments.bench.many_state import rates
from deployments.bench.outcome import ROLLED_BACK, SHIPPED, Outcome, ended_by
from deployments.bench.traffic import (
    BAKE,
    FAILED,
    NEW,
    OLD,
    PERIODS,
    REQUESTS,
    SLOW_1S,
    SLOW_5S,
    SLOW_300MS,
    USERS,
    WEIGHTS,
    Flags,
    Floats,
    Ints,
    Traffic,
)

Rival = Callable[[Traffic], Outcome]
COMPARED = (FAILED, SLOW_300MS, SLOW_1S)

EMERGENCY_RATE = 0.05
ALARM_RATE, ALARM_PERIODS, ALARM_TIMES = 0.01, 5, 2

FLAGGER_MOST_ERRORS, FLAGGER_MOST_SLOWER_THAN_1S = 0.01, 0.01
FLAGGER_THRESHOLD = 5

KAYENTA_CONFIDENCE, KAYENTA_TOLERANCE = 0.98, 0.25

NAIVE_ALPHA = 0.01


def _side(traffic: Traffic, side: int) -> Ints:
    """Return the users' counts of a side; a period that never came in whole counted nothing."""
    return traffic.counts[:, :, :, USERS, side] * traffic.complete[..., None]


def guide(traffic: Traffic) -> Outcome:
    """Judge as the guide's thresholds do, at their word.

    Errors > 5 % or P95 > 5 s in a minute roll back ("emergency rollback"); so does its alarm: errors > 1 % in two
    stretches of five minutes running ("CloudWatch alarms").
    """
    new = _side(traffic, NEW)[:, :, :BAKE]
    emergency = np.any(rates(new[..., [FAILED, SLOW_5S]], new[..., REQUESTS, None]) > EMERGENCY_RATE, axis=-1)
    stretches = new.reshape(len(new), len(WEIGHTS), -1, ALARM_PERIODS, new.shape[-1]).sum(axis=3)
    above = rates(stretches[..., FAILED], stretches[..., REQUESTS]) > ALARM_RATE
    alarm = np.zeros_like(emergency)
    ends = np.arange(ALARM_TIMES, above.shape[2] + 1) * ALARM_PERIODS - 1
    alarm[:, :, ends] = above[:, :, 1:] & above[:, :, :-1]
    return ended_by(emergency | alarm)


def flagger(traffic: Traffic) -> Outcome:
    """Judge as Flagger does (docs: "How it works", "Metrics"): a check a minute, a failed one halts the advance.

    Success rate >= 99 %; its limit for the P99 (500 ms in the documents) is put at the guide's 1 s; no value fails
    too; five failed checks in all roll back, the threshold of nearly all its tutorials.
    """
    new = _side(traffic, NEW)
    slow = rates(new[..., SLOW_1S], new[..., REQUESTS]) > FLAGGER_MOST_SLOWER_THAN_1S
    wrong = (rates(new[..., FAILED], new[..., REQUESTS]) > FLAGGER_MOST_ERRORS) | slow | (new[..., REQUESTS] == 0)
    failed: Ints = np.zeros(len(new), dtype=np.int64)
    spent: Ints = np.zeros((len(new), len(WEIGHTS)), dtype=np.int64)
    promoted_at: Ints = np.zeros_like(spent)
    for phase in range(len(WEIGHTS)):
        passed = np.zeros(len(new), dtype=np.int64)
        reached = np.ones(len(new), dtype=bool) if phase == 0 else promoted_at[:, phase - 1] > 0
        for place in range(PERIODS):
            here = reached & (passed < BAKE) & (failed < FLAGGER_THRESHOLD)
            spent[here, phase] = place + 1
            failed += here & wrong[:, phase, place]
            passed += here & ~wrong[:, phase, place]
        promoted_at[:, phase] = np.where(reached & (passed == BAKE), spent[:, phase], 0)
    return Outcome(np.where(promoted_at[:, -1] > 0, SHIPPED, ROLLED_BACK), spent, promoted_at)


def kayenta(traffic: Traffic) -> Outcome:
    """Judge as Kayenta does (`NetflixACAJudge`), once a weight, on the minutes' rates of errors and slowness.

    A metric is "high" where the 98 % interval of the Mann-Whitney shift lies above a quarter of its estimate; one
    high metric of three leaves a score of 66, below the usual marginal score of 75. A minute without requests is
    replaced by 0. At 100 % there is no control to compare with.
    """
    new, old = (_side(traffic, side)[:, :, :BAKE] for side in (NEW, OLD))
    back = np.zeros(new.shape[:3], dtype=bool)
    for phase in range(len(WEIGHTS) - 1):
        high = [
            _high(*(rates(side[:, phase, :, kind], side[:, phase, :, REQUESTS]) for side in (new, old)))
            for kind in COMPARED
        ]
        back[:, phase, -1] = np.any(high, axis=0)
    return ended_by(back)


def _high(experiment: Floats, control: Floats) -> Flags:
    differences = (experiment[:, :, None] - control[:, None, :]).reshape(len(experiment), -1)
    tolerated = KAYENTA_TOLERANCE * np.abs(np.median(differences, axis=1, keepdims=True))
    told = np.ptp(np.concatenate([experiment, control], axis=1), axis=1) > 0
    high = np.zeros(len(experiment), dtype=bool)
    test = stats.mannwhitneyu(
        experiment[told] - tolerated[told], control[told], alternative="greater", axis=1, method="asymptotic"
    )
    high[told] = test.pvalue < (1 - KAYENTA_CONFIDENCE) / 2
    return high


def naive(traffic: Traffic) -> Outcome:
    """Judge by a one-sided z-test of two rates at 1 %, on all since the weight began, again after every minute."""
    new, old = (np.cumsum(_side(traffic, side)[:, :, :BAKE], axis=2) for side in (NEW, OLD))
    back = np.zeros(new.shape[:3], dtype=bool)
    for kind in COMPARED:
        back |= _z(new, old, kind) > stats.norm.isf(NAIVE_ALPHA)
    return ended_by(back)


def _z(new: Ints, old: Ints, kind: int) -> Floats:
    n_new, n_old = new[..., REQUESTS], old[..., REQUESTS]
    common = rates(new[..., kind] + old[..., kind], n_new + n_old)
    pairs = np.divide(1, n_new, out=np.zeros(n_new.shape), where=n_new > 0)
    pairs += np.divide(1, n_old, out=np.zeros(n_old.shape), where=n_old > 0)
    error = np.sqrt(common * (1 - common) * pairs)
    difference = rates(new[..., kind], n_new) - rates(old[..., kind], n_old)
    known = (error > 0) & (n_new > 0) & (n_old > 0)
    z: Floats = np.divide(difference, error, out=np.zeros(error.shape), where=known)
    return z


RIVALS: dict[str, Rival] = {
    "the guide's thresholds": guide,
    "Flagger's rule": flagger,
    "Kayenta's Mann-Whitney": kayenta,
    "z-test every minute": naive,
}
