"""Which question an answer is for: only the open one, once, in its time (safety I19, I21, I27)."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from deployments.twin.aws import FaultRule
from flows.core.answer_words import Did
from flows.core.answers import Why
from flows.core.record import Ending
from tasks.asks import record_answer
from tasks.ledger import note
from tasks.lock import lock_key
from tasks.models import Answer, Ask
from tests.deployments.approvals_room import KIM, LEE, PARK, NewRoom, Room, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]

PEOPLE = 50


def with_value(room: Room, ask: Ask, value: str, action: str = "approve") -> dict[str, object]:
    pressed = {"type": "button", "action_id": action, "value": value, "block_id": "ask", "action_ts": "1763872000.1"}
    return room.payload(ask, actions=[pressed])


@pytest.mark.parametrize(
    "value",
    [
        "0" * 32,
        "",
        "../../locks/rehearsal",
        "G" * 32,
        "0" * 31,
        "releases/1.1.0-test/events/000001",
        "\u0660" * 32,
        "a" * 32 + "\n",
    ],
)
@pytest.mark.parametrize("action", ["approve", "roll_back"])
def test_a_guessed_nonce_is_refused(room: Room, value: str, action: str) -> None:
    ask = room.ask()
    assert room.send(with_value(room, ask, value, action)).status_code == 200
    room.hears(LEE, Why.UNKNOWN_ASK)
    room.assert_untouched(ask)


@pytest.mark.parametrize("action", ["launch", "", "expired", "interrupted"])
def test_a_button_that_we_never_made_is_refused(room: Room, action: str) -> None:
    ask = room.ask()
    room.send(with_value(room, ask, ask.nonce, action))
    room.hears(LEE, Why.UNKNOWN_BUTTON)
    room.assert_untouched(ask)


def test_the_roll_calls_button_under_an_ask_answers_nothing(room: Room) -> None:
    ask = room.ask()
    room.send(with_value(room, ask, ask.nonce, "on_duty"))
    room.hears(LEE, Why.UNKNOWN_ASK)
    room.assert_untouched(ask)


def test_an_expired_question_is_refused(room: Room) -> None:
    now = datetime.now(UTC)
    ask = room.ask(asked_at=now, expires_at=now)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.EXPIRED)
    room.assert_untouched(ask)


def test_a_clock_of_ours_that_is_wrong_neither_shortens_nor_lengthens_an_ask(room: Room) -> None:
    """The asker's clock is a day behind, or a day ahead: the store says how old a question is."""
    for wrong in (timedelta(days=-1), timedelta(days=1)):
        asked = datetime.now(UTC) + wrong
        ask = room.ask(asked_at=asked, expires_at=asked + timedelta(hours=1))
        room.press(ask, "approve", LEE)
        assert room.awaits_answer(ask).by == LEE
        note("ask.answered", {"answer": room.awaits_answer(ask).model_dump(mode="json")})
        over = room.ask(asked_at=asked, expires_at=asked)
        room.press(over, "approve", KIM)
        room.hears(KIM, Why.EXPIRED)
        assert room.answer(over) is None


def test_an_earlier_question_of_the_same_release_is_refused_and_loses_its_buttons(room: Room) -> None:
    stale = room.ask()
    opened = {"version": "1.1.0", "environment": "rehearsal", "requested_by": "x", "flow_run_id": "run"}
    note("release.opened", opened)  # the process died and went on: the canary starts over and asks anew
    fresh = room.ask()
    room.press(stale, "approve", LEE)
    room.hears(LEE, Why.STALE)
    assert (room.answer(stale), room.answer(fresh), room.woken) == (None, None, [])
    assert room.buttons(room.message(stale)) == []
    room.press(fresh, "approve", LEE)
    assert room.awaits_answer(fresh).by == LEE


def test_a_question_of_a_release_that_is_over_is_refused_and_loses_its_buttons(room: Room) -> None:
    ask = room.ask()
    note("release.ended", {"ending": Ending.ROLLED_BACK, "reason": "errors 31/610"})
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.OVER)
    assert (room.answer(ask), room.stop(), room.woken) == (None, None, [])
    assert room.buttons(room.message(ask)) == []


