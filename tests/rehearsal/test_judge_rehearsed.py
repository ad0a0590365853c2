"""What the judge makes of versions that are worse, of versions that only seem so, and of nothing to judge by."""

from collections.abc import Iterator

import pytest

from deployments.twin.slack import Person
from flows.core.asking import WARY_OF
from flows.core.record import Ending
from tests.rehearsal.conftest import PERSON, Ended, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(300)]

CAREFUL = Person(PERSON.user_id, decision="approve", delay_s=PERSON.delay_s, wary_of=WARY_OF)
"""Somebody who says yes to what the judge vouches for, and nothing to all else."""
BRIEF = {"GREENFLOW_APPROVAL__EXPIRES_S": "4"}


@pytest.fixture
def careful(stage: Stage) -> Stage:
    stage.twin.slack.person = CAREFUL
    return stage


@pytest.fixture
def deserted(careful: Stage) -> Iterator[Stage]:
    """A production that all users leave when the next release takes traffic."""
    careful.twin.fall_silent("no-traffic")
    yield careful
    careful.twin.let_users_come()


def verdicts(ended: Ended) -> dict[int, set[str]]:
    """Return what the judge said in each phase, waiting left out."""
    said: dict[int, set[str]] = {}
    for poll in ended.state.polls:
        if poll.judgement["verdict"] != "wait":
            said.setdefault(poll.phase, set()).add(poll.judgement["verdict"])
    return said


def highest_weight(ended: Ended) -> int:
    assert ended.state.plan is not None
    return max(shift.weights.of(ended.state.plan.candidate) for shift in ended.state.shifts)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("slow-x10", "slower than"),
        ("errors-2", "errors"),
        ("p95-over-5s", "slower than"),
        ("leak", "errors"),
    ],
)
def test_a_version_that_is_worse_comes_home_before_it_has_all_of_the_traffic(
    careful: Stage, fault: str, why: str
) -> None:
    before = careful.weights()
    ended = careful.release(fault)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.ROLLED_BACK
    assert careful.weights() == before
    assert why in ended.report.verdict
    assert highest_weight(ended) < 100


@pytest.mark.parametrize("fault", ["retry-storm", "healthy-but-busy"])
def test_what_is_no_worse_than_before_ships(careful: Stage, fault: str) -> None:
    before = careful.stable()
    ended = careful.release(fault)
    assert ended.code == 0, ended.said
    assert careful.stable() is before.other
    assert verdicts(ended) == {0: {"promote"}, 1: {"promote"}, 2: {"promote"}}


def test_silent_metrics_end_in_a_question_and_silence_to_it_brings_the_traffic_home(careful: Stage) -> None:
    before = careful.weights()
    careful.twin.fall_silent("metrics-silent")
    ended = careful.release(**BRIEF)
    assert ended.code == 4, ended.said
    assert verdicts(ended) == {0: {"ask"}}
    (ask,) = ended.state.asks.values()
    assert ask.summary[0].startswith(WARY_OF)
    assert "of our own were answered" in ask.summary[1]
    assert "nobody answered in time" in ended.report.verdict
    assert careful.weights() == before
    assert ended.failed == 0


def test_people_may_go_on_without_the_judge_but_not_stay_where_no_alarm_can_hear(stage: Stage) -> None:
    before = stage.weights()
    stage.twin.fall_silent("metrics-silent")
    ended = stage.release()
    assert verdicts(ended) == {0: {"ask"}, 1: {"ask"}, 2: {"ask"}}
    assert [answer.by for answer in ended.state.answers.values()] == [PERSON.user_id] * 3
    assert highest_weight(ended) == 100
    assert ended.code == 3, ended.said
    assert "verified refused" in ended.report.verdict
    assert stage.weights() == before


def test_without_users_and_probes_there_is_a_question_at_the_first_weight(deserted: Stage) -> None:
    before = deserted.weights()
    ended = deserted.release(GREENFLOW_PROBE__EVERY_S="0", **BRIEF)
    assert ended.code == 4, ended.said
    assert verdicts(ended) == {0: {"ask"}}
    assert "no request on either side" in next(iter(ended.state.asks.values())).summary[1]
    assert deserted.weights() == before


def test_probes_alone_leave_the_first_weight_and_never_the_second(deserted: Stage) -> None:
    before = deserted.weights()
    ended = deserted.release(**BRIEF)
    assert ended.code == 4, ended.said
    assert verdicts(ended) == {0: {"promote"}, 1: {"ask"}}
    assert highest_weight(ended) == 50
    assert "nobody answered in time" in ended.report.verdict
    assert deserted.weights() == before
