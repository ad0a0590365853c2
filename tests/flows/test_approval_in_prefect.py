"""A real Prefect, a run that really waits, the real service: a click is a resumed run within two seconds."""

import logging
import os
import statistics
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.follow import Follower
from deployments.twin.postgres import Postgres
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Child, Processes
from flows.core.record import ReleaseState
from tasks.asks import record_answer
from tasks.event_store import EventStore, read_events
from tasks.models import Answer, Ask, Event
from tests.deployments.approvals_room import KIM, LEE, RELEASE, RULES, Room, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]
pytestmark = pytest.mark.timeout(240)

log = logging.getLogger("greenflow.trials")

ROOT = Path(__file__).parents[2]
TIMES = 5


@pytest.fixture(scope="module")
def prefect() -> Iterator[PrefectServer]:
    with Processes() as processes, Postgres(processes, processes.folder) as postgres:
        url = postgres.create_database("prefect")
        with PrefectServer(processes, processes.folder, url) as server:
            yield server


@pytest.fixture
def house(quiet_room: Room, prefect: PrefectServer, tmp_path: Path) -> Iterator["House"]:
    with Processes() as processes:
        yield House(quiet_room, prefect, processes, tmp_path)


class House:
    """Hold a room whose release and service are processes of their own, with a Prefect between them."""

    def __init__(self, room: Room, prefect: PrefectServer, processes: Processes, folder: Path) -> None:
        self.room = room
        self._prefect = prefect
        self._processes = processes
        self._folder = folder
        self._numbers = iter(range(100))

    def start_release(self, times: int = 1) -> Child:
        return self._start("tests.flows.asking_run", str(times))

    def start_service(self) -> Child:
        port_file = self._folder / f"port-{next(self._numbers)}"
        child = self._start("deployments.approvals", "--environment", "rehearsal", "--port-file", str(port_file))
        child.await_ready(port_file.exists, 60)
        self.room.url = f"http://127.0.0.1:{port_file.read_text()}"
        self.room.slack.interactivity_url = f"{self.room.url}/slack/interactivity"
        return child

    def open_ask(self, number: int = 1) -> Ask:
        until_late(lambda: self._asked(number) is not None, f"question {number}")
        ask = self._asked(number)
        assert ask
        until_late(lambda: bool([m for m in self.room.slack.messages if ask.nonce in str(m)]), "its message")
        return ask

    def state(self) -> ReleaseState:
        return Follower(self.room.settings).look()

    def run(self) -> dict[str, Any]:
        url = f"{self._prefect.ui_url}/api/flow_runs/{self.state().flow_run_id}"
        run: dict[str, Any] = httpx.get(url, timeout=10).json()
        return run

    def awaits_pause(self) -> None:
        until_late(lambda: self.run()["state"]["type"] == "PAUSED", "the pause")

    def resume_by_hand(self, decision: str) -> None:
        """Press Resume and Submit in the Prefect UI, which asks its server just so."""
        given = {"run_input": {"decision": decision, "reason": "looks fine to me"}}
        url = f"{self._prefect.ui_url}/api/flow_runs/{self.state().flow_run_id}/resume"
        assert httpx.post(url, json=given, timeout=10).json()["status"] == "ACCEPT"

    def events(self, kind: str) -> list[Event]:
        return [event for event in read_events(EventStore(self.room.settings), RELEASE) if event.kind == kind]

    def _asked(self, number: int) -> Ask | None:
        state = self.state()
        return state.open_ask if state.open_ask and state.open_ask.number == number else None

    def _start(self, module: str, *arguments: str) -> Child:
        ours = ("GREENFLOW_", "AWS_", "SLACK_")
        variables = {name: value for name, value in os.environ.items() if name.startswith(ours)}
        variables |= {**self._prefect.client_environment, "PYTHONPATH": str(ROOT)}
        argv = [sys.executable, "-m", module, *arguments]
        return self._processes.start(argv, env=variables, log=self._folder / f"{module}.log", name=module)


def until_late(seen: Any, what: str) -> None:
    """Wait longer than for a click: a flow's process takes seconds to start."""
    for _ in range(4):
        try:
            until(seen, what)
        except AssertionError:
            continue
        return
    until(seen, what)


def test_a_click_is_a_resumed_run_within_two_seconds(house: House) -> None:
    service, release = house.start_service(), house.start_release(TIMES)
    took_s = []
    for number in range(1, TIMES + 1):
        ask = house.open_ask(number)
        house.awaits_pause()
        pressed_at = datetime.now(UTC)
        house.room.press(ask, "approve", LEE)
        until(lambda number=number: len(house.events("ask.answered")) == number, "the run going on")  # type: ignore[misc]
        took_s.append((house.events("ask.answered")[-1].at - pressed_at).total_seconds())
    assert release.wait(30) == 0
    service.stop()
    log.info("click to resumed run: %s s", sorted(took_s))
    assert statistics.median(took_s) < 2, took_s


def test_a_resume_in_the_ui_without_a_recorded_approval_goes_back_to_waiting(house: House) -> None:
    release = house.start_release()
    ask = house.open_ask()
    house.awaits_pause()
    house.resume_by_hand("approve")
    until_late(lambda: len(house.events("ask.refused")) == 1, "the refusal")
    house.awaits_pause()
    assert house.room.answer(ask) is None
    house.start_service()
    house.room.press(ask, "roll_back", KIM)
    assert release.wait(30) == 0
    assert [answer.decision for answer in house.state().answers.values()] == ["roll_back"]


def test_where_the_environment_allows_it_a_resume_is_recorded_as_unverified(house: House) -> None:
    house.room.rules(f"{RULES}\nallow_unverified_resume = true")
    release = house.start_release()
    house.open_ask()
    house.awaits_pause()
    house.resume_by_hand("approve")
    assert release.wait(30) == 0
    (answer,) = house.state().answers.values()
    assert (answer.decision, answer.door, answer.by) == ("approve", "ui", "unverified, in the Prefect UI")


def test_a_service_killed_between_the_answer_and_the_resume_leaves_no_run_waiting(house: House) -> None:
    release = house.start_release()
    ask = house.open_ask()
    house.awaits_pause()
    now = datetime.now(UTC)
    record_answer(house.room.settings, Answer(nonce=ask.nonce, decision="approve", by=LEE, door="slack", at=now))
    house.start_service()
    assert release.wait(30) == 0


def test_a_click_on_the_releases_own_message_ends_the_wait(house: House) -> None:
    house.start_service()
    release = house.start_release()
    house.open_ask()
    house.awaits_pause()
    parent = house.room.slack.messages[0]["ts"]
    assert house.room.slack.click(parent, "roll_back_now", LEE).status == 200
    assert release.wait(30) == 0
    assert [answer.decision for answer in house.state().answers.values()] == ["roll_back"]
