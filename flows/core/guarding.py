"""Decide what a guard does about a release that nobody runs any more (safety I4, I14; the protocol).

Recovery never goes forward, except where the judge had said yes at 100 % and 100 % is what is there: the old side may
have been let go since.
"""

from collections.abc import Sequence
from enum import StrEnum

from flows.core.record import Ending, ReleaseState
from flows.core.rollout import State
from tasks.models import FULL_WEIGHT, Event, Record, Weights

CAME = "guard.came"
LATE = "guard.late"


class Course(StrEnum):
    """Name where a guard brings a release that nobody runs."""

    HOME = "home"
    KEEP = "keep"
    UNTOUCHED = "untouched"


class Came(Record):
    """Hold what a guard has already done for an orphan; ``seq`` is the event from which its watch counts."""

    course: Course
    seq: int
    late: int = 0


def unfinished(state: ReleaseState) -> bool:
    """Tell whether traffic may be away: the release has no ending, or its way back was blocked."""
    return bool(state.release_id) and (not state.ended or state.ending is Ending.STUCK)


def may_keep(state: ReleaseState) -> bool:
    """Tell whether it is worth looking if the traffic is where the judge wanted it at the last."""
    return state.plan is not None and state.rollout == State.SHIPPED and not state.ended


def course(state: ReleaseState, found: Weights | None) -> Course:
    """Return where an orphan belongs; ``found`` is what was read, needed only where ``may_keep`` says so."""
    if may_keep(state) and state.plan and found == Weights.giving(state.plan.candidate, FULL_WEIGHT):
        return Course.KEEP
    return Course.HOME if state.rollout else Course.UNTOUCHED


def came(events: Sequence[Event]) -> Came | None:
    """Return what a guard did since the release was last started, or None while nobody came."""
    found: Came | None = None
    for event in events:
        if event.kind == "release.opened":
            found = None
        elif event.kind == CAME:
            found = Came(course=Course(event.data["course"]), seq=event.seq)
        elif event.kind == LATE and found:
            found = found.model_copy(update={"seq": event.seq, "late": found.late + 1})
    return found


def wanted_weights(state: ReleaseState, to: Course) -> Weights | None:
    """Return where traffic belongs during the watch; None where the release never moved any."""
    if to is Course.KEEP and state.plan:
        return Weights.giving(state.plan.candidate, FULL_WEIGHT)
    return state.restore_point.live.weights if to is Course.HOME and state.restore_point else None


def own_weights(state: ReleaseState) -> frozenset[Weights]:
    """Return the weights that requests of this release may still bring about, however late they are taken."""
    plan = state.plan
    return frozenset(Weights.giving(plan.candidate, weight) for weight in plan.phases) if plan else frozenset()
