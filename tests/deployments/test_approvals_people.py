"""Who may decide: every other click is refused privately, with its reason, and changes nothing (safety I19)."""

from typing import Any

import pytest

from deployments.twin.slack_channel import Member
from flows.core.answer_words import Did
from flows.core.answers import Why
from tests.deployments.approvals_room import KIM, LEE, REQUESTER, RULES, STRANGER, NewRoom, Room, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]


def test_an_allowed_persons_yes_is_recorded_and_wakes_the_run(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "approve", LEE)
    assert room.hears(LEE, Did.APPROVED) == "Approved: 1.1.0 from 10 % to 50 %."
    answer = room.awaits_answer(ask)
    assert (answer.decision, answer.by, answer.door) == ("approve", LEE, "slack")
    assert "run-1" in room.woken


def test_after_an_answer_the_message_shows_who_and_when_and_has_no_buttons(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.APPROVED)
    assert room.buttons(room.message(ask)) == []
    answer = room.awaits_answer(ask)
    assert f"Approved by <@{LEE}> at {answer.at:%Y-%m-%d %H:%M:%S} UTC" in room.text(room.message(ask))


ELSEWHERE: list[tuple[str, dict[str, Any], Why]] = [
    ("workspace", {"team": {"id": "T0OTHER", "domain": "other"}}, Why.OTHER_WORKSPACE),
    ("no workspace", {"team": None}, Why.OTHER_WORKSPACE),
    ("channel", {"channel": {"id": "C0OTHER", "name": "other"}}, Why.OTHER_CHANNEL),
    ("no channel", {"channel": None}, Why.OTHER_CHANNEL),
    ("app", {"api_app_id": "A0OTHER"}, Why.OTHER_APP),
]


@pytest.mark.parametrize(("changes", "why"), [case[1:] for case in ELSEWHERE], ids=[case[0] for case in ELSEWHERE])
def test_a_click_from_elsewhere_is_refused(room: Room, changes: dict[str, Any], why: Why) -> None:
    ask = room.ask()
    assert room.send(room.payload(ask, **changes)).status_code == 200
    room.hears(LEE, why)
    room.assert_untouched(ask)


ACCOUNTS: list[tuple[str, Member | None, Why]] = [
    ("guest", Member("lee", guest=True), Why.GUEST),
    ("bot", Member("lee", bot=True), Why.BOT),
    ("deactivated", Member("lee", deleted=True), Why.DEACTIVATED),
    ("of another workspace", Member("lee", team_id="T0OTHER"), Why.OTHER_WORKSPACE),
    ("unknown", None, Why.UNKNOWN_PERSON),
]


@pytest.mark.parametrize(("member", "why"), [case[1:] for case in ACCOUNTS], ids=[case[0] for case in ACCOUNTS])
@pytest.mark.parametrize("action", ["approve", "roll_back"])
def test_an_approver_whose_account_is_no_colleagues_any_more_is_refused(
    room: Room, action: str, member: Member | None, why: Why
) -> None:
    ask = room.ask()
    room.slack.workspace.members.pop(LEE)
    if member:
        room.slack.workspace.members[LEE] = member
    room.press(ask, action, LEE)
    room.hears(LEE, why)
    room.assert_untouched(ask)


@pytest.mark.parametrize("action", ["approve", "reject", "roll_back"])
def test_a_stranger_is_refused_and_leaves_no_trace(room: Room, action: str) -> None:
    ask = room.ask()
    room.press(ask, action, STRANGER)
    room.hears(STRANGER, Why.NOT_ALLOWED)
    room.assert_untouched(ask)
    assert room.keys(f"asks/{ask.nonce}/") == [f"asks/{ask.nonce}/ask.json"]


@pytest.mark.parametrize("action", ["approve", "reject", "roll_back"])
def test_an_empty_list_of_approvers_means_nobody(new_room: NewRoom, action: str) -> None:
    room = new_room("approvers = []\npoll_s = 0.1")
    ask = room.ask()
    room.press(ask, action, LEE)
    room.hears(LEE, Why.NOBODY)
    room.assert_untouched(ask)


def test_who_was_taken_off_the_list_since_the_ask_is_refused(room: Room) -> None:
    ask = room.ask()
    room.rules(f"approvers = ['{KIM}']\npoll_s = 0.1")
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.NOT_ALLOWED)
    room.assert_untouched(ask)
    room.press(ask, "approve", KIM)
    assert room.awaits_answer(ask).by == KIM


def test_who_joined_the_list_since_the_ask_answers_the_next_one(room: Room) -> None:
    ask = room.ask()
    room.rules(f"approvers = ['{LEE}', '{STRANGER}']\npoll_s = 0.1")
    room.press(ask, "approve", STRANGER)
    room.hears(STRANGER, Why.NOT_ASKED)
    room.assert_untouched(ask)


def test_rules_that_cannot_be_read_let_nobody_decide(room: Room) -> None:
    ask = room.ask()
    room.rules("approvers = 'everybody'")
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.UNSURE)
    room.assert_untouched(ask)


def test_who_asked_for_the_release_may_not_approve_it(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "approve", REQUESTER)
    room.hears(REQUESTER, Why.REQUESTER)
    room.assert_untouched(ask)


def test_who_asked_for_the_release_is_known_by_their_other_name_too(new_room: NewRoom) -> None:
    arn = "arn:aws:sts::123456789012:assumed-role/release/lee"
    room = new_room(f"{RULES}\n[approval.people]\n'{arn}' = '{LEE}'")
    ask = room.ask(requested_by=arn)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.REQUESTER)
    room.assert_untouched(ask)


def test_who_asked_for_the_release_may_still_bring_it_home(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "roll_back", REQUESTER)
    room.hears(REQUESTER, Did.STOP_ASKED)
    assert room.awaits_answer(ask).decision == "roll_back"


def test_who_asked_may_approve_where_the_environment_says_so(new_room: NewRoom) -> None:
    room = new_room(f"{RULES}\nallow_requester = true")
    ask = room.ask()
    room.press(ask, "approve", REQUESTER)
    assert room.awaits_answer(ask).by == REQUESTER


def test_a_slack_that_cannot_say_who_somebody_is_lets_nobody_decide(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    ask = room.ask()
    payload = room.payload(ask)
    room.slack.down = True
    with caplog.at_level("INFO", "greenflow.approvals"):
        assert room.send(payload).status_code == 200
        until(lambda: "This could not be checked just now" in caplog.text, "the decision")
    room.slack.down = False
    room.assert_untouched(ask)
    room.press(ask, "approve", LEE)
    assert room.awaits_answer(ask).by == LEE


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_refusal_speaks_the_environments_language(new_room: NewRoom, language: str) -> None:
    room = new_room(LANGUAGE=language)
    ask = room.ask()
    room.press(ask, "approve", STRANGER)
    room.hears(STRANGER, Why.NOT_ALLOWED, language=language)


def test_a_name_with_power_over_slack_has_none_in_a_sentence(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.APPROVED)
    room.rules(RULES)
    payload = room.payload(room.ask(environment="<!channel>"))
    assert room.send(payload).status_code == 200
    room.hears(LEE, Why.UNKNOWN_ASK)
    assert "<!" not in str(room.slack.workspace.ephemerals)


def test_a_pinned_workspace_that_is_not_the_tokens_own_lets_nobody_decide(new_room: NewRoom) -> None:
    room = new_room(SLACK__TEAM_ID="T0ANOTHER")
    ask = room.ask()
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.UNSURE)
    room.assert_untouched(ask)
