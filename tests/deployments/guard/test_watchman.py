"""A guard brings home what nobody runs any more, and nothing else."""

from collections.abc import Callable

import pytest

from deployments.guard.watchman import Watchman
from deployments.twin.aws import FaultRule
from deployments.twin.slack_blocks import buttons
from flows.core.record import Ending
from tasks.announcements import open_thread
from tasks.errors import EnvironmentBusy, LeaseLost, RemoteError, RollbackFailed
from tasks.ledger import note, open_ledger
from tasks.models import Weights
from tasks.operations import open_operation
from tests.deployments.guard.scene import HOME, Scene


def test_an_environment_without_a_release_is_left_alone(scene: Scene) -> None:
    assert Watchman(scene.settings).look() == "no release was ever here"


def test_traffic_of_a_dead_release_comes_home_by_the_first_call(scene: Scene) -> None:
    scene.die(weight=50)
    before = scene.last_call()
    Watchman(scene.settings).look()
    assert scene.weights() == HOME
    assert scene.calls(before)[0].operation == "ModifyRule"


def test_people_are_told_and_the_release_may_still_go_on(scene: Scene) -> None:
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    watchman.look()
    (told,) = scene.texts()
    assert "The guard brought the traffic home (a 100 % / b 0 %)" in told
    assert "greenflow release 1.1.0 --resume --environment rehearsal" in told
    assert (scene.lock().role, scene.lock().yields, scene.lock().state) == ("guard", True, "held")
    watchman.look()
    assert len(scene.texts()) == 1
    assert scene.state().ending is Ending.RUNNING
    watchman.leave()


def test_a_living_release_is_left_alone(scene: Scene) -> None:
    scene.die(weight=50, lease_s=60)
    Watchman(scene.settings).look()
    assert scene.weights() == Weights(a=50, b=50)
    assert scene.lock().role == "release"


def test_a_late_request_of_the_dead_is_undone_while_the_guard_watches(scene: Scene) -> None:
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    watchman.look()
    scene.production.set_weights(50, 50)
    assert "brought back from a 50 % / b 50 %" in watchman.look()
    assert scene.weights() == HOME
    assert "had left home again: found a 50 % / b 50 %" in scene.texts()[-1]
    watchman.leave()


def test_traffic_that_a_person_moves_while_the_guard_watches_is_left_to_them(scene: Scene) -> None:
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    watchman.look()
    scene.production.set_weights(70, 30)
    watchman.look()
    assert scene.weights() == Weights(a=70, b=30)
    watchman.leave()


def test_the_candidate_keeps_its_tasks_until_the_watch_is_over(new_scene: Callable[..., Scene]) -> None:
    scene = new_scene(GUARD__WATCH_S="0")
    scene.die(weight=50)
    scene.production.run("b", scene.production.seeded.task_definition_arn, 1)
    watchman = Watchman(scene.settings)
    watchman.look()
    assert scene.production.service("b")["desiredCount"] == 1
    scene.end(watchman)
    assert scene.production.service("b")["desiredCount"] == 0
    assert scene.state().ending is Ending.ROLLED_BACK
    assert "its process died" in scene.state().reason
    assert scene.lock().state == "free"


def test_a_release_that_passed_at_all_of_the_traffic_keeps_it(new_scene: Callable[..., Scene]) -> None:
    scene = new_scene(GUARD__WATCH_S="0")
    scene.die(rollout="shipped", weight=100, phase=2)
    watchman = Watchman(scene.settings)
    watchman.look()
    assert scene.weights() == Weights(a=0, b=100)
    assert "The traffic stays there" in scene.texts()[0]
    scene.end(watchman)
    assert scene.state().ending is Ending.SHIPPED
    assert "scale the old side down" in " ".join(scene.state().left_over)


@pytest.mark.parametrize(("rollout", "weight"), [("baking", 100), ("shipped", 50), ("asking", 10), ("shifting", 10)])
def test_anything_less_than_passed_and_seen_at_all_of_it_comes_home(scene: Scene, rollout: str, weight: int) -> None:
    scene.die(rollout=rollout, weight=weight)
    watchman = Watchman(scene.settings)
    watchman.look()
    assert scene.weights() == HOME
    watchman.leave()


def test_a_release_that_moved_no_traffic_is_ended_without_a_shift(new_scene: Callable[..., Scene]) -> None:
    scene = new_scene(GUARD__WATCH_S="0")
    scene.die(rollout="")
    before = scene.production.calls("ModifyRule")
    watchman = Watchman(scene.settings)
    watchman.look()
    scene.end(watchman)
    assert scene.production.calls("ModifyRule") == before
    assert scene.state().ending is Ending.REFUSED
    assert "before it moved any traffic" in scene.texts()[0]


