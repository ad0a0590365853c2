"""Every click that must not count, in one table, against one running service: refused, and the release untouched."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from deployments.twin.slack_channel import Member
from deployments.twin.slack_people import form
from flows.core.answers import Why
from tasks.models import Ask
from tests.deployments.approvals_room import APPROVERS, KIM, LEE, REQUESTER, RULES, STRANGER, Room

pytest_plugins = ["tests.deployments.approvals_fixtures"]

AT_LEAST = 28
ENDPOINT = "/slack/interactivity"


@dataclass(frozen=True)
class Case:
    """A click and what becomes of it: a status of the door, or a private word to the person."""

    name: str
    send: Callable[[Room, Ask], int]
    expected: int | Why
    user: str = LEE
    member: Member | None = None
    rules: str = ""
    ask: dict[str, Any] | None = None


def signed(room: Room, ask: Ask, action: str = "approve", user: str = LEE, **changes: Any) -> int:
    return room.send(room.payload(ask, action, user, **changes)).status_code


def with_value(room: Room, ask: Ask, value: str, action: str = "approve", user: str = LEE) -> int:
    payload = room.payload(ask, "approve", user)
    return room.send(
        {**payload, "actions": [{**payload["actions"][0], "value": value, "action_id": action}]}
    ).status_code


def raw(room: Room, ask: Ask, **headers: str) -> int:
    """Send the click with headers of one's own; underscores stand for hyphens."""
    body = form(room.payload(ask))
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"content-type": "application/x-www-form-urlencoded", **given}
    return httpx.post(f"{room.url}{ENDPOINT}", content=body, headers=sent).status_code


def signed_by(room: Room, ask: Ask, secret: str, at_s: float) -> int:
    body, at = form(room.payload(ask)), str(int(at_s))
    digest = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-slack-request-timestamp": at}
    headers["x-slack-signature"] = f"v0={digest}"
    return httpx.post(f"{room.url}{ENDPOINT}", content=body, headers=headers).status_code


def tampered(room: Room, ask: Ask) -> int:
    headers = room.slack.people.signed(form(room.payload(ask, user=STRANGER)))
    return httpx.post(f"{room.url}{ENDPOINT}", content=form(room.payload(ask)), headers=headers).status_code


def nonsense(body: str) -> Callable[[Room, Ask], int]:
    return lambda room, _: room.post(body).status_code


def own(room: Room) -> str:
    return room.slack.signing_secret


PAST = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRED = {"asked_at": PAST, "expires_at": PAST + timedelta(seconds=0)}
ONLY_KIM = RULES.replace(str(list(APPROVERS)), f"['{KIM}']")

