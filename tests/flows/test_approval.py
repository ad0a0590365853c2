"""What ends the wait for people, and what does not (safety I19 to I21, I27, I28); without Prefect it waits as well."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar

import pytest

from flows.approval import Question, ask_people
from flows.core.record import fold
from flows.core.rollout import JUDGE, Rollout, State
from tasks.asks import find_ask, record_answer
from tasks.ledger import note
from tasks.models import Answer, Ask
from tasks.settings import load_settings
from tasks.stops import Stop, ask_to_stop
from tasks.waits import request_stop
from tests.deployments.approvals_room import KIM, LEE, PARK, RULES, NewRoom, Room, until
from tests.flows.asking_run import PLAN

pytest_plugins = ["tests.deployments.approvals_fixtures"]

AT_10 = Rollout(phases=(10, 50, 100), state=State.ASKING, phase=0)
AT_50 = Rollout(phases=(10, 50, 100), state=State.ASKING, phase=1)


@pytest.fixture
def asker(new_room: NewRoom) -> Iterator["Asker"]:
    with ExitStack() as stack:
        yield Asker(new_room, stack)


class Asker:
    """Ask in this thread while a person's part is played in another."""

    def __init__(self, new_room: NewRoom, stack: ExitStack) -> None:
        self._new_room = new_room
        self._pool = stack.enter_context(ThreadPoolExecutor(1))
        self.room: Room

    def open(self, rules: str = "", **overrides: str) -> Room:
        self.room = self._new_room(f"{RULES}\n{rules}", is_closed=True, **overrides)
        return self.room

    def question(self, rollout: Rollout = AT_10) -> Question:
        settings = load_settings("rehearsal")
        return Question(settings, PLAN, rollout, "sha256:" + "d" * 64, 1, "", ("errors 1/610 against 6/5,490",))

    def ask(
        self, person: Callable[[Ask], object], *, watch: Callable[[], str] = lambda: "", rollout: Rollout = AT_10
    ) -> Answer:
        played = self._pool.submit(lambda: person(self.open_ask()))
        answer = ask_people(self.question(rollout), watch=watch)
        played.result()
        return answer

    def open_ask(self) -> Ask:
        until(lambda: fold(self.room.ledger.events).open_ask is not None, "an open question")
        ask = fold(self.room.ledger.events).open_ask
        assert ask
        return ask

    def record(self, ask: Ask, **changes: Any) -> None:
        answer = Answer(nonce=ask.nonce, decision="approve", by=LEE, door="slack", at=datetime.now(UTC))
        record_answer(self.room.settings, answer.model_copy(update=changes))

    def posted(self, ask: Ask) -> bool:
        return any(ask.nonce in str(message) for message in self.room.slack.messages)


def nobody(_: Ask) -> None:
    """Say nothing."""


def test_a_recorded_yes_ends_the_wait_and_stands_in_the_ledger(asker: Asker) -> None:
    room = asker.open()
    answer = asker.ask(asker.record)
    assert (answer.decision, answer.by) == ("approve", LEE)
    kinds = [event.kind for event in room.ledger.events if event.kind.startswith("ask.")]
    assert kinds == ["ask.opened", "ask.answered"]


def test_silence_is_a_no_and_the_message_says_so(asker: Asker) -> None:
    room = asker.open("expires_s = 1")
    answer = asker.ask(nobody)
    assert (answer.decision, answer.by, answer.door) == ("expired", "clock", "clock")
    assert "Expired, which is a no, by clock" in room.text(room.slack.messages[-1])
    assert room.buttons(room.slack.messages[-1]) == []


def test_the_judges_no_does_not_wait_for_people(asker: Asker) -> None:
    asker.open()
    answer = asker.ask(nobody, watch=lambda: "errors 31/610")
    assert (answer.decision, answer.by, answer.reason) == ("roll_back", JUDGE, "errors 31/610")


def test_a_person_who_wants_the_release_home_is_heard_as_themselves(asker: Asker) -> None:
    room = asker.open()

    def stop(ask: Ask) -> None:
        wish = Stop(by=KIM, reason="data looks wrong", at=datetime.now(UTC), door="slack")
        ask_to_stop(room.settings, ask.release_id, wish)

    answer = asker.ask(stop)
    assert (answer.decision, answer.by, answer.door) == ("roll_back", KIM, "slack")


def test_a_signal_ends_the_wait(asker: Asker) -> None:
    asker.open()
    answer = asker.ask(lambda _: request_stop())
    assert (answer.decision, answer.by) == ("interrupted", "signal")


def test_a_watch_that_breaks_ends_the_wait_with_its_error(asker: Asker) -> None:
    asker.open()

    def broken() -> str:
        msg = "the metrics are gone"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="the metrics are gone"):
        asker.ask(nobody, watch=broken)


