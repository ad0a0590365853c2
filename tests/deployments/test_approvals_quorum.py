"""Policy: how many different people, who for which weight, and one voice a person at every door."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from deployments.approvals.answering import Answering, Wish
from deployments.approvals.watch import Watch
from deployments.operate import answer_ask
from flows.core.answer_words import Did
from flows.core.answers import Person, Refusal, Why
from tasks.approval_policy import ApprovalSettings, PhaseApproval
from tasks.asks import find_ask, read_votes
from tasks.errors import GateRefused
from tasks.models import Ask
from tasks.settings import Settings, load_settings
from tests.conftest import LEDGER_ACCOUNT
from tests.deployments.approvals_room import KIM, LEE, PARK, REQUESTER, RULES, STRANGER, NewRoom, Room, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]

TWO = f"{RULES}\nquorum = 2"
OPERATOR = f"arn:aws:sts::{LEDGER_ACCOUNT}:user/moto"


def test_the_first_of_two_is_counted_and_the_question_stays_open(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    assert room.hears(LEE, Did.COUNTED) == "Your yes is recorded: 1 of 2."
    assert (room.answer(ask), room.woken) == (None, [])
    assert f"1 of 2 have said yes: <@{LEE}>" in room.text(room.message(ask))
    assert room.buttons(room.message(ask)) == ["approve", "reject", "roll_back"]


def test_the_second_of_two_is_the_answer_and_names_both(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    room.press(ask, "approve", KIM)
    room.hears(KIM, Did.APPROVED)
    answer = room.awaits_answer(ask)
    assert (answer.decision, answer.by, answer.voters) == ("approve", KIM, (LEE, KIM))
    assert f"Approved by <@{LEE}>, <@{KIM}>" in room.text(room.message(ask))
    assert "run-1" in room.woken


def test_the_same_person_has_one_voice(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    for _ in range(3):
        room.press(ask, "approve", LEE)
    room.hears(LEE, Why.VOTED, times=2)
    assert room.answer(ask) is None
    assert [vote.by for vote in read_votes(room.settings, ask.nonce)] == [LEE]


def test_the_same_person_has_one_voice_at_two_doors(new_room: NewRoom) -> None:
    room = new_room(f"{TWO}\n[approval.people]\n'{OPERATOR}' = '{LEE}'")
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    with pytest.raises(GateRefused, match="You have said yes already; 1 of 2"):
        answer_ask(fresh(room), "approve", "looks fine")
    assert room.answer(ask) is None


def test_two_people_at_two_doors_are_two_voices(new_room: NewRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.operate._wake", lambda *_: True)
    room = new_room(f"{TWO}\n[approval.people]\n'{OPERATOR}' = '{KIM}'")
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    assert answer_ask(fresh(room), "approve", "looks fine") == "Approved: 1.1.0 from 10 % to 50 %."
    assert room.awaits_answer(ask).voters == (LEE, KIM)


def test_an_operator_whom_nobody_named_is_refused_at_the_command_line(new_room: NewRoom) -> None:
    room = new_room()
    ask = room.ask()
    with pytest.raises(GateRefused, match="not on rehearsal's list of approvers"):
        answer_ask(fresh(room), "approve", "")
    room.assert_untouched(ask)


def test_an_operator_named_by_their_arn_alone_decides_as_such(
    new_room: NewRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.operate._wake", lambda *_: True)
    room = new_room(f"approvers = ['{OPERATOR}']\npoll_s = 0.1")
    ask = room.ask(allowed=(OPERATOR,))
    assert answer_ask(fresh(room), "reject", "no") == "Rejected: the traffic of rehearsal comes home."
    answer = room.awaits_answer(ask)
    assert (answer.by, answer.door, answer.reason) == (OPERATOR, "cli", "no")


def test_without_a_question_the_command_line_says_so(room: Room) -> None:
    with pytest.raises(GateRefused, match="asks nothing right now"):
        answer_ask(room.settings, "approve", "")


def test_who_asked_for_the_release_is_no_voice(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    room.press(ask, "approve", REQUESTER)
    room.hears(REQUESTER, Why.REQUESTER)
    assert room.answer(ask) is None


def test_one_no_is_enough(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    room.slack.person.user_id, room.slack.person.reason = KIM, "not tonight"
    room.press(ask, "reject", KIM)
    assert room.awaits_answer(ask).decision == "reject"
    room.press_late(ask, "approve", PARK)
    room.hears(PARK, Why.ANSWERED)


def test_the_yes_of_who_was_taken_off_the_list_since_does_not_count(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    room.rules(f"approvers = ['{KIM}', '{PARK}']\npoll_s = 0.1\nquorum = 2")
    room.press(ask, "approve", KIM)
    assert room.hears(KIM, Did.COUNTED) == "Your yes is recorded: 1 of 2."
    room.press(ask, "approve", PARK)
    assert room.awaits_answer(ask).voters == (KIM, PARK)


def test_a_quorum_that_was_raised_since_the_ask_holds(new_room: NewRoom) -> None:
    room = new_room()
    ask = room.ask()
    room.rules(TWO)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    assert room.answer(ask) is None


def test_a_quorum_that_was_lowered_since_the_ask_does_not_hold(new_room: NewRoom) -> None:
    room = new_room(TWO)
    ask = room.ask(quorum=2)
    room.rules(RULES)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.COUNTED)
    assert room.answer(ask) is None


def test_of_ten_who_vote_at_once_one_answer_is_made(new_room: NewRoom) -> None:
    crowd = [f"U0PERSON{number}" for number in range(10)]
    room = new_room(f"approvers = {crowd}\npoll_s = 0.1\nquorum = 3")
    for user in crowd:
        room.member(user)
    ask = room.ask(allowed=tuple(crowd), quorum=3)
    pressed = [room.payload(ask, user=user) for user in crowd]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(room.send, pressed))
    until(lambda: all(room.told(user) for user in crowd), "everybody being told")
    assert len(set(room.awaits_answer(ask).voters)) >= 3
    assert room.buttons(room.message(ask)) == []


def test_each_weight_has_its_own_people_and_its_own_number_of_them(new_room: NewRoom) -> None:
    phases = f"[approval.phases.100]\napprovers = ['{PARK}', '{STRANGER}']\nquorum = 2"
    room = new_room(f"{RULES}\n{phases}")
    half = room.ask(to_weight=50)
    room.press(half, "approve", PARK)
    assert room.awaits_answer(half).by == PARK
    whole = next_ask(room, half, to_weight=100, allowed=(PARK, STRANGER), quorum=2)
    room.press(whole, "approve", LEE)
    room.hears(LEE, Why.NOT_ALLOWED)
    room.press(whole, "approve", PARK)
    room.hears(PARK, Did.COUNTED)
    room.press(whole, "approve", STRANGER)
    assert room.awaits_answer(whole).voters == (PARK, STRANGER)


def test_whoever_decides_about_one_weight_may_bring_any_home(new_room: NewRoom) -> None:
    room = new_room(f"approvers = ['{LEE}']\npoll_s = 0.1\n[approval.phases.100]\napprovers = ['{PARK}']")
    ask = room.ask(to_weight=50)
    room.press(ask, "roll_back", PARK)
    room.hears(PARK, Did.STOP_ASKED)
    assert room.awaits_answer(ask).decision == "roll_back"


def test_votes_of_an_expired_question_make_no_answer(room: Room) -> None:
    now = datetime.now(UTC)
    ask = room.ask(quorum=2, asked_at=now, expires_at=now + timedelta(seconds=1))
    found = find_ask(room.settings, ask.nonce)
    assert found
    answering = Answering(room.settings, Watch(room.settings), lambda *_: True)
    outcome = answering.answer(found, "approve", Wish(Person(id=LEE), "slack"))
    assert outcome.told is Did.COUNTED
    until(lambda: bool((again := find_ask(room.settings, ask.nonce)) and again.expired), "the expiry")
    late = find_ask(room.settings, ask.nonce)
    assert late
    told = answering.answer(late, "approve", Wish(Person(id=KIM), "slack")).told
    assert isinstance(told, Refusal)
    assert told.why is Why.EXPIRED
    assert answering.settle(late) is None


def test_a_quorum_that_nobody_could_reach_is_refused_when_the_settings_are_read() -> None:
    with pytest.raises(ValidationError, match="quorum of at most 1"):
        ApprovalSettings(approvers=("U0LEE", "arn:lee"), quorum=2, people={"arn:lee": "U0LEE"})
    with pytest.raises(ValidationError, match="quorum of at most 2"):
        ApprovalSettings(approvers=("U0LEE", "U0KIM"), phases={50: PhaseApproval(quorum=3)})
    assert ApprovalSettings(quorum=3).approvers == ()


def fresh(room: Room) -> Settings:
    """Load the settings again, as a new process of the command line does."""
    return load_settings(room.settings.name)


def next_ask(room: Room, answered: Ask, **changes: object) -> Ask:
    room.close(answered)
    return room.ask(**changes)
