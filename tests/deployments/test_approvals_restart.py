"""Kill the service at any point: no answer is lost, none is doubled, and a run that waits is woken all the same."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from deployments.approvals.clicks import read_click
from deployments.approvals.inbox import Inbox
from deployments.twin.aws import FaultRule
from deployments.twin.processes import Child, Processes
from tasks.asks import Vote, cast_vote, record_answer
from tasks.models import Answer, Ask
from tests.deployments.approvals_room import KIM, LEE, PATIENCE_S, RULES, NewRoom, Room, open_service, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]

ROOT = Path(__file__).parents[2]
KILLED_AFTER_S = (0.0, 0.03, 0.08, 0.2)

Serve = Callable[[Room], Child]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start the real service as its own process, as a supervisor does, and tell Slack where it is."""
    with Processes() as processes:
        numbers = iter(range(100))

        def start(room: Room) -> Child:
            port_file = tmp_path / f"port-{next(numbers)}"
            ours = ("GREENFLOW_", "AWS_", "SLACK_")
            variables = {name: value for name, value in os.environ.items() if name.startswith(ours)}
            argv = [sys.executable, "-m", "deployments.approvals", "--environment", "rehearsal"]
            child = processes.start(
                [*argv, "--port-file", str(port_file)],
                env={**variables, "PYTHONPATH": str(ROOT)},
                log=tmp_path / "service.log",
                name="approvals",
            )
            child.await_ready(port_file.exists, PATIENCE_S)
            room.url = f"http://127.0.0.1:{port_file.read_text()}"
            room.slack.interactivity_url = f"{room.url}/slack/interactivity"
            return child

        yield start


@pytest.fixture
def closed(new_room: NewRoom) -> Room:
    """A release that asks while the service is down."""
    return new_room(is_closed=True)


def kept(room: Room, ask: Ask, action: str = "approve", user: str = LEE, age: timedelta = timedelta()) -> None:
    """Leave what a process leaves that was killed between keeping a click and deciding about it."""
    click = read_click(room.payload(ask, action, user))
    assert click
    assert Inbox(room.settings).keep(click.model_copy(update={"at": datetime.now(UTC) - age}))


def test_a_click_that_was_kept_and_not_decided_is_decided_by_the_next_process(closed: Room) -> None:
    ask = closed.ask()
    kept(closed, ask)
    with open_service(closed):
        answer = closed.awaits_answer(ask)
        assert (answer.decision, answer.by) == ("approve", LEE)
        until(lambda: "run-1" in closed.woken, "the run being woken")


def test_it_is_decided_by_the_rules_of_now(closed: Room) -> None:
    ask = closed.ask()
    kept(closed, ask)
    closed.member(LEE, deleted=True)
    with open_service(closed):
        until(lambda: any(key.endswith(".done.json") for key in closed.keys(f"asks/{ask.nonce}/clicks/")), "a decision")
    closed.assert_untouched(ask)


