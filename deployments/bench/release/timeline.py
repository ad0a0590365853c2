"""Take a release's time apart: stages, shifts, bakes, people, and the rest, which is orchestration; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flows.core.record import ReleaseState
from flows.core.rollout import State

Span = tuple[float, float]


@dataclass(frozen=True)
class Timeline:
    """Hold where a release's seconds went.

    ``working_s`` is when at least one stage or shift was under way and nothing baked: the critical path, since what
    runs side by side counts once. ``idle_s`` is when nothing was under way at all. ``home_s`` is from the verdict to
    the weights read back at home, None where nothing came home.
    """

    whole_s: float
    working_s: float
    baking_s: float
    asking_s: float
    idle_s: float
    stages: int
    home_s: float | None

    @property
    def overhead(self) -> float:
        """Return the time without bakes and people as a multiple of the critical path."""
        return (self.working_s + self.idle_s) / self.working_s


def timeline_of(state: ReleaseState) -> Timeline:
    """Take a release apart that is over; raises ValueError for one that is not."""
    if state.opened_at is None or state.ended_at is None:
        msg = f"could not take {state.release_id or 'nothing'} apart: it is not over"
        raise ValueError(msg)
    whole = state.opened_at.timestamp(), state.ended_at.timestamp()
    baking, asking = list(_in_state(state, State.BAKING)), list(_in_state(state, State.ASKING))
    working = [*_stages(state), *_in_state(state, State.SHIFTING), *_in_state(state, State.HOMING)]
    waited = covered([*baking, *asking])
    busy = covered([*working, *baking, *asking])
    return Timeline(
        whole_s=whole[1] - whole[0],
        working_s=busy - waited,
        baking_s=covered(baking),
        asking_s=covered(asking),
        idle_s=whole[1] - whole[0] - busy,
        stages=len(state.stages),
        home_s=_home_s(state),
    )


def covered(spans: Iterable[Span]) -> float:
    """Return how many seconds lie in at least one span."""
    total, end = 0.0, float("-inf")
    for begin, until in sorted(spans):
        total += max(0.0, until - max(begin, end))
        end = max(end, until)
    return total


def _stages(state: ReleaseState) -> Iterator[Span]:
    for stage in state.stages.values():
        if stage.ended_at:
            yield stage.started_at.timestamp(), stage.ended_at.timestamp()


def _in_state(state: ReleaseState, wanted: State) -> Iterator[Span]:
    ends = [*(move.at for move in state.moves[1:]), state.ended_at]
    for move, end in zip(state.moves, ends, strict=False):
        if move.state == wanted and end:
            yield move.at.timestamp(), end.timestamp()


def _home_s(state: ReleaseState) -> float | None:
    verdicts = [move.at for move in state.moves if move.state == State.HOMING]
    back = [shift.at for shift in state.shifts if verdicts and shift.at >= verdicts[-1]]
    return (back[0] - verdicts[-1]).total_seconds() if back else None