def test_a_guard_that_dies_is_followed_by_another_that_ends_its_work(new_scene: Callable[..., Scene]) -> None:
    scene = new_scene(GUARD__WATCH_S="0")
    scene.die(weight=50)
    first = Watchman(scene.settings)
    first.look()
    first.leave()
    scene.expire()
    second = Watchman(scene.settings)
    scene.end(second)
    assert scene.state().ending is Ending.ROLLED_BACK
    assert scene.kinds().count("guard.came") == 1
    assert len([text for text in scene.texts() if "The guard brought" in text]) == 1


def test_the_same_release_goes_on_from_a_guard_that_has_brought_it_home(scene: Scene) -> None:
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    watchman.look()
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id="another", version=plan.version) as ledger:
        assert ledger.release_id == plan.release_id
        scene.production.set_weights(90, 10)
        assert "leaves" in watchman.look()
        assert scene.weights() == Weights(a=90, b=10)
        note("release.ended", {"ending": "shipped", "reason": ""})


def test_a_release_of_another_version_is_refused_by_who_since_when_and_where(scene: Scene) -> None:
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    watchman.look()
    said = rf"held by release {scene.production.plan.release_id} \(guard on .* pid \d+\) since 20.* baking in phase 2"
    with pytest.raises(EnvironmentBusy, match=said), open_ledger(scene.settings, release_id="x", version="9.9.9"):
        pytest.fail("let in")
    watchman.leave()


def test_a_zombie_finds_its_release_taken_over(scene: Scene) -> None:
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version) as zombie:
        scene.tell("baking", 50, 1)
        zombie.lock.abandon()
        scene.expire()
        watchman = Watchman(scene.settings)
        watchman.look()
        with pytest.raises(LeaseLost):
            note("rollout.moved", {"state": "asking", "phase": 1, "reason": ""})
        with pytest.raises(LeaseLost):
            zombie.lock.confirm()
        assert not zombie.lock.allow_homeward()
        watchman.leave()


def test_a_way_back_that_is_blocked_is_tried_again_until_it_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.homecoming.BUDGET_S", 0.2)
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    scene.production.aws.faults.add(FaultRule("500_before", "elbv2", "ModifyRule", count=None))
    with pytest.raises(RollbackFailed):
        watchman.look()
    assert "A PERSON MUST ACT NOW" in scene.texts()[0]
    scene.production.aws.faults.clear()
    watchman.look()
    assert scene.weights() == HOME
    watchman.leave()


def test_a_release_that_could_not_write_its_ending_is_ended(new_scene: Callable[..., Scene]) -> None:
    scene = new_scene(GUARD__WATCH_S="0")
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version):
        scene.tell("baking", 50, 1)
    assert scene.lock().state == "free"
    watchman = Watchman(scene.settings)
    watchman.look()
    assert scene.weights() == HOME
    scene.end(watchman)
    assert scene.state().ending is Ending.ROLLED_BACK


def test_a_late_request_after_the_end_is_undone_and_a_persons_change_is_not(scene: Scene) -> None:
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version):
        scene.tell("baking", 50, 1)
        scene.production.set_weights(100, 0)
        note("release.ended", {"ending": "rolled back", "reason": "bad"})
    watchman = Watchman(scene.settings)
    scene.production.set_weights(90, 10)
    watchman.look()
    assert scene.weights() == HOME
    assert scene.lock().state == "free"
    scene.production.set_weights(70, 30)
    watchman.look()
    assert scene.weights() == Weights(a=70, b=30)


def test_a_release_that_is_stuck_is_brought_home_though_people_have_changed_the_stores_since(scene: Scene) -> None:
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version):
        scene.tell("baking", 50, 1)
        note("release.ended", {"ending": "stuck", "reason": "blocked"})
    with open_operation(scene.settings, "infra", requested_by="somebody"):
        pass
    watchman = Watchman(scene.settings)
    watchman.look()
    assert scene.weights() == HOME
    assert scene.lock().release_id == plan.release_id
    watchman.leave()


def test_a_guard_that_cannot_see_says_so_and_sees_again_later(scene: Scene) -> None:
    scene.die(weight=50)
    scene.production.aws.faults.add(FaultRule("500_before", "s3", "*", count=None))
    watchman = Watchman(scene.settings)
    with pytest.raises(RemoteError):
        watchman.look()
    scene.production.aws.faults.clear()
    watchman.look()
    assert scene.weights() == HOME
    watchman.leave()


def test_slack_that_is_down_changes_nothing(scene: Scene) -> None:
    scene.slack.down = True
    scene.die(weight=50)
    watchman = Watchman(scene.settings)
    watchman.look()
    assert scene.weights() == HOME
    watchman.leave()


def test_a_release_that_died_over_its_last_word_leaves_no_button(scene: Scene) -> None:
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version) as ledger:
        scene.tell("shipped", 100, 2)
        open_thread(scene.settings, plan.release_id, "a release")
        note("release.ended", {"ending": "shipped", "reason": ""})
        ledger.lock.abandon()
    assert any(list(buttons(message["blocks"])) for message in scene.slack.messages)
    scene.expire()
    Watchman(scene.settings).look()
    assert scene.lock().state == "free"
    assert not any(list(buttons(message["blocks"])) for message in scene.slack.messages)
