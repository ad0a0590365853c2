"""Releases that a Prefect worker runs, with what can befall a worker and what people press in Prefect's UI (I3, I4).

Prefect runs its hooks in the worker. A worker that is gone runs none, and its runs stay "Running" for ever: then the
guard alone brings home.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deployments.follow import Follower
from deployments.twin.processes import Child
from deployments.twin.roles import WORKER
from flows.core.record import Ending, ReleaseState
from tasks.event_store import EventStore, read_events
from tasks.lock import read_lock
from tasks.models import Event
from tests.rehearsal.conftest import Stage
from tests.rehearsal.test_endings import GUARD_S, LEASE_S, VERIFICATION_S, baking
from tests.rehearsal.test_rehearsal import AGAIN

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(420)]

ROOT = Path(__file__).parents[2]
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Office:
    """Hold a stage whose releases a worker runs, as the Run button starts them."""

    def __init__(self, stage: Stage, worker: Child) -> None:
        self.stage = stage
        self.worker = worker

    def start(self, version: str) -> str:
        """Press Run; returns the run's id."""
        found = self._post("/deployments/filter", {})
        (deployment,) = [each["id"] for each in found if each["name"] == "release"]
        parameters = {"version": version, "environment": "rehearsal", "requested_by": "tests"}
        return str(self._post(f"/deployments/{deployment}/create_flow_run", {"parameters": parameters})["id"])

    def retry(self, run_id: str) -> None:
        """Press Retry, as the UI does."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        answer = self._post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": False})
        assert answer["status"] == "ACCEPT", answer

    def cancel(self, run_id: str) -> None:
        """Press Cancel, as the UI does."""
        state = {"type": "CANCELLING", "name": "Cancelling"}
        answer = self._post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": False})
        assert answer["status"] == "ACCEPT", answer

    def state(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self._api}/flow_runs/{run_id}", timeout=60).json()["state"]
        return found

    def end_of(self, run_id: str) -> dict[str, Any]:
        self.stage.eventually("the end of the run", lambda: self.state(run_id)["type"] in OVER)
        return self.state(run_id)

    def engine(self) -> psutil.Process:
        """Return the process of the run: the worker's only child that runs an engine."""
        children = psutil.Process(self.worker.pid).children(recursive=True)
        (found,) = [child for child in children if "prefect.engine" in " ".join(child.cmdline())]
        return found

    @property
    def _api(self) -> str:
        assert self.stage.twin.prefect is not None
        return f"{self.stage.twin.prefect.ui_url}/api"

    def _post(self, path: str, body: object) -> Any:
        return httpx.post(f"{self._api}{path}", json=body, timeout=60).raise_for_status().json()


@pytest.fixture
def office(stage: Stage, deployed: None) -> Iterator[Office]:
    worker = start_worker(stage)
    yield Office(stage, worker)
    worker.stop(grace_s=5)


@pytest.fixture
def deployed(stage: Stage) -> None:
    prefect(stage, "work-pool", "create", "greenflow", "--type", "process", "--overwrite")
    prefect(stage, "deploy", "--all")


def start_worker(stage: Stage) -> Child:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "greenflow"]
    hurry = {**stage.quick, "PREFECT_WORKER_QUERY_SECONDS": "1", "PATH": path}
    return stage.twin.start(argv, "worker.log", hurry, WORKER)


def prefect(stage: Stage, *arguments: str) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(ROOT), **stage.twin.environment, "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def events_of(stage: Stage, state: ReleaseState) -> list[Event]:
    return read_events(EventStore(stage.settings), state.release_id)


def assert_once(events: list[Event]) -> None:
    """Nothing that anybody keeps was made twice, and everybody who let it go on did so for this attempt."""
    done = [
        (event.data["effect"], event.data["key"])
        for event in events
        if event.kind == "effect.done" and not event.data["already"] and not event.data["effect"].startswith(AGAIN)
    ]
    assert sorted(done) == sorted(set(done))
    dumps = [event for event in events if event.kind == "stage.finished" and "sha256" in event.data["evidence"]]
    assert len({event.data["evidence"]["key"] for event in dumps}) == 1


