"""A release that died goes on by `greenflow release --resume`: what is done is seen as done (safety I3)."""

import sys
from collections.abc import Callable
from itertools import groupby

import pytest

from deployments.twin.processes import Child
from deployments.twin.slack import Person
from flows.core.record import Ending, ReleaseState
from tests.rehearsal.conftest import PERSON, Stage
from tests.rehearsal.test_endings import asked, deploying, free
from tests.rehearsal.test_rehearsal import assert_once

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(300)]


def dumped(state: ReleaseState) -> bool:
    return state.backup is not None


def passed_at_all_of_it(state: ReleaseState) -> bool:
    return state.rollout == "shipped"


def resume(stage: Stage, version: str) -> Child:
    argv = [sys.executable, "-m", "deployments.cli", "release", "--resume", "--environment", "rehearsal"]
    return stage.twin.start(argv, f"{version}.log", dict(stage.quick))


@pytest.mark.parametrize("when", [dumped, deploying, asked])
def test_a_release_that_died_goes_on_and_makes_nothing_twice(
    stage: Stage, when: Callable[[ReleaseState], bool]
) -> None:
    if when is asked:
        stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    before, users, version = stage.stable(), stage.users(), stage.publish()
    first = stage.start(version)
    died = stage.until("where it shall die", when, version)
    first.kill()
    stage.twin.slack.person = PERSON
    ended = stage.finish(resume(stage, version), users)
    assert ended.code == 0, ended.said
    assert ended.state.release_id == died.release_id
    assert stage.stable() is before.other
    assert ended.failed == 0
    assert_once(ended)
    dumps = [each for each in ended.events if each.kind == "stage.finished" and "sha256" in each.data["evidence"]]
    assert len({event.data["evidence"]["key"] for event in dumps}) == 1
    shifted = [event.data["weights"][before.other] for event in ended.events if event.kind == "traffic.shifted"]
    assert [weight for weight, _ in groupby(shifted)][-3:] == [10, 50, 100]
    if when is asked:
        (first_ask,) = {answer.decision for nonce, answer in ended.state.answers.items() if nonce in died.asks}
        assert first_ask == "interrupted"


def test_a_release_that_died_after_it_had_passed_at_all_of_the_traffic_is_finished_forwards(stage: Stage) -> None:
    before, users, version = stage.stable(), stage.users(), stage.publish()
    stage.twin.guard.kill()  # it would be done by the guard: see the next test
    first = stage.start(version)
    stage.until("the last yes of the judge", passed_at_all_of_it, version)
    first.kill()
    ended = stage.finish(resume(stage, version), users)
    stage.twin.start_guard()
    assert ended.code == 0, ended.said
    assert ended.report.ending is Ending.SHIPPED
    assert stage.stable() is before.other
    shifted = [event.data["weights"][before.other] for event in ended.events if event.kind == "traffic.shifted"]
    assert [weight for weight, _ in groupby(shifted)] == [10, 50, 100]
    assert ended.state.stages["3.3 scale a side down"].status == "finished"
    assert_once(ended)
    assert ended.failed == 0


def test_the_guard_lets_a_release_that_had_passed_keep_its_traffic_and_leaves_the_rest_to_people(stage: Stage) -> None:
    before, users, version = stage.stable(), stage.users(), stage.publish()
    first = stage.start(version)
    stage.until("the last yes of the judge", passed_at_all_of_it, version)
    first.kill()
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending is Ending.SHIPPED
    assert stage.stable() is before.other
    assert "scale the old side down" in " ".join(over.left_over)
    assert any("The traffic stays there" in message["text"] for message in stage.twin.slack.messages)
    assert stage.users()["failed"] == users["failed"]
    stage.eventually("a free environment", lambda: free(stage))


def test_there_is_nothing_to_go_on_with_where_no_release_died(stage: Stage) -> None:
    child = resume(stage, "nothing")
    assert child.wait(60) == 3
    assert "rehearsal has no unfinished release; start one without --resume" in child.log.read_text()
