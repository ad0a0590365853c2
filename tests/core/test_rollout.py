from collections import deque
from itertools import product

import pytest

from flows.core.judge import Judgement, Verdict, judge
from flows.core.rollout import (
    ENDED,
    JUDGE,
    MOVING,
    Answered,
    CameHome,
    Failed,
    HomeBlocked,
    Judged,
    Rollout,
    RolloutEvent,
    Shifted,
    Start,
    State,
    UnexpectedEventError,
)
from tasks.judge_policy import JudgePolicy
from tests.core.judge_rows import promoted_release

PHASES = (10, 50, 100)


def judged(verdict: Verdict) -> Judged:
    real: Judgement = judge(promoted_release(), 2, JudgePolicy())
    return Judged(judgement=real.model_copy(update={"verdict": verdict, "reasons": (f"it says {verdict}",)}))


YES = Answered(decision="approve", by="kim")
NO = Answered(decision="reject", by="lee", why="looks odd")
EVERY_EVENT: tuple[RolloutEvent, ...] = (
    Start(),
    *(Shifted(weight=weight) for weight in (0, *PHASES)),
    *(judged(verdict) for verdict in Verdict),
    YES,
    NO,
    Answered(decision="expired", by="clock"),
    Answered(decision="roll_back", by=JUDGE, why="errors 31/610"),
    Failed(why="it broke"),
    CameHome(),
    HomeBlocked(why="AccessDenied"),
)


def after(*events: RolloutEvent) -> Rollout:
    rollout = Rollout(phases=PHASES)
    for event in events:
        rollout = rollout.on(event)
    return rollout


def explore() -> list[tuple[Rollout, RolloutEvent, Rollout]]:
    """Try every event in every state that can be reached, breadth first."""
    first = Rollout(phases=PHASES)
    seen, queue, steps = {first}, deque([first]), []
    while queue:
        rollout = queue.popleft()
        for event in EVERY_EVENT:
            try:
                reached = rollout.on(event)
            except UnexpectedEventError:
                continue
            steps.append((rollout, event, reached))
            if reached not in seen:
                seen.add(reached)
                queue.append(reached)
    return steps


STEPS = explore()


def test_a_healthy_release_ships_through_every_weight_and_two_approvals() -> None:
    good = judged(Verdict.PROMOTE)
    shipped = after(Start(), Shifted(weight=10), good, YES, Shifted(weight=50), good, YES, Shifted(weight=100), good)
    assert shipped.state is State.SHIPPED
    assert shipped.weight == 100


def test_the_weight_never_rises_without_an_approval_in_between() -> None:
    risen = [(event, reached) for rollout, event, reached in STEPS if reached.phase > rollout.phase]
    assert risen
    assert all(isinstance(event, Answered) and event.decision == "approve" for event, _ in risen)


def test_phases_follow_each_other_without_a_gap() -> None:
    assert all(reached.phase - rollout.phase in {0, 1} for rollout, _, reached in STEPS)


def test_nothing_ships_below_the_last_weight() -> None:
    shipped = [rollout for rollout, _, reached in STEPS if reached.state is State.SHIPPED]
    assert shipped
    assert all(rollout.is_last for rollout in shipped)


def test_what_ended_stays_as_it_ended() -> None:
    assert all(reached == rollout for rollout, _, reached in STEPS if rollout.state in ENDED)


def test_every_moving_state_can_be_brought_home_by_a_failure() -> None:
    moving = {rollout for rollout, _, _ in STEPS if rollout.state in MOVING}
    assert {rollout.on(Failed(why="x")).state for rollout in moving} == {State.HOMING}


def test_a_rollout_on_its_way_home_never_goes_up_again() -> None:
    from_homing = {reached.state for rollout, _, reached in STEPS if rollout.state is State.HOMING}
    assert from_homing <= {State.HOMING, State.HOME, State.STUCK}


def test_every_state_is_reached() -> None:
    assert {reached.state for _, _, reached in STEPS} >= set(State) - {State.READY}


def test_weights_other_than_those_asked_for_come_home() -> None:
    home = after(Start(), Shifted(weight=50))
    assert home.state is State.HOMING
    assert home.reason == "the balancer gives the candidate 50 %, expected 10 %"


def test_a_judge_that_cannot_tell_asks_people_and_never_goes_on_by_itself() -> None:
    assert after(Start(), Shifted(weight=10), judged(Verdict.ASK)).state is State.ASKING
    last = after(Start(), Shifted(weight=10), judged(Verdict.PROMOTE), YES, Shifted(weight=50))
    last = last.on(judged(Verdict.PROMOTE)).on(YES).on(Shifted(weight=100))
    assert last.on(judged(Verdict.ASK)).state is State.ASKING


@pytest.mark.parametrize(("answer", "by_people"), [(NO, True), (Answered(decision="roll_back", by=JUDGE), False)])
def test_only_peoples_no_counts_as_peoples_no(answer: Answered, by_people: bool) -> None:  # noqa: FBT001
    home = after(Start(), Shifted(weight=10), judged(Verdict.PROMOTE), answer)
    assert (home.state, home.by_people) == (State.HOMING, by_people)


def test_the_judge_is_heard_while_people_are_being_asked() -> None:
    home = after(Start(), Shifted(weight=10), judged(Verdict.PROMOTE), judged(Verdict.ROLL_BACK))
    assert home.state is State.HOMING


def test_an_event_out_of_turn_is_a_bug_and_says_so() -> None:
    with pytest.raises(UnexpectedEventError, match="CameHome cannot happen while ready"):
        after(CameHome())


def test_no_sequence_of_three_events_leaves_the_table() -> None:
    for events in product(EVERY_EVENT, repeat=3):
        rollout = Rollout(phases=PHASES)
        for event in events:
            try:
                rollout = rollout.on(event)
            except UnexpectedEventError:
                break
        assert rollout.state in State
