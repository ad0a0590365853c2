"""Where a release's time goes, told of a made-up chain whose seconds are known."""

from datetime import UTC, datetime, timedelta

import pytest

from deployments.bench.release.timeline import covered, timeline_of
from flows.core.record import Ending, ReleaseState, StageState
from flows.core.traces import Move, Shift
from tasks.models import Side, Weights

BEGAN = datetime(2026, 11, 21, 3, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def stage(name: str, began_s: float, ended_s: float | None) -> StageState:
    ended_at = None if ended_s is None else at(ended_s)
    return StageState(name=name, status="finished", started_at=at(began_s), ended_at=ended_at)


def told(**fields: object) -> ReleaseState:
    moves = ((10, "shifting"), (11, "baking"), (20, "asking"), (22, "homing"))
    stages = (stage("build", 1, 6), stage("backup", 2, 8), stage("probes", 11, 20), stage("torn off", 3, None))
    state = ReleaseState(
        release_id="r",
        opened_at=BEGAN,
        ended_at=at(30),
        ending=Ending.ROLLED_BACK,
        stages={each.name: each for each in stages},
        moves=tuple(Move(at=at(place), state=state, phase=0, reason="") for place, state in moves),
        shifts=(
            Shift(at=at(11), weights=Weights.giving(Side.B, 10)),
            Shift(at=at(22.5), weights=Weights.giving(Side.B, 0)),
        ),
    )
    return state.model_copy(update=fields)


def test_what_runs_side_by_side_counts_once() -> None:
    assert covered([(1, 6), (2, 8), (2, 3), (10, 11)]) == 8
    assert covered([]) == 0


def test_every_second_is_work_a_bake_people_or_nothing() -> None:
    time = timeline_of(told())
    assert (time.whole_s, time.baking_s, time.asking_s) == (30, 9, 2)
    assert time.working_s == 7 + 1 + 8  # stages, the shift, the way home; probes of a bake are the bake's
    assert time.idle_s == 30 - 9 - 2 - 16
    assert time.overhead == (16 + 3) / 16


def test_the_way_home_lasts_from_the_verdict_to_the_weights_read_back() -> None:
    assert timeline_of(told()).home_s == 0.5
    assert timeline_of(told(moves=())).home_s is None


def test_a_release_that_is_not_over_is_not_taken_apart() -> None:
    with pytest.raises(ValueError, match="it is not over"):
        timeline_of(told(ended_at=None))
