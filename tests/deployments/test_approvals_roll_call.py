"""The roll call: three different people who may say so, by button or at the command line, through every crash."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.operate import be_on_duty
from deployments.twin.slack_channel import Member
from flows.core.answer_words import Did
from flows.core.answers import Why
from tasks.announcements import post_roll_call
from tasks.approval_policy import ApprovalSettings, RollCallSettings
from tasks.errors import GateRefused, Interrupted
from tasks.ledger import note
from tasks.models import Outcome, ReleasePlan, RollCall, Side
from tasks.presence import read_present, store_roll_call
from tasks.roll_call import RollCallProof, call_roll
from tasks.settings import load_settings
from tasks.stops import Stop, ask_to_stop
from tests.conftest import LEDGER_ACCOUNT
from tests.deployments.approvals_room import (
    APPROVERS,
    KIM,
    LEE,
    PARK,
    RELEASE,
    REQUESTER,
    RULES,
    STRANGER,
    NewRoom,
    Room,
    open_service,
    until,
)

pytest_plugins = ["tests.deployments.approvals_fixtures"]

THREE = f"{RULES}\n[approval.roll_call]\nneeded = 3\nwait_s = 30"
PLAN = ReleasePlan(
    release_id=RELEASE,
    version="1.1.0",
    environment="rehearsal",
    requested_by=REQUESTER,
    commit="c" * 40,
    stable=Side.A,
    candidate=Side.B,
    phases=(10, 50, 100),
)


def call(room: Room, **changes: Any) -> RollCall:
    """Call the people as a release does."""
    now = datetime.now(UTC)
    told = {
        "nonce": "ab" * 16,
        "release_id": RELEASE,
        "environment": "rehearsal",
        "version": "1.1.0",
        "requested_by": REQUESTER,
        "allowed": APPROVERS,
        "needed": 3,
        "asked_at": now,
        "expires_at": now + timedelta(minutes=10),
    }
    made = RollCall.model_validate({**told, **changes})
    store_roll_call(room.settings, made)
    note("roll_call.opened", {"roll_call": made.model_dump(mode="json")})
    assert post_roll_call(room.settings, made)
    return made


def message_of(room: Room) -> dict[str, Any]:
    return next(each for each in room.slack.messages if "/roll-call/" in str(each.get("metadata", {})))


def press(room: Room, user: str) -> None:
    assert room.slack.click(message_of(room)["ts"], "on_duty", user).status == 200


def present(room: Room, made: RollCall) -> list[str]:
    return [each.by for each in read_present(room.settings, made.nonce)]


@contextmanager
def releasing(room: Room, over: threading.Event | None = None) -> Iterator[Any]:
    """Run the stage beside the test, as a release runs it beside its preparation."""
    import contextvars  # noqa: PLC0415 - only here

    context = contextvars.copy_context()
    settings = load_settings("rehearsal")
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(context.run, call_roll.fn, settings, PLAN, over or threading.Event())


def called(room: Room) -> None:
    until(lambda: any("/roll-call/" in str(each.get("metadata", {})) for each in room.slack.messages), "the call")


def test_three_different_people_open_the_gate_and_the_message_names_them(new_room: NewRoom) -> None:
    room = new_room(THREE)
    with releasing(room) as stage:
        called(room)
        for user in (LEE, KIM):
            press(room, user)
            room.hears(user, Did.PRESENT)
        press(room, LEE)
        assert room.hears(LEE, Why.PRESENT) == "You are on duty already; 2 of 3 are. Nothing was changed."
        assert f"2 of 3 are on duty: <@{LEE}>, <@{KIM}>" in room.text(message_of(room))
        assert not stage.done()
        press(room, REQUESTER)  # who asked for the release may be on duty
        proof: RollCallProof = stage.result(20)
    (check,) = proof.checks
    assert check.outcome is Outcome.PASSED
    assert check.found.startswith(f"3: {LEE} (")
    assert [each.by for each in proof.present] == [LEE, KIM, REQUESTER]
    until(lambda: "actions" not in room.text(message_of(room)), "the button going")
    press_late = room.slack.people.payload_of(
        message_of(room)["ts"], {"type": "button", "action_id": "on_duty", "value": "ab" * 16, "action_ts": "1"}, PARK
    )
    room.send(press_late)
    room.hears(PARK, Why.UNKNOWN_ASK)


REFUSED: list[tuple[str, str, dict[str, Any], Why]] = [
    ("a stranger", STRANGER, {}, Why.NOT_ALLOWED),
    ("who joined the list since", PARK, {"allowed": (LEE, KIM)}, Why.NOT_ASKED),
    (
        "after its time",
        LEE,
        {"asked_at": datetime(2026, 1, 1, tzinfo=UTC), "expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
        Why.EXPIRED,
    ),
    ("for another release", LEE, {"release_id": "1.0.9-test"}, Why.OVER),
    ("of another environment", LEE, {"environment": "production"}, Why.UNKNOWN_ASK),
]


@pytest.mark.parametrize(("user", "changes", "why"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_whoever_does_not_count_is_told_privately(
    new_room: NewRoom, user: str, changes: dict[str, Any], why: Why
) -> None:
    room = new_room(THREE)
    made = call(room, **changes)
    press(room, user)
    room.hears(user, why)
    assert present(room, made) == []


def test_a_colleague_who_left_is_not_on_duty(new_room: NewRoom) -> None:
    room = new_room(THREE)
    made = call(room)
    room.slack.workspace.members[LEE] = Member("lee", deleted=True)
    press(room, LEE)
    room.hears(LEE, Why.DEACTIVATED)
    assert present(room, made) == []


def test_a_call_that_was_closed_counts_nobody_any_more(new_room: NewRoom) -> None:
    room = new_room(THREE)
    made = call(room)
    note("roll_call.closed", {"nonce": made.nonce, "present": []})
    press(room, LEE)
    room.hears(LEE, Why.CALLED)
    assert present(room, made) == []


def test_too_few_people_in_time_shut_the_gate_with_both_numbers(new_room: NewRoom) -> None:
    room = new_room(THREE.replace("wait_s = 30", "wait_s = 1.5"))
    with releasing(room) as stage:
        called(room)
        press(room, LEE)
        proof = stage.result(20)
    (check,) = proof.checks
    assert check.outcome is Outcome.FAILED
    assert "1: U0LEE (" in check.line
    assert "expected 3 of 4 who were asked" in check.line
    assert "1 of 3 people answered in time" in room.text(message_of(room))


def test_at_the_command_line_the_same_rules_hold(new_room: NewRoom) -> None:
    room = new_room(f"{THREE}\n[approval.people]\n'arn:aws:sts::{LEDGER_ACCOUNT}:user/moto' = '{LEE}'")
    with pytest.raises(GateRefused, match="calls nobody right now"):
        be_on_duty(load_settings("rehearsal"))
    made = call(room)
    assert be_on_duty(load_settings("rehearsal")) == "You are on duty: 1 of 3 are."
    with pytest.raises(GateRefused, match="on duty refused: You are on duty already"):
        be_on_duty(load_settings("rehearsal"))
    press(room, LEE)  # one person, one place, whatever the door
    room.hears(LEE, Why.PRESENT)
    assert present(room, made) == [LEE]


def test_a_slack_that_is_down_at_first_is_asked_again(new_room: NewRoom) -> None:
    room = new_room(THREE.replace("poll_s = 0.1", "poll_s = 0.1\nrepost_s = 0.2"))
    room.slack.down = True
    with releasing(room) as stage:
        until(lambda: bool(room.keys("asks/")), "the call in the store")
        room.slack.down = False
        called(room)
        for user in (LEE, KIM, PARK):
            press(room, user)
        assert not stage.result(20).failed


def test_a_release_that_turns_back_waits_for_nobody(new_room: NewRoom) -> None:
    room, over = new_room(THREE), threading.Event()
    with releasing(room, over) as stage:
        called(room)
        over.set()
        assert stage.result(20).failed
    assert "ended before everybody had answered" in room.text(message_of(room))


def test_a_wish_to_come_home_ends_the_call(new_room: NewRoom) -> None:
    room = new_room(THREE)
    with releasing(room) as stage:
        called(room)
        ask_to_stop(room.settings, RELEASE, Stop(by=LEE, reason="wrong version", at=datetime.now(UTC)))
        with pytest.raises(Interrupted, match="wrong version"):
            stage.result(20)


def test_a_release_that_goes_on_after_a_crash_goes_on_with_the_same_call(new_room: NewRoom) -> None:
    room = new_room(THREE)
    made = call(room)
    press(room, LEE)
    room.hears(LEE, Did.PRESENT)
    with releasing(room) as stage:
        for user in (KIM, PARK):
            press(room, user)
        proof = stage.result(20)
    assert [each.by for each in proof.present] == [LEE, KIM, PARK]
    assert [each["metadata"] for each in room.slack.messages if "/roll-call/" in str(each.get("metadata"))] != []
    assert len([each for each in room.slack.messages if "/roll-call/" in str(each.get("metadata"))]) == 1
    assert [event.data["nonce"] for event in room.ledger.events if event.kind == "roll_call.closed"] == [made.nonce]


def test_who_was_on_duty_in_this_shift_is_not_called_again(new_room: NewRoom) -> None:
    room = new_room(THREE)
    proof = RollCallProof(called_at=datetime.now(UTC) - timedelta(hours=1))
    told = proof.model_dump(mode="json")
    note("stage.finished", {"stage": "0 roll call of the people on duty", "took_s": 1, "evidence": told})
    with releasing(room) as stage:
        assert stage.result(20) == proof
    assert room.keys("asks/") == []


def test_a_click_that_the_killed_service_had_kept_counts_after_its_restart(new_room: NewRoom) -> None:
    from deployments.approvals.clicks import read_click  # noqa: PLC0415 - what the service does first
    from deployments.approvals.inbox import Inbox  # noqa: PLC0415

    room = new_room(THREE, is_closed=True)
    made = call(room)
    click = read_click(room.slack.people.click_payload(message_of(room)["ts"], "on_duty", LEE))
    assert click
    assert Inbox(room.settings).keep(click)
    with open_service(room):
        until(lambda: present(room, made) == [LEE], "the kept click counting")


def test_a_roll_call_that_is_off_says_so(new_room: NewRoom) -> None:
    room = new_room(RULES, is_closed=True)
    with releasing(room) as stage:
        (check,) = stage.result(20).checks
    assert check.outcome is Outcome.SKIPPED
    assert "approval.roll_call.needed is 0" in check.line


def test_a_roll_call_that_nobody_could_fill_is_refused_when_the_settings_are_read() -> None:
    with pytest.raises(ValidationError, match="a roll call of at most 2"):
        ApprovalSettings(approvers=("U0LEE", "U0KIM"), roll_call=RollCallSettings(needed=3))


def test_a_call_for_more_people_than_were_found_does_not_wait(new_room: NewRoom) -> None:
    room = new_room("approvers = ['S0GONE']\npoll_s = 0.1\n[approval.roll_call]\nneeded = 3", is_closed=True)
    with releasing(room) as stage:
        (check,) = stage.result(20).checks
    assert check.line == "people on duty: found nobody, expected 3 of 0 who were asked"
