"""The people in the channel: they see buttons, take their time, and press them, signed as Slack signs.

https://docs.slack.dev/interactivity/handling-user-interaction,
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

from deployments.twin.slack_blocks import buttons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployments.twin.slack_channel import Message, Workspace
    from deployments.twin.slack_socket import SlackSocket

Decision = Literal["approve", "reject", "roll_back", "roll_back_now", "silent"]

ON_DUTY = "on_duty"
"""The action of the roll call's button."""

_PATIENCE_S = 3.0
_TRIES = 3
_TRY_AGAIN_S = 0.5
_OK = 200
_SERVER_ERROR = 500


@dataclass
class Person:
    """Somebody who answers asks: after `delay_s` they press their `decision`'s button, or nothing when silent.

    Of a message that says `wary_of` they press nothing either.
    """

    user_id: str
    decision: Decision = "approve"
    delay_s: float = 0.5
    reason: str = ""
    wary_of: str = ""


@dataclass(frozen=True)
class Click:
    """Something a person did at ``at_s`` and what the app answered; status 0 when nobody answered in time."""

    user_id: str
    action_id: str
    message_ts: str
    status: int
    body: str
    at_s: float = 0.0


@dataclass
class People:
    """Play the people of a workspace towards the app that listens at `interactivity_url`, or without it at `socket`.

    `on_duty` are those who press a roll call's button. What they did is kept in `clicks`.
    """

    workspace: Workspace
    signing_secret: str
    base_url: Callable[[], str]
    person: Person
    on_duty: list[str]
    interactivity_url: str | None = None
    socket: SlackSocket | None = None

    def __post_init__(self) -> None:
        self.clicks: list[Click] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._seen: set[tuple[str, str, str, str]] = set()
        self._http = httpx.Client(timeout=_PATIENCE_S)

    def stop(self) -> None:
        """Let nobody press anything any more."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._http.close()

    def look_at(self, message: Message) -> None:
        """Let people see a new or changed message, and do what they would."""
        shown = {button.get("action_id", ""): button for _, button in buttons(message["blocks"])}
        wishes = [(user, ON_DUTY) for user in self.on_duty]
        if not (self.person.wary_of and self.person.wary_of in str(message["blocks"])):
            wishes.insert(0, (self.person.user_id, self.person.decision))
        for user, action in wishes:
            button = shown.get(action)
            if button is not None:
                self._plan(message["ts"], action, button.get("value", ""), user)

    def look_at_view(self, opened: Mapping[str, Any]) -> None:
        """Let the person submit a view that their click opened; a silent one without a reason leaves that to others."""
        answers = self.person.decision != "silent" or self.person.reason
        if opened["user"] == self.person.user_id and answers:
            self._later(lambda: self.submit(opened, self.person.reason or "no reason given"))

    def click(self, message_ts: str, action_id: str, user_id: str) -> Click:
        """Press a button of a message; raises `LookupError` when it shows no such button."""
        return self.send(self.click_payload(message_ts, action_id, user_id))

    def submit(self, opened: Mapping[str, Any], text: str) -> Click:
        """Submit a view, with `text` in each of its inputs."""
        inputs = [block for block in opened["view"]["blocks"] if block["type"] == "input"]
        values = {
            block["block_id"]: {block["element"]["action_id"]: {"type": block["element"]["type"], "value": text}}
            for block in inputs
        }
        view = {**opened["view"], "state": {"values": values}}
        payload = {"type": "view_submission", **self._who(opened["user"]), "view": view}
        return self.send({**payload, "trigger_id": self.workspace.new_trigger(opened["user"])})

    def click_payload(self, message_ts: str, action_id: str, user_id: str) -> dict[str, Any]:
        """Make what Slack sends when a button is pressed."""
        message = self.workspace.find(message_ts)
        shown = ((block, one) for block, one in buttons(message["blocks"]) if one.get("action_id") == action_id)
        block_id, button = next(shown, (None, None))
        if button is None:
            raise LookupError(f"the message {message_ts} shows no button {action_id}")
        return self.payload_of(message_ts, {**button, "block_id": block_id, "action_ts": f"{time.time():.6f}"}, user_id)

    def payload_of(self, message_ts: str, action: Mapping[str, Any], user_id: str) -> dict[str, Any]:
        """Make what Slack sends for an action on a message, also one that the message does not show any more."""
        identity = self.workspace.identity
        return {
            "type": "block_actions",
            **self._who(user_id),
            "container": {
                "type": "message",
                "message_ts": message_ts,
                "channel_id": identity.channel,
                "is_ephemeral": False,
            },
            "trigger_id": self.workspace.new_trigger(user_id),
            "channel": {"id": identity.channel, "name": identity.channel_name},
            "message": self.workspace.find(message_ts),
            "state": {"values": {}},
            "response_url": self.workspace.new_response_url(self.base_url(), message_ts, user_id),
            "actions": [dict(action)],
        }

    def signed(self, body: str, at_s: float | None = None) -> dict[str, str]:
        """Give the headers with which Slack sends a body."""
        timestamp = str(int(time.time() if at_s is None else at_s))
        signature = SignatureVerifier(self.signing_secret).generate_signature(timestamp=timestamp, body=body)
        return {
            "content-type": "application/x-www-form-urlencoded",
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature or "",
        }

    def send(self, payload: Mapping[str, Any]) -> Click:
        """Send a payload, signed, once; Slack does not repeat what a person did."""
        at_s = time.time()
        status, answer = self._send_to_socket(payload) if self._by_socket else self._post(form(payload))
        action = payload.get("actions", [{"action_id": payload["type"]}])[0]["action_id"]
        message_ts = payload.get("container", {}).get("message_ts", "")
        click = Click(payload["user"]["id"], action, message_ts, status, answer, at_s)
        self.clicks.append(click)
        return click

    @property
    def _by_socket(self) -> bool:
        return self.interactivity_url is None and self.socket is not None and self.socket.is_connected

    def _send_to_socket(self, payload: Mapping[str, Any]) -> tuple[int, str]:
        acked = self.socket is not None and self.socket.send(payload)
        return (_OK, "") if acked else (0, "not acknowledged in time")

    def _post(self, body: str) -> tuple[int, str]:
        if self.interactivity_url is None:
            return 0, "no interactivity address is set"
        try:
            answer = self._http.post(self.interactivity_url, content=body, headers=self.signed(body))
        except httpx.HTTPError as error:
            return 0, f"{type(error).__name__}: {error}"
        return answer.status_code, answer.text

    def _plan(self, ts: str, action: str, value: str, user: str) -> None:
        if (ts, action, value, user) not in self._seen:
            self._seen.add((ts, action, value, user))
            self._later(lambda: self._press(ts, action, user))

    def _press(self, ts: str, action: str, user: str) -> None:
        # Slack shows a warning sign beside a button whose app did not answer: people press again.
        for _ in range(_TRIES):
            try:
                status = self.click(ts, action, user).status
            except LookupError:
                return
            if 0 < status < _SERVER_ERROR or self._over.wait(_TRY_AGAIN_S):
                return

    def _later(self, act: Callable[[], object]) -> None:
        def wait_and_act() -> None:
            if not self._over.wait(self.person.delay_s):
                act()

        thread = threading.Thread(target=wait_and_act, name="slack-person", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _who(self, user_id: str) -> dict[str, Any]:
        identity = self.workspace.identity
        member = self.workspace.members.get(user_id)
        name = member.name if member else user_id.lower()
        return {
            "user": {"id": user_id, "username": name, "name": name, "team_id": identity.team_id},
            "api_app_id": identity.app_id,
            "team": {"id": identity.team_id, "domain": identity.team_domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }


def form(payload: Mapping[str, Any]) -> str:
    """Give the body in which Slack posts a payload."""
    return urlencode({"payload": json.dumps(payload, ensure_ascii=False)})
