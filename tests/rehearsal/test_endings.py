"""However a release ends, its traffic is on one version soon after, and people are told (safety I4)."""

import time
from collections.abc import Callable

import httpx
import pytest

from deployments.twin.slack import Person
from flows.core.record import Ending, ReleaseState
from tasks.event_store import EventStore
from tasks.lock import read_lock
from tests.rehearsal.conftest import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(300)]

LEASE_S, GUARD_S, VERIFICATION_S = 10, 5, 15
"""What the T of I4 is made of, on the twin; its guard looks every second, and starts late on a busy machine."""


PREFECT_AT_EXIT_S = 150
"""How long Prefect's own client may try to tell a server that is gone how the run ended."""


def baking(state: ReleaseState) -> bool:
    return state.rollout == "baking" and state.phase == 1


def at_all_of_it(state: ReleaseState) -> bool:
    return state.rollout == "baking" and state.phase == 2


def asked(state: ReleaseState) -> bool:
    return state.open_ask is not None


def backing_up(state: ReleaseState) -> bool:
    return any("back up" in name for name in state.stages)


def deploying(state: ReleaseState) -> bool:
    return any(name.startswith("3.3") for name in state.stages)


@pytest.mark.parametrize(
    ("when", "ending"),
    [
        (baking, Ending.ROLLED_BACK),
        (backing_up, Ending.REFUSED),
        (deploying, Ending.REFUSED),
        (asked, Ending.ROLLED_BACK),
        (at_all_of_it, Ending.ROLLED_BACK),
    ],
)
def test_a_release_that_is_killed_for_good_is_brought_home_and_ended_by_the_guard(
    stage: Stage, when: Callable[[ReleaseState], bool], ending: Ending, record_property: Callable[[str, object], None]
) -> None:
    if when is asked:
        stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("where it shall die", when, version)
    child.kill()
    killed_s = time.monotonic()
    stage.eventually("traffic at home", lambda: stage.weights() == before)
    home_s = time.monotonic() - killed_s
    record_property("home_s", round(home_s, 2))
    assert home_s < LEASE_S + GUARD_S + VERIFICATION_S
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending is ending
    assert "its process died" in over.reason
    assert any("died" in message["text"] for message in stage.twin.slack.messages)
    assert stage.users()["failed"] == users["failed"]
    stage.eventually("a free environment", lambda: free(stage))
    assert not stage.held_back()


def free(stage: Stage) -> bool:
    lock = read_lock(EventStore(stage.settings), "rehearsal")
    return lock is not None and lock.state == "free"


@pytest.mark.parametrize("door", ["SIGTERM", "Cancel in the Prefect UI"])
def test_a_wish_to_stop_is_heard_before_any_traffic_moves(stage: Stage, door: str) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    seen = stage.until("a backup", backing_up, version)
    wished_s = time.monotonic()
    if door == "SIGTERM":
        child.terminate()
    else:
        cancel(stage, seen.flow_run_id)
    ended = stage.finish(child, users)
    assert time.monotonic() - wished_s < 30
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    assert ("SIGTERM" if door == "SIGTERM" else "cancelled in the Prefect UI") in ended.report.verdict
    assert stage.shifts(ended) == []
    assert stage.weights() == before


def test_a_release_cancelled_in_the_prefect_ui_at_half_of_the_traffic_comes_home(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    seen = stage.until("a bake at half", baking, version)
    cancel(stage, seen.flow_run_id)
    ended = stage.finish(child, users)
    assert ended.code == 4, ended.said
    assert stage.weights() == before
    assert ended.failed == 0
    assert run_state(stage, seen.flow_run_id) == "CANCELLED"


@pytest.mark.parametrize("when", [backing_up, baking, asked, at_all_of_it])
def test_a_release_whose_prefect_server_is_killed_for_good_still_ends_on_one_version(
    stage: Stage, when: Callable[[ReleaseState], bool]
) -> None:
    if when is asked:
        stage.twin.slack.person = Person("U0TWINPERSON", decision="approve", delay_s=3)
    users, version = stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("where Prefect shall die", when, version)
    assert stage.twin.prefect is not None
    stage.twin.prefect.child.kill()
    try:
        over = stage.until("its end", lambda state: state.ended, version)
        ended_s = time.monotonic()
        ended = stage.finish(child, users)
    finally:
        stage.twin.prefect.start()
        stage.twin.environment.update(stage.twin.prefect.client_environment)
    assert time.monotonic() - ended_s < PREFECT_AT_EXIT_S
    assert over.ended
    assert 100 in {stage.weights().a, stage.weights().b}
    assert ended.failed == 0


def test_a_machine_that_is_started_anew_is_brought_home_by_the_guard_that_starts_with_it(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("a bake at half", baking, version)
    stage.twin.guard.kill()
    child.kill()
    stage.twin.start_guard()
    started_s = time.monotonic()
    stage.eventually("traffic at home", lambda: stage.weights() == before)
    assert time.monotonic() - started_s < LEASE_S + GUARD_S + VERIFICATION_S
    assert stage.until("its end", lambda state: state.ended, version).ending is Ending.ROLLED_BACK
    assert stage.users()["failed"] == users["failed"]
    stage.eventually("a free environment", lambda: free(stage))


def cancel(stage: Stage, flow_run_id: str) -> None:
    """Press Cancel, as the UI does."""
    assert stage.twin.prefect is not None
    url = f"{stage.twin.prefect.ui_url}/api/flow_runs/{flow_run_id}/set_state"
    answer = httpx.post(url, json={"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}, timeout=60)
    assert answer.json()["status"] == "ACCEPT", answer.text


def run_state(stage: Stage, flow_run_id: str) -> str:
    assert stage.twin.prefect is not None
    return str(
        httpx.get(f"{stage.twin.prefect.ui_url}/api/flow_runs/{flow_run_id}", timeout=60).json()["state"]["type"]
    )
