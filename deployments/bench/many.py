"""Judge many releases at once: the canary judge of `flows.core` again, on arrays.

Written for speed alone. `tests/deployments/bench/test_many.py` proves it equal to the judge on thousands of
random releases, and every run of the benchmark proves it again on a sample of each cell (`replay.py`). Unhealthy
targets are the one rule that is not here: the traffic of the benchmark has none.
"""

from dataclasses import dataclass

import numpy as np

from deployments.bench import many_promotion, many_roll_back
from deployments.bench.many_state import Bake, begin, first_past
from deployments.bench.outcome import ASKED, ROLLED_BACK, SHIPPED, Outcome
from deployments.bench.traffic import PERIODS, Flags, Ints, Traffic
from tasks.judge_policy import JudgePolicy


@dataclass(slots=True)
class _Endings:
    """Hold what became of the releases that are in one weight now."""

    active: Flags
    promoted_at: Ints
    spent: Ints
    ending: Ints

    def end(self, which: Flags, ending: int) -> None:
        self.ending[which] = ending
        self.active &= ~which


def judge_many(traffic: Traffic, policy: JudgePolicy, *, answer_periods: int = 0) -> Outcome:
    """Take every release through its weights as the judge says, each period as soon as it has ended.

    Between the weights people take `answer_periods` to answer, and the judge goes on watching meanwhile.
    """
    weights = len(policy.weights)
    whole = Outcome(
        *(np.zeros(shape, dtype=np.int64) for shape in (traffic.releases, *2 * [(traffic.releases, weights)]))
    )
    past = first_past(traffic, policy)
    live: Ints = np.arange(traffic.releases)
    for phase in range(weights):
        last = phase == weights - 1
        bake = begin(phase, past, policy)
        endings = _live_through(bake, traffic, live, 0 if last else answer_periods)
        whole.spent[live, phase] = endings.spent
        whole.promoted_at[live, phase] = endings.promoted_at
        whole.ending[live] = endings.ending
        goes_on = endings.ending == SHIPPED
        live, past = live[goes_on], bake.past.chosen(goes_on)
    return whole


def _live_through(bake: Bake, traffic: Traffic, live: Ints, answer_periods: int) -> _Endings:
    """Bake one weight, until every release has left it."""
    many = len(live)
    endings = _Endings(np.ones(many, dtype=bool), *(np.zeros(many, dtype=np.int64) for _ in range(3)))
    for place in range(PERIODS):
        if not endings.active.any():
            break
        endings.spent[endings.active] = place + 1
        seen = endings.active & traffic.complete[live, bake.phase, place]
        bake.hear(place, traffic.counts[live, bake.phase, place], seen)
        _decide(bake, endings, seen, place)
        answered = (endings.promoted_at > 0) & (place + 1 - endings.promoted_at >= answer_periods)
        endings.end(endings.active & answered, SHIPPED)
    endings.end(endings.active, SHIPPED)
    return endings


def _decide(bake: Bake, endings: _Endings, seen: Flags, place: int) -> None:
    """Roll back, ask or promote; releases that people are being asked about are only rolled back."""
    held = many_roll_back.on_hold(bake)
    endings.end(seen & ~held & many_roll_back.must_go(bake), ROLLED_BACK)
    waiting = endings.active & (endings.promoted_at == 0)
    ask = many_promotion.must_ask(bake)
    promoted = waiting & ~ask & ~held & many_promotion.may_go_on(bake)
    endings.promoted_at[promoted] = place + 1
    late = place + 1 >= bake.policy.ask_after_periods
    endings.end(waiting & ~promoted & (ask | late), ASKED)