def test_a_question_of_another_environment_is_not_known_here(room: Room) -> None:
    ask = room.ask(environment="production")
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.UNKNOWN_ASK)
    room.assert_untouched(ask)


def test_a_release_whose_process_died_hears_no_approval(new_room: NewRoom) -> None:
    room = new_room(LEDGER__LEASE_S="3", AWS__REQUEST_TIMEOUT_S="1")
    ask = room.ask()
    room.die()
    room.press(ask, "approve", LEE)
    assert "greenflow rollback --environment rehearsal" in room.hears(LEE, Why.SILENT)
    room.assert_untouched(ask)


def test_a_second_click_is_told_who_answered(room: Room) -> None:
    ask = room.ask()
    first, second = room.payload(ask), room.payload(ask, user=KIM)
    room.send(first)
    room.awaits_answer(ask)
    room.send(second)
    assert room.hears(KIM, Why.ANSWERED).startswith(f"{LEE} has answered already: approve.")
    assert room.awaits_answer(ask).by == LEE


def test_a_double_click_counts_once(room: Room) -> None:
    ask = room.ask()
    pressed = [room.payload(ask) for _ in range(2)]
    for payload in pressed:
        room.send(payload)
    room.hears(LEE, Did.APPROVED)
    until(lambda: len(room.told(LEE)) == 2, "the second click's answer")
    assert room.awaits_answer(ask).by == LEE


def test_the_clocks_no_that_came_first_stands(room: Room) -> None:
    ask = room.ask()
    now = datetime.now(UTC)
    record_answer(room.settings, Answer(nonce=ask.nonce, decision="expired", by="clock", door="clock", at=now))
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.ANSWERED)
    assert room.awaits_answer(ask).decision == "expired"
    assert room.buttons(room.message(ask)) == []


def test_of_fifty_people_who_press_at_once_one_answer_counts(new_room: NewRoom) -> None:
    crowd = [f"U0PERSON{number:02d}" for number in range(PEOPLE)]
    room = new_room(f"approvers = {crowd}\npoll_s = 0.2")
    for user in crowd:
        room.member(user)
    ask = room.ask(allowed=tuple(crowd))
    pressed = [room.payload(ask, "approve" if number % 2 else "roll_back", user) for number, user in enumerate(crowd)]
    with ThreadPoolExecutor(PEOPLE) as pool:
        answers = list(pool.map(room.send, pressed))
    assert {answer.status_code for answer in answers} == {200}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 3
    until(lambda: all(room.told(user) for user in crowd), "everybody being told")
    counted = room.awaits_answer(ask)
    said_yes = [user for user in crowd if room.told(user)[0].startswith("Approved")]
    assert said_yes == ([counted.by] if counted.decision == "approve" else [])
    assert room.keys(f"asks/{ask.nonce}/answer") == [f"asks/{ask.nonce}/answer.json"]
    assert room.buttons(room.message(ask)) == []


def test_a_ledger_that_is_slow_delays_the_decision_and_not_the_acknowledgement(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask)
    slow = room.aws.faults.add(FaultRule("delay", "s3", "PutObject", {"Key": "asks/*"}, count=1, delay_s=3.5))
    answer = room.send(payload)
    room.aws.faults.clear(slow.id)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 3
    assert room.awaits_answer(ask).by == LEE


def test_a_ledger_that_is_down_is_told_and_the_next_click_counts(new_room: NewRoom) -> None:
    room = new_room(AWS__REQUEST_TIMEOUT_S="1")
    ask = room.ask()
    payload = room.payload(ask)
    fault = room.aws.faults.add(FaultRule("500_before", "s3", "*", {"Key": "asks/*"}, count=None))
    assert room.send(payload).status_code == 200
    room.hears(LEE, Why.UNSURE)
    room.aws.faults.clear(fault.id)
    room.assert_untouched(ask)
    room.press(ask, "approve", LEE)
    assert room.awaits_answer(ask).by == LEE


def test_an_answer_whose_writing_was_not_confirmed_is_found_again(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask)
    room.aws.faults.add(FaultRule("lost_answer", "s3", "PutObject", {"Key": f"asks/{ask.nonce}/answer.json"}))
    room.send(payload)
    assert room.awaits_answer(ask).by == LEE
    until(lambda: "run-1" in room.woken, "the run being woken")


