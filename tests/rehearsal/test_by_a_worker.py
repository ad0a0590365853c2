"""Every deployment of prefect.yaml as a team runs it: pressed in the UI or scheduled, started by a worker."""

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import httpx
import pytest
import yaml

from deployments.operate import release_is_alive
from deployments.serving.one_log import OneLog
from deployments.serving.parts import House, Worker, approvals_part, deploy, told_to_all
from deployments.serving.supervisor import Supervisor
from deployments.twin.processes import free_port
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish
from flows.core.record import Ending
from tasks.event_store import EventStore
from tasks.lock import read_lock
from tests.rehearsal.conftest import PERSON, QUICK, Stage
from tests.rehearsal.served import OVER, ROOT

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE_S = 300.0


class Machine:
    """Hold a worker and the approvals service on a twin, and no guard: the way back is somebody's to press."""

    def __init__(self, house: House, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._api = httpx.Client(base_url=f"{house.server.ui_url}/api", timeout=30)

    def press_run(self, name: str, **parameters: str) -> str:
        deployment = self._api.get(f"/deployments/name/{name}/{name}").raise_for_status().json()
        url = f"/deployments/{deployment['id']}/create_flow_run"
        return str(self._api.post(url, json={"parameters": parameters}).raise_for_status().json()["id"])

    def ended(self, run: str) -> dict[str, Any]:
        """Wait for a run's end and return its state."""
        deadline = time.monotonic() + PATIENCE_S
        while (state := self._api.get(f"/flow_runs/{run}").raise_for_status().json()["state"])["type"] not in OVER:
            self.supervisor.look(time.monotonic())
            assert time.monotonic() < deadline, state
            time.sleep(0.3)
        found: dict[str, Any] = state
        return found

    def runs_of(self, name: str) -> list[str]:
        asked = {"deployments": {"name": {"any_": [name]}}}
        return [run["id"] for run in self._api.post("/flow_runs/filter", json=asked).raise_for_status().json()]

    def close(self) -> None:
        self._api.close()


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(Wish(version="1.1.0", person=PERSON, with_services=False)) as twin:
        yield twin


@pytest.fixture(scope="module")
def machine(twin: Twin, installed: Mapping[str, str]) -> Iterator[Machine]:
    assert twin.prefect is not None
    told = told_to_all({**twin.environment, **QUICK, **installed})
    house = House("rehearsal", twin.processes, twin.folder, told, twin.prefect)
    deploy(house)
    port = free_port()
    twin.slack.interactivity_url = f"http://127.0.0.1:{port}/slack/interactivity"
    with closing(OneLog(twin.folder / "serve.log")) as log:
        supervisor = Supervisor(twin.processes, log, lambda _: None)
        for part in (approvals_part(house, port), Worker(house).part):
            supervisor.start(part)
        with closing(Machine(house, supervisor)) as machine:
            yield machine


def test_rehearsal_ships_and_its_aftercare_runs_by_itself(stage: Stage, machine: Machine) -> None:
    stable = stage.stable()
    run = machine.press_run("rehearsal", version=stage.publish(), requested_by="tests")
    assert machine.ended(run)["type"] == "COMPLETED"
    assert stage.stable() is stable.other
    looks = machine.runs_of("aftercare")
    assert [machine.ended(look)["type"] for look in looks] == ["COMPLETED"] * 3


def test_drill_completes_when_a_bad_version_came_home(stage: Stage, machine: Machine) -> None:
    before = stage.weights()
    state = machine.ended(machine.press_run("drill", version=stage.publish("errors-30"), requested_by="tests"))
    assert state["type"] == "COMPLETED"
    assert stage.weights() == before


def test_a_release_outlives_its_worker_and_rollback_brings_it_home_once_it_died_itself(
    stage: Stage, machine: Machine
) -> None:
    stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    before, version = stage.weights(), stage.publish()
    machine.press_run("release", version=version, requested_by="tests")
    stage.until("the first ask", lambda state: state.open_ask is not None, version)
    os.kill(machine.supervisor.pid_of("the worker"), signal.SIGKILL)
    own = pid_of_holder(stage)
    stage.eventually("another worker", lambda: is_restarted(machine))
    os.kill(own, 0)
    assert release_is_alive(stage.settings)
    os.kill(own, signal.SIGKILL)
    stage.eventually("a lease that ran out", lambda: not release_is_alive(stage.settings))
    assert stage.weights() != before
    state = machine.ended(machine.press_run("rollback", reason="its machine is gone"))
    assert state["type"] == "COMPLETED", state
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending is Ending.REJECTED
    assert "its machine is gone" in over.reason
    assert stage.weights() == before


def pid_of_holder(stage: Stage) -> int:
    """Return the process of the release that holds the environment, which it has written into its lease."""
    lock = read_lock(EventStore(stage.settings), "rehearsal")
    assert lock is not None
    (pid,) = re.findall(r"pid (\d+)", lock.owner)
    return int(pid)


def is_restarted(machine: Machine) -> bool:
    machine.supervisor.look(time.monotonic())
    return all(kept.is_up and kept.child.poll() is None for kept in machine.supervisor._kept)


def test_a_release_without_a_version_finds_nothing_new_and_says_so(stage: Stage, machine: Machine) -> None:
    stage.twin.slack.person = PERSON
    shipped = machine.ended(machine.press_run("release", version=stage.publish()))
    assert shipped["type"] == "COMPLETED"
    state = machine.ended(machine.press_run("release"))
    assert state["type"] == "COMPLETED"
    assert "staging" in state["message"]


def test_no_deployment_was_left_out(machine: Machine) -> None:
    file = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    names = [each["name"] for each in file["deployments"]]
    ended = {name: {machine.ended(run)["type"] for run in machine.runs_of(name)} for name in names}
    assert [name for name, types in ended.items() if "COMPLETED" not in types] == []
