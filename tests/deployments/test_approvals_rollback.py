"""Roll back now: any allowed person, at any time, whether or not something is being asked."""

from datetime import UTC, datetime

import pytest

from deployments.operate import call_back
from flows.core.answer_words import Did
from flows.core.answers import Why
from flows.core.record import Ending
from tasks.announcements import close_thread
from tasks.errors import GateRefused
from tasks.ledger import note
from tests.conftest import LEDGER_ACCOUNT
from tests.deployments.approvals_room import KIM, LEE, PARK, RULES, STRANGER, NewRoom, Room, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]

NOW = "roll_back_now"


def press(room: Room, user: str) -> None:
    parent = room.slack.messages[0]
    assert room.slack.click(parent["ts"], NOW, user).status == 200


def test_the_releases_own_message_brings_it_home_while_nothing_is_asked(room: Room) -> None:
    room.open_thread()
    press(room, LEE)
    room.hears(LEE, Did.STOP_ASKED)
    stop = room.stop()
    assert stop
    assert (stop.by, stop.door) == (LEE, "slack")
    parent = room.slack.messages[0]
    assert room.buttons(parent) == []
    assert "Release 1.1.0 to rehearsal" in room.text(parent)
    assert "was asked to bring its traffic home" in room.text(parent)


def test_it_also_answers_what_is_being_asked_and_wakes_the_run(room: Room) -> None:
    room.open_thread()
    ask = room.ask()
    press(room, LEE)
    assert room.awaits_answer(ask).decision == "roll_back"
    until(lambda: "run-1" in room.woken, "the run being woken")


def test_a_question_has_the_same_button(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "roll_back", LEE)
    room.hears(LEE, Did.STOP_ASKED)
    answer, stop = room.awaits_answer(ask), room.stop()
    assert stop
    assert (answer.decision, answer.by, stop.by) == ("roll_back", LEE, LEE)
    assert room.buttons(room.message(ask)) == []
    assert f"Rollback asked for by <@{LEE}>" in room.text(room.message(ask))


def test_after_a_yes_the_button_still_brings_the_release_home(room: Room) -> None:
    ask = room.ask()
    late = room.payload(ask, "roll_back", KIM)
    room.press(ask, "approve", LEE)
    room.awaits_answer(ask)
    room.send(late)
    room.hears(KIM, Did.STOP_ASKED)
    stop = room.stop()
    assert stop
    assert stop.by == KIM
    assert room.awaits_answer(ask).decision == "approve"


def test_an_expired_question_still_brings_the_release_home(room: Room) -> None:
    now = datetime.now(UTC)
    ask = room.ask(asked_at=now, expires_at=now)
    room.press(ask, "roll_back", LEE)
    room.hears(LEE, Did.STOP_ASKED)
    assert room.stop()


def test_a_stranger_brings_nothing_home(room: Room) -> None:
    room.open_thread()
    ask = room.ask()
    press(room, STRANGER)
    room.hears(STRANGER, Why.NOT_ALLOWED)
    room.assert_untouched(ask)
    assert room.buttons(room.slack.messages[0]) == [NOW]


def test_the_second_who_asks_is_told_who_was_first(room: Room) -> None:
    room.open_thread()
    parent = room.slack.messages[0]["ts"]
    late = room.slack.people.click_payload(parent, NOW, KIM)
    press(room, LEE)
    room.hears(LEE, Did.STOP_ASKED)
    room.send(late)
    assert room.hears(KIM, Did.STOP_ASKED_BEFORE).startswith(f"{LEE} has asked for this already")
    stop = room.stop()
    assert stop
    assert stop.by == LEE


@pytest.mark.parametrize("value", ["1.0.9-other", "", "../../locks/rehearsal", "0" * 32])
def test_another_release_is_not_brought_home_by_this_button(room: Room, value: str) -> None:
    parent, ask = room.open_thread(), room.ask()
    action = {"type": "button", "action_id": NOW, "value": value, "block_id": "release", "action_ts": "1.5"}
    room.send(room.slack.people.payload_of(parent["ts"], action, LEE))
    until(lambda: len(room.told(LEE)) == 1, "the refusal")
    room.assert_untouched(ask)


def test_a_release_that_is_over_is_not_brought_home_and_its_button_goes(room: Room) -> None:
    room.open_thread()
    note("release.ended", {"ending": Ending.SHIPPED, "reason": "100 %"})
    press(room, LEE)
    room.hears(LEE, Why.OVER)
    assert room.stop() is None
    assert room.buttons(room.slack.messages[0]) == []


def test_a_release_whose_process_died_says_how_to_bring_it_home(new_room: NewRoom) -> None:
    room = new_room(LEDGER__LEASE_S="3", AWS__REQUEST_TIMEOUT_S="1")
    room.open_thread()
    room.die()
    press(room, LEE)
    assert "greenflow rollback --environment rehearsal" in room.hears(LEE, Did.NOBODY_HEARS)
    assert room.stop()


def test_the_command_line_brings_it_home_by_the_same_rules(new_room: NewRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.operate._wake", lambda *_: True)
    operator = f"arn:aws:sts::{LEDGER_ACCOUNT}:user/moto"
    room = new_room(f"{RULES}\n[approval.people]\n'{operator}' = '{PARK}'")
    ask = room.ask()
    assert call_back(room.settings, "data looks wrong")
    stop, answer = room.stop(), room.awaits_answer(ask)
    assert stop
    assert (stop.by, stop.door, stop.reason, answer.decision) == (PARK, "cli", "data looks wrong", "roll_back")


def test_the_command_line_refuses_whom_nobody_named(room: Room) -> None:
    ask = room.ask()
    with pytest.raises(GateRefused, match="rollback refused: You are not on rehearsal's list"):
        call_back(room.settings, "let me")
    room.assert_untouched(ask)


def test_when_a_release_is_over_its_message_says_how_and_has_no_button(room: Room) -> None:
    room.open_thread()
    assert close_thread(room.settings, "1.1.0-test", "Release 1.1.0 shipped")
    parent = room.slack.messages[0]
    assert room.buttons(parent) == []
    assert "Release 1.1.0 shipped" in room.text(parent)