def test_a_reject_asks_for_its_reason_and_is_recorded_with_it(room: Room) -> None:
    ask = room.ask()
    room.slack.person.user_id, room.slack.person.reason = KIM, "p95 is   too high\n\x07 for us"
    room.press(ask, "reject", KIM)
    answer = room.awaits_answer(ask)
    assert (answer.decision, answer.by, answer.reason) == ("reject", KIM, "p95 is too high for us")
    room.hears(KIM, Did.REJECTED)
    message = room.text(room.message(ask))
    assert "p95 is too high" in message
    assert room.buttons(room.message(ask)) == []


def test_a_form_that_nobody_submits_rejects_nothing(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "reject", LEE)
    until(lambda: bool(room.slack.workspace.views), "the form")
    room.assert_untouched(ask)


def test_a_form_is_looked_at_again_when_it_is_submitted(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "reject", LEE)
    until(lambda: bool(room.slack.workspace.views), "the form")
    opened = room.slack.workspace.views[-1]
    room.member(LEE, guest=True)
    room.slack.people.submit(opened, "no")
    room.hears(LEE, Why.GUEST)
    room.assert_untouched(ask)


def test_a_form_whose_question_was_answered_meanwhile_changes_nothing(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "reject", LEE)
    until(lambda: bool(room.slack.workspace.views), "the form")
    room.press(ask, "approve", KIM)
    room.awaits_answer(ask)
    room.slack.people.submit(room.slack.workspace.views[-1], "no")
    room.hears(LEE, Why.ANSWERED)
    assert room.awaits_answer(ask).decision == "approve"


def test_somebody_elses_form_is_their_own(room: Room) -> None:
    """A form that a stranger submits as theirs is decided by who they are, not by who opened it."""
    ask = room.ask()
    room.press(ask, "reject", LEE)
    until(lambda: bool(room.slack.workspace.views), "the form")
    room.slack.people.submit({**room.slack.workspace.views[-1], "user": "U0STRANGER"}, "no")
    until(lambda: len(room.slack.workspace.ephemerals) == 1, "the refusal")
    room.assert_untouched(ask)


def test_a_form_that_slack_does_not_open_is_told(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask, "reject", LEE, trigger_id="1.2.guessed")
    room.send(payload)
    room.hears(LEE, Why.UNSURE)
    room.assert_untouched(ask)


def test_an_answer_to_a_message_whose_address_is_used_up_still_counts(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask, response_url=f"{room.slack.url.removesuffix('/api/')}/actions/T0GREENFLOW/used")
    room.send(payload)
    assert room.awaits_answer(ask).by == LEE


def test_an_address_that_is_not_slacks_is_never_called(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    room.send(room.payload(ask, response_url="http://169.254.169.254/latest/meta-data/"))
    assert room.awaits_answer(ask).by == LEE
    until(lambda: "its address is not Slack's" in caplog.text, "the refusal in the log")


def test_the_address_of_a_conversation_is_kept_nowhere(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask)
    room.send(payload)
    room.awaits_answer(ask)
    until(lambda: len(room.keys(f"asks/{ask.nonce}/clicks/")) == 2, "the click and its end")
    client = room.aws.client("s3")
    bucket = os.environ["GREENFLOW_LEDGER__BUCKET"]
    for key in room.keys("asks/"):
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        assert payload["response_url"] not in body
        assert payload["trigger_id"] not in body


def test_the_lock_is_never_written_by_the_service(room: Room) -> None:
    before = room.aws.client("s3").head_object(Bucket=os.environ["GREENFLOW_LEDGER__BUCKET"], Key=lock_key("rehearsal"))
    assert before["ETag"]
    ask = room.ask()
    seq = len(room.ledger.events)
    room.press(ask, "approve", PARK)
    room.awaits_answer(ask)
    assert len(room.keys("releases/1.1.0-test/events/")) == seq


def test_one_question_after_the_other_is_answered_by_its_own_click(room: Room) -> None:
    for weight in (50, 100):
        ask = room.ask(to_weight=weight)
        room.press(ask, "approve", LEE)
        answer = room.awaits_answer(ask)
        note("ask.answered", {"answer": answer.model_dump(mode="json")})
        assert answer.nonce == ask.nonce