CASES = (
    Case("unsigned", raw, 401),
    Case("signed with another secret", lambda room, ask: signed_by(room, ask, "guessed", time.time()), 401),
    Case("signed for another body", tampered, 401),
    Case("replayed after five minutes", lambda room, ask: signed_by(room, ask, own(room), time.time() - 301), 401),
    Case("signed in the future", lambda room, ask: signed_by(room, ask, own(room), time.time() + 301), 401),
    Case("a time that is none", lambda room, ask: raw(room, ask, x_slack_request_timestamp="abc"), 401),
    Case("a signature without a time", lambda room, ask: raw(room, ask, x_slack_signature="v0=00"), 401),
    Case(
        "an older kind of signature",
        lambda room, ask: raw(room, ask, x_slack_request_timestamp=f"{time.time():.0f}", x_slack_signature="v1=00"),
        401,
    ),
    Case("signed and no payload", nonsense("other=1"), 400),
    Case("signed and no JSON", nonsense("payload=%7B"), 400),
    Case("signed and no action", lambda room, ask: signed(room, ask, actions=[]), 400),
    Case("from another app", lambda room, ask: signed(room, ask, api_app_id="A0OTHER"), Why.OTHER_APP),
    Case("from another workspace", lambda room, ask: signed(room, ask, team={"id": "T0OTHER"}), Why.OTHER_WORKSPACE),
    Case("from no workspace", lambda room, ask: signed(room, ask, team=None), Why.OTHER_WORKSPACE),
    Case("from another channel", lambda room, ask: signed(room, ask, channel={"id": "C0OTHER"}), Why.OTHER_CHANNEL),
    Case("from a private message", lambda room, ask: signed(room, ask, channel=None), Why.OTHER_CHANNEL),
    Case("a stranger's yes", lambda room, ask: signed(room, ask, user=STRANGER), Why.NOT_ALLOWED, STRANGER),
    Case("a stranger's no", lambda room, ask: signed(room, ask, "reject", STRANGER), Why.NOT_ALLOWED, STRANGER),
    Case(
        "a stranger's way home", lambda room, ask: signed(room, ask, "roll_back", STRANGER), Why.NOT_ALLOWED, STRANGER
    ),
    Case("the requester's yes", lambda room, ask: signed(room, ask, user=REQUESTER), Why.REQUESTER, REQUESTER),
    Case("a guest", signed, Why.GUEST, member=Member("lee", guest=True)),
    Case("a bot", signed, Why.BOT, member=Member("lee", bot=True)),
    Case("who left", signed, Why.DEACTIVATED, member=Member("lee", deleted=True)),
    Case(
        "a member of another workspace",
        signed,
        Why.OTHER_WORKSPACE,
        member=Member("lee", team_id="T0OTHER"),
    ),
    Case("whom nobody knows", lambda room, ask: signed(room, ask, user="U0GHOST"), Why.UNKNOWN_PERSON, "U0GHOST"),
    Case("who was taken off the list", signed, Why.NOT_ALLOWED, rules=ONLY_KIM),
    Case("who joined the list since", signed, Why.NOT_ASKED, ask={"allowed": (KIM,)}),
    Case("an empty list", signed, Why.NOBODY, rules="approvers = []\npoll_s = 0.1"),
    Case("rules that cannot be read", signed, Why.UNSURE, rules="approvers = 'all'"),
    Case("an expired question", signed, Why.EXPIRED, ask=EXPIRED),
    Case("a guessed nonce", lambda room, ask: with_value(room, ask, "f" * 32), Why.UNKNOWN_ASK),
    Case("a nonce that is a path", lambda room, ask: with_value(room, ask, "../locks/rehearsal"), Why.UNKNOWN_ASK),
    Case("a button nobody made", lambda room, ask: with_value(room, ask, ask.nonce, "approve_all"), Why.UNKNOWN_BUTTON),
    Case("another release", signed, Why.OVER, ask={"release_id": "1.0.9-test"}),
    Case("another environment", signed, Why.UNKNOWN_ASK, ask={"environment": "staging"}),
    Case(
        "another release's way home",
        lambda room, ask: with_value(room, ask, "1.0.9-test", "roll_back_now"),
        Why.OVER,
    ),
)


def play(room: Room, case: Case) -> None:
    """Ask, click, hear the refusal, find everything untouched, and leave the room as it was."""
    members = dict(room.slack.workspace.members)
    ask = room.ask(**(case.ask or {}))
    if case.member:
        room.slack.workspace.members[case.user] = case.member
    if case.rules:
        room.rules(case.rules)
    told = len(room.told(case.user))
    status = case.send(room, ask)
    if isinstance(case.expected, Why):
        assert status == 200, case.name
        room.hears(case.user, case.expected)
    else:
        assert status == case.expected, case.name
        assert len(room.told(case.user)) == told, case.name
    assert room.answer(ask) is None, case.name
    assert room.stop() is None, case.name
    assert room.woken == [], case.name
    room.slack.workspace.members = members
    room.rules(RULES)
    room.slack.workspace.ephemerals.clear()


def test_every_click_that_must_not_count_is_refused_and_changes_nothing(room: Room) -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= AT_LEAST
    for case in CASES:
        play(room, case)
    # After all of them the newest question still takes a yes.
    ask = room.ask()
    room.press(ask, "approve", LEE)
    assert room.awaits_answer(ask).by == LEE
