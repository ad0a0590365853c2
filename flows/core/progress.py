"""Say how far a rollout has come, as one number for a progress bar."""

from flows.core.judge import Judgement, Verdict
from flows.core.rollout import Rollout, State

ALL = 100.0
BAKED = 0.8
"""The part of a phase that its bake is; the rest is people's."""


def rollout_percent(rollout: Rollout, judgement: Judgement | None = None) -> float:
    """Return percent from 0 to 100: phases weigh the same, and inside one the bake clock counts."""
    if rollout.state is State.SHIPPED:
        return ALL
    done = rollout.phase / len(rollout.phases)
    if judgement is None or judgement.phase != rollout.phase:
        return round(ALL * done, 1)
    if judgement.verdict is Verdict.PROMOTE:
        baked = 1.0
    else:
        baked = min(1.0, judgement.periods_counted / max(1, judgement.periods_needed))
    return round(ALL * (done + BAKED * baked / len(rollout.phases)), 1)
