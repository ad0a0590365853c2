"""Clicks by Socket Mode, through the client that ships with slack_sdk: the same rules, and no address of ours."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from flows.core.answer_words import Did
from flows.core.answers import Why
from tasks.models import Ask
from tests.deployments.approvals_room import KIM, LEE, STRANGER, NewRoom, Room, open_service, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]


@pytest.fixture
def room(new_room: NewRoom) -> Room:
    room = new_room(by_socket=True)
    until(lambda: room.slack.socket.is_connected, "the connection")
    return room


def test_a_click_is_acknowledged_and_recorded(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.APPROVED)
    assert room.awaits_answer(ask).by == LEE
    assert [acked for _, acked in room.slack.socket.envelopes] == [True]


def test_a_stranger_is_refused_as_at_the_other_door(room: Room) -> None:
    ask = room.ask()
    room.press(ask, "approve", STRANGER)
    room.hears(STRANGER, Why.NOT_ALLOWED)
    room.assert_untouched(ask)


@pytest.mark.parametrize("changes", [{"api_app_id": "A0OTHER"}, {"team": {"id": "T0OTHER"}}, {"channel": None}])
def test_a_click_from_elsewhere_is_refused_as_at_the_other_door(room: Room, changes: dict[str, Any]) -> None:
    ask = room.ask()
    assert room.slack.people.send(room.payload(ask, **changes)).status == 200
    until(lambda: len(room.told(LEE)) == 1, "the refusal")
    room.assert_untouched(ask)


def test_an_envelope_that_slack_repeats_counts_once(room: Room) -> None:
    ask = room.ask()
    assert room.slack.socket.send(room.payload(ask), retries=3)
    room.hears(LEE, Did.APPROVED)
    assert len(room.told(LEE)) == 1


def test_a_form_comes_back_over_the_socket_too(room: Room) -> None:
    ask = room.ask()
    room.slack.person.user_id, room.slack.person.reason = KIM, "not tonight"
    room.press(ask, "reject", KIM)
    assert room.awaits_answer(ask).reason == "not tonight"


def test_nonsense_over_the_socket_is_acknowledged_and_dropped(room: Room) -> None:
    for payload in ({}, {"type": "block_actions"}, {"type": "shortcut"}, {"type": "view_submission", "user": 5}):
        assert room.slack.socket.send(payload)


def test_after_a_cut_and_after_a_refresh_clicks_arrive_again(room: Room) -> None:
    for disturb in (room.slack.socket.drop, room.slack.socket.refresh):
        disturb()
        ask = room.ask()
        press_until_heard(room, ask)
        assert room.awaits_answer(ask).by == LEE
        room.close(ask)


def press_until_heard(room: Room, ask: Ask) -> None:
    """Press as people do beside whose button Slack shows that nobody answered."""
    ts = room.message(ask)["ts"]
    until(lambda: room.slack.click(ts, "approve", LEE).status == 200, "a new connection")


def test_many_at_once_are_acknowledged_in_time(room: Room) -> None:
    ask = room.ask()
    pressed = [room.payload(ask, user=user) for user in (LEE, KIM) * 5]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(room.slack.people.send, pressed))
    assert {answer.status for answer in answers} == {200}
    assert room.awaits_answer(ask).by in {LEE, KIM}


def test_without_an_address_the_door_for_posted_clicks_is_closed(room: Room) -> None:
    ask = room.ask()
    assert room.send(room.payload(ask)).status_code == 404
    room.assert_untouched(ask)


def test_while_the_connection_is_gone_the_service_says_it_is_unwell(new_room: NewRoom) -> None:
    room = new_room(by_socket=True, is_closed=True)
    room.slack.down = True
    with open_service(room, by_socket=True) as url:
        assert httpx.get(f"{url}/healthz").status_code == 503
        room.slack.down = False
        until(lambda: httpx.get(f"{url}/healthz").status_code == 200, "the connection")
        ask = room.ask()
        room.press(ask, "approve", LEE)
        assert room.awaits_answer(ask).by == LEE
