"""Feed the judge what metrics look like when they are broken: nothing may be promoted or rolled back on that."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic import ValidationError

from flows.core.judge import Verdict, judge
from tasks.counts import Counts, Period
from tasks.judge_policy import JudgePolicy

PERIOD_S = 60
LONGEST = 45
ROWS_TIMED, TIMINGS = 90, 5
POLICY = JudgePolicy()


@dataclass(frozen=True, slots=True)
class Broken:
    """Hold what came of broken metrics: of the releases of each kind, those that the judge moved."""

    releases: int
    moved: dict[str, int]
    changed_by_order: int
    slowest_ms: float


def row(place: int, new: Counts, old: Counts, *, phase: int = 0, complete: bool = True, reason: str = "") -> Period:
    """Write a period."""
    return Period(
        start=float(place * PERIOD_S),
        period_s=PERIOD_S,
        phase=phase,
        new=new,
        old=old,
        new_unhealthy=0,
        old_unhealthy=0,
        new_connection_errors=0,
        old_connection_errors=0,
        complete=complete,
        reason=reason,
    )


def no_data(_: Random, place: int, phase: int) -> Period:
    """Write a period in which neither side has a request."""
    return row(place, Counts(), Counts(), phase=phase)


def not_a_number(dice: Random, place: int, phase: int) -> Period:
    """Write a period of which one number is not one: the counts refuse it, so the period is incomplete."""
    told: dict[str, Any] = dict.fromkeys(("requests", "failed", "slow_300ms", "slow_1s", "slow_5s"), 0)
    told |= {"requests": 60, dice.choice(list(told)): dice.choice([math.nan, math.inf, -1, 0.5])}
    try:
        new = Counts(**told)
    except ValidationError as refusal:
        return row(place, Counts(), Counts(), phase=phase, complete=False, reason=refusal.title)
    return row(place, new, Counts(requests=60), phase=phase)


def silent_api(_: Random, place: int, phase: int) -> Period:
    """Write a period of which the metrics could not be read."""
    return row(place, Counts(), Counts(), phase=phase, complete=False, reason="GetMetricData: throttled")


def partial(dice: Random, place: int, phase: int) -> Period:
    """Write a period that is not final: what is in it so far may be anything."""
    return row(place, _anything(dice), _anything(dice), phase=phase, complete=False, reason="not final")


KINDS: dict[str, Callable[[Random, int, int], Period]] = {
    "no data": no_data,
    "not a number": not_a_number,
    "silent API": silent_api,
    "partial periods": partial,
}


def break_metrics(releases: int, seed: int) -> Broken:
    """Judge that many releases of each kind after every period, and as many with rows told twice and late."""
    moved = {
        name: sum(_moved(_dice(seed, name, number), kind) for number in range(releases)) for name, kind in KINDS.items()
    }
    changed = sum(_changed_by_order(_dice(seed, "order", number)) for number in range(releases))
    return Broken(releases, moved, changed, slowest_ms())


def _dice(*seed: object) -> Random:
    return Random(repr(seed))  # noqa: S311 - no secret


def _moved(dice: Random, kind: Callable[[Random, int, int], Period]) -> bool:
    """Say whether a release was promoted or rolled back that saw a few good periods, then broken ones."""
    phase, good = dice.randrange(3), dice.randrange(POLICY.min_periods)
    rows = [row(place, *_healthy(phase), phase=phase) for place in range(good)]
    rows += [kind(dice, place, phase) for place in range(good, LONGEST)]
    seen = (dice.randint(good + 1, LONGEST), good + POLICY.silent_periods, LONGEST)
    return any(judge(rows[:many], phase, POLICY).verdict in {Verdict.PROMOTE, Verdict.ROLL_BACK} for many in seen)


def _changed_by_order(dice: Random) -> bool:
    """Say whether another verdict comes of the same rows told twice, shuffled, and incomplete at first."""
    rows = [row(place, _anything(dice, 0.02), _anything(dice, 0.02)) for place in range(dice.randrange(1, 25))]
    early = [period.model_copy(update={"complete": False, "new": Counts()}) for period in dice.choices(rows, k=5)]
    told = [*rows, *early, *dice.choices(rows, k=5)]
    dice.shuffle(told)
    return judge(told, 0, POLICY) != judge(rows, 0, POLICY)


def _healthy(phase: int) -> tuple[Counts, Counts]:
    new = (60, 300, 600)[phase]
    return Counts(requests=new), Counts(requests=600 - new)


def _anything(dice: Random, most: float = 1.0) -> Counts:
    requests = dice.randrange(600)
    failed, slow = (int(requests * most * dice.random()) for _ in range(2))
    return Counts(requests=requests, failed=failed, slow_300ms=slow, slow_1s=slow // 2, slow_5s=slow // 4)


def slowest_ms() -> float:
    """Return the processor time that a judgement of `ROWS_TIMED` rows takes, in milliseconds: the best of a few."""
    half = ROWS_TIMED // 2
    rows = [
        row(place, Counts(requests=300, failed=1), Counts(requests=300, failed=1), phase=place // half)
        for place in range(ROWS_TIMED)
    ]
    return min(_took_ms(rows) for _ in range(TIMINGS))


def _took_ms(rows: Sequence[Period]) -> float:
    baseline = [Counts(requests=600, failed=place % 3) for place in range(60)]
    begun = time.process_time()
    judge(rows, 1, POLICY, baseline=baseline)
    return 1000 * (time.process_time() - begun)