def test_a_click_that_nobody_answered_for_long_is_not_taken_up(closed: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = closed.ask()
    kept(closed, ask, age=timedelta(minutes=10))
    with caplog.at_level("INFO"), open_service(closed):
        until(lambda: "an earlier process was killed over" in caplog.text, "the look")
    closed.assert_untouched(ask)


def test_a_rollback_that_was_kept_and_not_decided_is_decided(closed: Room) -> None:
    ask = closed.ask()
    kept(closed, ask, "roll_back", KIM)
    with open_service(closed):
        assert closed.awaits_answer(ask).decision == "roll_back"
        until(lambda: closed.stop() is not None, "the wish to stop")


def test_an_answer_that_was_recorded_and_not_told_to_the_run_wakes_it(closed: Room) -> None:
    ask = closed.ask()
    now = datetime.now(UTC)
    record_answer(closed.settings, Answer(nonce=ask.nonce, decision="approve", by=LEE, door="slack", at=now))
    with open_service(closed):
        until(lambda: closed.woken.count("run-1") > 1, "the run being woken, and again while it does not say so")
        closed.close(ask)
        threading.Event().wait(0.3)
        seen = len(closed.woken)
        threading.Event().wait(0.3)
        assert len(closed.woken) == seen


def test_a_quorum_whose_answer_was_not_written_is_settled(new_room: NewRoom) -> None:
    room = new_room(f"{RULES}\nquorum = 2", is_closed=True)
    ask = room.ask(quorum=2)
    for user in (LEE, KIM):
        cast_vote(room.settings, Vote(nonce=ask.nonce, by=user, door="slack", at=datetime.now(UTC)))
    with open_service(room):
        assert room.awaits_answer(ask).voters == (LEE, KIM)


def test_a_question_that_was_asked_while_the_service_was_down_is_answered_after(closed: Room) -> None:
    ask = closed.ask()
    with open_service(closed):
        closed.press(ask, "approve", LEE)
        assert closed.awaits_answer(ask).by == LEE


def test_the_service_killed_while_it_decides_loses_nothing_that_it_acknowledged(closed: Room, serve: Serve) -> None:
    ask = closed.ask()
    child = serve(closed)
    until(lambda: httpx.get(f"{closed.url}/healthz").json()["environments"]["rehearsal"]["asking"], "the open question")
    stuck = FaultRule("delay", "s3", "GetObject", {"Key": f"asks/{ask.nonce}/answer.json"}, count=None, delay_s=2)
    closed.aws.faults.add(stuck)
    closed.press(ask, "approve", LEE)
    child.kill()
    closed.aws.faults.clear()
    assert closed.answer(ask) is None
    serve(closed)
    assert closed.awaits_answer(ask).by == LEE


def test_the_service_killed_at_any_point_doubles_nothing_and_loses_no_acknowledged_click(
    closed: Room, serve: Serve
) -> None:
    child = serve(closed)
    for wait_s in KILLED_AFTER_S:
        ask = closed.ask()
        payload = closed.payload(ask)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(closed.slack.people.send, payload)
            threading.Event().wait(wait_s)
            child.kill()
            was_acknowledged = sent.result().status == 200
        child = serve(closed)
        if not was_acknowledged:
            closed.press(ask, "approve", LEE)
        answer = closed.awaits_answer(ask)
        assert (answer.decision, answer.by) == ("approve", LEE)
        assert closed.keys(f"asks/{ask.nonce}/answer") == [f"asks/{ask.nonce}/answer.json"]
        closed.close(ask)


def test_the_service_without_a_slack_says_so_and_starts(closed: Room, serve: Serve) -> None:
    closed.slack.down = True
    serve(closed)
    assert httpx.get(f"{closed.url}/healthz").status_code == 200
    closed.slack.down = False
    ask = closed.ask()
    closed.press(ask, "approve", LEE)
    assert closed.awaits_answer(ask).by == LEE


def test_an_environment_that_is_not_there_ends_the_service_with_one_line(tmp_path: Path) -> None:
    with Processes() as processes:
        argv = [sys.executable, "-m", "deployments.approvals", "--environment", "prod"]
        log = tmp_path / "service.log"
        child = processes.start(argv, env={"PYTHONPATH": str(ROOT)}, log=log, name="approvals")
        assert child.wait(60) == 2
        assert log.read_text().startswith("environment: found 'prod', expected one of ")
        assert "Traceback" not in log.read_text()


POINTS = {
    "before the click is kept": ("PutObject", "asks/{nonce}/clicks/*.click.json", "delay"),
    "while the question is looked up": ("GetObject", "asks/{nonce}/ask.json", "delay"),
    "while its answer is looked up": ("GetObject", "asks/{nonce}/answer.json", "delay"),
    "before the answer is written": ("PutObject", "asks/{nonce}/answer.json", "delay"),
    "after the answer was written and before that was heard": ("PutObject", "asks/{nonce}/answer.json", "lost_answer"),
    "before the click is ticked off": ("PutObject", "asks/{nonce}/clicks/*.done.json", "delay"),
}
STUCK_S = 5.0


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_the_service_killed_at_each_of_its_calls_loses_and_doubles_nothing(
    closed: Room, serve: Serve, point: str
) -> None:
    operation, key, kind = POINTS[point]
    ask, child = closed.ask(), serve(closed)
    payload = closed.payload(ask)
    stuck = FaultRule(kind, "s3", operation, {"Key": key.format(nonce=ask.nonce)}, count=None, delay_s=STUCK_S)
    closed.aws.faults.add(stuck)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(closed.slack.people.send, payload)
        until(lambda: stuck.hits > 0, "the call", lambda: closed.aws.calls.since()[-5:])
        child.kill()
        closed.aws.faults.clear()
        was_acknowledged = sent.result().status == 200
    serve(closed)
    if not was_acknowledged and closed.answer(ask) is None:
        closed.press(ask, "approve", LEE)
    answer = closed.awaits_answer(ask)
    assert (answer.decision, answer.by) == ("approve", LEE)
    assert closed.keys(f"asks/{ask.nonce}/answer") == [f"asks/{ask.nonce}/answer.json"]
