"""Read what Slack sends when people press buttons and submit forms: everything that matters, strictly typed.

https://docs.slack.dev/reference/interaction-payloads
"""

import hashlib
import html
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from flows.core.answers import Place
from tasks.ask_message import MOST_LETTERS_OF_A_REASON, OPEN_RUN, REASON_MODAL
from tasks.models import Record

SHORT = 255
LONG = 3000


class MalformedError(ValueError):
    """Report a payload that is not what Slack sends."""


class Click(Record):
    """Hold one thing a person did; ``id`` is the same however often Slack or anybody else sends it.

    The last four fields serve the conversation with that person and are never stored.
    """

    id: str
    action: str
    value: str
    user_id: str
    user_name: str
    place: Place
    at: datetime
    reason: str = ""
    is_submission: bool = False
    response_url: str = Field(default="", exclude=True, repr=False)
    trigger_id: str = Field(default="", exclude=True, repr=False)
    message_text: str = Field(default="", exclude=True, repr=False)


class _Id(BaseModel):
    id: str = Field(max_length=SHORT)


class _User(_Id):
    username: str = Field(default="", max_length=SHORT)
    name: str = Field(default="", max_length=SHORT)


class _Action(BaseModel):
    action_id: str = Field(max_length=SHORT)
    value: str = Field(default="", max_length=LONG)
    action_ts: str = Field(default="", max_length=SHORT)


class _Message(BaseModel):
    ts: str = Field(default="", max_length=SHORT)
    text: str = ""


class _Pressed(BaseModel):
    user: _User
    team: _Id | None = None
    api_app_id: str
    channel: _Id | None = None
    message: _Message = _Message()
    actions: list[_Action] = Field(min_length=1)
    response_url: str = ""
    trigger_id: str = ""


class _Field(BaseModel):
    value: str | None = None


class _State(BaseModel):
    values: dict[str, dict[str, _Field]] = {}


class _View(_Id):
    callback_id: str = ""
    private_metadata: str = Field(default="", max_length=LONG)
    state: _State = _State()


class _Submitted(BaseModel):
    user: _User
    team: _Id | None = None
    api_app_id: str
    view: _View


class Carried(BaseModel):
    """Hold what a form carries from the click that opened it to its submission."""

    nonce: str = Field(max_length=SHORT)
    channel: str = Field(max_length=SHORT)
    response_url: str = ""


def read_click(payload: object) -> Click | None:
    """Return what a person did, or None when it asks for nothing; raises MalformedError."""
    if not isinstance(payload, dict):
        msg = "a payload that is no object"
        raise MalformedError(msg)
    try:
        match payload.get("type"):
            case "block_actions":
                return _pressed(_Pressed.model_validate(payload))
            case "view_submission":
                return _submitted(_Submitted.model_validate(payload))
            case _:
                return None
    except ValidationError as error:
        msg = f"a payload of an unknown form: {error.error_count()} wrong fields"
        raise MalformedError(msg) from None


def read_form(body: str) -> Any:
    """Return the object in a text; raises MalformedError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        msg = "a payload that is no JSON"
        raise MalformedError(msg) from None


def _pressed(found: _Pressed) -> Click | None:
    action = found.actions[0]
    if action.action_id == OPEN_RUN:
        return None
    parts = (found.user.id, found.message.ts, action.action_id, action.value, action.action_ts)
    return Click(
        id=_digest(parts),
        action=action.action_id,
        value=action.value,
        user_id=found.user.id,
        user_name=found.user.username or found.user.name,
        place=_place(found.api_app_id, found.team, found.channel.id if found.channel else ""),
        at=datetime.now(UTC),
        response_url=found.response_url,
        trigger_id=found.trigger_id,
        message_text=html.unescape(found.message.text),
    )


def _submitted(found: _Submitted) -> Click | None:
    if found.view.callback_id != REASON_MODAL:
        return None
    carried = Carried.model_validate_json(found.view.private_metadata)
    return Click(
        id=_digest((found.user.id, found.view.id, "submitted")),
        action="reject",
        value=carried.nonce,
        user_id=found.user.id,
        user_name=found.user.username or found.user.name,
        place=_place(found.api_app_id, found.team, carried.channel),
        at=datetime.now(UTC),
        reason=_reason(found.view.state.values),
        is_submission=True,
        response_url=carried.response_url,
    )


def _reason(values: Mapping[str, Mapping[str, _Field]]) -> str:
    said = " ".join(field.value or "" for fields in values.values() for field in fields.values())
    visible = "".join(letter for letter in said if letter.isprintable() or letter.isspace())
    return " ".join(visible.split())[:MOST_LETTERS_OF_A_REASON]


def _place(app_id: str, team: _Id | None, channel: str) -> Place:
    return Place(app_id=app_id, team_id=team.id if team else "", channel=channel)


def _digest(parts: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
