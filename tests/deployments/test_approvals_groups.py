"""Slack groups as approvers: read when people are asked, read again when they click, and nobody when unreadable."""

from datetime import UTC, datetime

import pytest

from deployments.approvals import rules
from deployments.twin.slack_channel import Member
from flows.core.answer_words import Did
from flows.core.answers import Why
from tasks.approvers import people_behind
from tasks.asks import Vote, cast_vote
from tests.deployments.approvals_room import KIM, LEE, PARK, RULES, STRANGER, NewRoom, Room, open_service, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]

GROUP = "S0RELEASERS"
BY_GROUP = f"approvers = ['{GROUP}', '{PARK}']\npoll_s = 0.1"


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "GROUPS_FRESH_S", 0.0)


def room_with(new_room: NewRoom, *members: str) -> Room:
    room = new_room(BY_GROUP)
    room.slack.workspace.groups[GROUP] = list(members)
    return room


def test_a_group_is_its_members_of_now(new_room: NewRoom) -> None:
    room = room_with(new_room, LEE, KIM)
    found = people_behind(room.settings, (GROUP, PARK))
    assert found.ids == {LEE, KIM, PARK}
    assert found.trouble == ""


def test_a_member_of_the_group_decides(new_room: NewRoom) -> None:
    room = room_with(new_room, LEE)
    ask = room.ask(allowed=(LEE, PARK))
    room.press(ask, "approve", LEE)
    assert room.awaits_answer(ask).by == LEE


def test_who_left_the_group_since_they_were_asked_decides_nothing(new_room: NewRoom) -> None:
    room = room_with(new_room, LEE)
    ask = room.ask(allowed=(LEE, PARK))
    room.slack.workspace.groups[GROUP] = [KIM]
    room.press(ask, "approve", LEE)
    room.hears(LEE, Why.NOT_ALLOWED)
    room.press(ask, "approve", KIM)
    room.hears(KIM, Why.NOT_ASKED)
    room.assert_untouched(ask)


def test_a_group_that_cannot_be_read_is_nobody_and_those_named_beside_it_still_decide(new_room: NewRoom) -> None:
    room = new_room(BY_GROUP)
    found = people_behind(room.settings, (GROUP, PARK))
    assert found.ids == {PARK}
    assert "could not ask Slack who is in group S0RELEASERS: no_such_subteam" in found.trouble
    ask = room.ask(allowed=(LEE, PARK))
    room.press(ask, "approve", LEE)
    assert "no_such_subteam" in room.hears(LEE, Why.UNSURE)
    room.press(ask, "roll_back", STRANGER)
    room.hears(STRANGER, Why.UNSURE)
    room.assert_untouched(ask)
    room.press(ask, "approve", PARK)
    assert room.awaits_answer(ask).by == PARK


def test_a_member_of_the_group_brings_a_release_home(new_room: NewRoom) -> None:
    room = room_with(new_room, KIM)
    ask = room.ask(allowed=(KIM,))
    room.press(ask, "roll_back", KIM)
    room.hears(KIM, Did.STOP_ASKED)


CHANGED: list[tuple[str, Member | None]] = [
    ("left", Member("lee", deleted=True)),
    ("became a guest", Member("lee", guest=True)),
    ("is of another workspace", Member("lee", team_id="T0OTHER")),
    ("is a bot", Member("lee", bot=True)),
    ("is unknown", None),
]


@pytest.mark.parametrize("member", [case[1] for case in CHANGED], ids=[case[0] for case in CHANGED])
def test_at_the_quorum_the_yes_of_who_is_no_colleague_any_more_does_not_count(
    new_room: NewRoom, member: Member | None
) -> None:
    room = new_room(f"{RULES}\nquorum = 2", is_closed=True)
    ask = room.ask(quorum=2)
    cast_vote(room.settings, Vote(nonce=ask.nonce, by=LEE, door="slack", at=datetime.now(UTC)))
    room.slack.workspace.members.pop(LEE)
    if member:
        room.slack.workspace.members[LEE] = member
    with open_service(room):
        room.press(ask, "approve", KIM)
        room.hears(KIM, Did.COUNTED)
        assert room.answer(ask) is None
        room.press(ask, "approve", PARK)
        assert room.awaits_answer(ask).voters == (KIM, PARK)


def test_a_slack_that_is_down_at_the_quorum_settles_it_when_it_is_back(new_room: NewRoom) -> None:
    room = new_room(f"{RULES}\nquorum = 2", is_closed=True)
    ask = room.ask(quorum=2)
    for user in (LEE, KIM):
        cast_vote(room.settings, Vote(nonce=ask.nonce, by=user, door="slack", at=datetime.now(UTC)))
    room.slack.down = True
    with open_service(room):
        assert room.answer(ask) is None
        room.slack.down = False
        until(lambda: room.answer(ask) is not None, "the answer")