FORGED: list[dict[str, Any]] = [
    {"by": "U0STRANGER"},
    {"by": LEE, "door": "judge"},
    {"by": LEE, "door": "ui"},
    {"by": LEE, "voters": (LEE, "U0STRANGER")},
]


@pytest.mark.parametrize("forged", FORGED)
def test_a_yes_that_nobody_who_was_asked_has_given_opens_no_gate(asker: Asker, forged: dict[str, Any]) -> None:
    asker.open()
    assert asker.ask(lambda ask: asker.record(ask, **forged)).decision == "unverified"


def test_a_yes_of_too_few_opens_no_gate(asker: Asker) -> None:
    asker.open("quorum = 2")
    assert asker.ask(lambda ask: asker.record(ask, voters=(LEE,))).decision == "unverified"


def test_a_yes_of_enough_opens_the_gate(asker: Asker) -> None:
    asker.open("quorum = 2")
    answer = asker.ask(lambda ask: asker.record(ask, by=KIM, voters=(LEE, KIM)))
    assert answer.decision == "approve"


def test_each_weight_is_asked_about_by_its_own_rules(asker: Asker) -> None:
    room = asker.open(f"[approval.phases.100]\napprovers = ['{PARK}', '{KIM}']\nquorum = 2\nexpires_s = 60")
    asked: list[Ask] = []

    def answer(ask: Ask) -> None:
        asked.append(ask)
        asker.record(ask, decision="reject")

    for rollout in (AT_10, AT_50):
        asker.ask(answer, rollout=rollout)
    half, whole = asked
    assert (half.to_weight, half.quorum, set(half.allowed)) == (50, 1, set(room.settings.approval.approvers))
    assert (whole.to_weight, whole.quorum, set(whole.allowed)) == (100, 2, {PARK, KIM})
    assert (whole.expires_at - whole.asked_at).total_seconds() == 60
    assert len(whole.shown_sha256) == 64
    assert whole.commit == PLAN.commit


def test_a_slack_that_is_down_while_asking_is_asked_again_when_it_is_back(asker: Asker) -> None:
    room = asker.open("repost_s = 0.2")
    room.slack.down = True

    def come_back(ask: Ask) -> None:
        threading.Event().wait(0.5)
        assert not asker.posted(ask)
        room.slack.down = False
        until(lambda: asker.posted(ask), "the question in Slack")
        asker.record(ask)

    assert asker.ask(come_back).decision == "approve"
    assert len([message for message in room.slack.messages if room.buttons(message)]) == 0


def test_a_slack_that_stays_down_changes_neither_the_yes_nor_the_no(asker: Asker) -> None:
    room = asker.open("expires_s = 1")
    room.slack.down = True
    assert asker.ask(asker.record).decision == "approve"
    assert asker.ask(nobody).decision == "expired"


def test_what_an_earlier_process_asked_is_answered_and_closed(asker: Asker) -> None:
    room = asker.open()
    left = room.ask()
    opened = {"version": "1.1.0", "environment": "rehearsal", "requested_by": "x", "flow_run_id": "run"}
    note("release.opened", opened)
    asker.ask(asker.record)
    answer = room.answer(left)
    assert answer
    assert (answer.decision, answer.by) == ("interrupted", "restart")
    assert room.buttons(room.message(left)) == []


def test_a_yes_to_what_an_earlier_process_asked_stays_a_yes_to_that_alone(asker: Asker) -> None:
    room = asker.open()
    left = room.ask()
    asker.record(left)
    opened = {"version": "1.1.0", "environment": "rehearsal", "requested_by": "x", "flow_run_id": "run"}
    note("release.opened", opened)
    answer = asker.ask(lambda ask: asker.record(ask, decision="reject"))
    assert answer.nonce != left.nonce
    assert answer.decision == "reject"
    kept = room.answer(left)
    assert kept
    assert kept.decision == "approve"


class Jumping(datetime):
    """A wall clock that somebody sets."""

    by: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Jumping":
        return super().now(tz) + cls.by


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_wall_clock_that_jumps_neither_ends_nor_prolongs_an_ask(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    room = asker.open("expires_s = 2")
    monkeypatch.setattr("flows.approval.datetime", Jumping)
    monkeypatch.setattr(Jumping, "by", timedelta())

    def set_clock(ask: Ask) -> None:
        Jumping.by = jump
        threading.Event().wait(0.6)
        found = find_ask(room.settings, ask.nonce)
        assert found
        assert not found.expired
        assert room.answer(ask) is None

    began_s = time.monotonic()
    assert asker.ask(set_clock).decision == "expired"
    assert 1.8 < time.monotonic() - began_s < 5