def test_a_run_that_crashed_goes_on_by_retry_in_the_ui_and_does_nothing_twice(office: Office) -> None:
    stage = office.stage
    before, users, version = stage.stable(), stage.users(), stage.publish()
    run_id = office.start(version)
    killed = stage.until("a bake at half", baking, version)
    office.engine().kill()
    assert office.end_of(run_id)["type"] == "CRASHED"
    office.retry(run_id)
    ended = stage.until("its end", lambda state: state.ended, version)
    assert ended.ending is Ending.SHIPPED, ended.reason
    assert ended.release_id == killed.release_id
    assert stage.stable() is before.other
    assert office.end_of(run_id)["type"] == "COMPLETED"
    assert_once(events_of(stage, ended))
    assert stage.users()["failed"] == users["failed"]


def test_retry_of_a_run_whose_release_is_over_changes_nothing_and_says_how_it_ended(office: Office) -> None:
    stage = office.stage
    before, version = stage.weights(), stage.publish()
    run_id = office.start(version)
    stage.until("a bake at half", baking, version)
    office.engine().kill()
    stage.eventually("traffic at home", lambda: stage.weights() == before)
    over = stage.until("its end", lambda state: state.ended, version)
    office.end_of(run_id)
    written = len(events_of(stage, over))
    office.retry(run_id)
    stage.eventually("the end of the second attempt", lambda: office.state(run_id)["type"] == "FAILED")
    assert "its process died" in office.state(run_id)["message"]
    assert len(events_of(stage, over)) == written
    assert Follower(stage.settings).look().release_id == over.release_id
    assert stage.weights() == before


@pytest.mark.parametrize("dies", ["flow", "worker, asked politely", "worker and flow"])
def test_whoever_dies_the_traffic_comes_home_and_people_are_told(office: Office, dies: str) -> None:
    stage = office.stage
    before, users, version = stage.weights(), stage.users(), stage.publish()
    run_id = office.start(version)
    stage.until("a bake at half", baking, version)
    engine = office.engine()
    if "worker" in dies:
        os.kill(office.worker.pid, signal.SIGTERM if "politely" in dies else signal.SIGKILL)
    if "flow" in dies:
        engine.kill()
    died_s = time.monotonic()
    stage.eventually("traffic at home", lambda: stage.weights() == before)
    assert time.monotonic() - died_s < LEASE_S + GUARD_S + VERIFICATION_S
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending in {Ending.ROLLED_BACK, Ending.REJECTED}
    told = [message["text"] for message in stage.twin.slack.messages if version in message["text"]]
    assert any(over.reason in text or "brought the traffic home" in text for text in told), told
    assert stage.users()["failed"] == users["failed"]
    stage.eventually("a free environment", lambda: is_free(stage))
    if dies == "flow":
        assert office.end_of(run_id)["type"] == "CRASHED"


def test_a_run_outlives_the_worker_that_is_killed(office: Office) -> None:
    stage = office.stage
    before, users, version = stage.stable(), stage.users(), stage.publish()
    office.start(version)
    stage.until("a bake at half", baking, version)
    os.kill(office.worker.pid, signal.SIGKILL)
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending is Ending.SHIPPED, over.reason
    assert stage.stable() is before.other
    assert stage.users()["failed"] == users["failed"]
    stage.eventually("a free environment", lambda: is_free(stage))


def is_free(stage: Stage) -> bool:
    lock = read_lock(EventStore(stage.settings), "rehearsal")
    return lock is not None and lock.state == "free"


def test_cancel_in_the_ui_brings_a_run_of_a_worker_home(office: Office) -> None:
    stage = office.stage
    before, users, version = stage.weights(), stage.users(), stage.publish()
    run_id = office.start(version)
    stage.until("a bake at half", baking, version)
    office.cancel(run_id)
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending in {Ending.REJECTED, Ending.ROLLED_BACK}
    assert stage.weights() == before
    assert office.end_of(run_id)["type"] == "CANCELLED"
    assert stage.users()["failed"] == users["failed"]
