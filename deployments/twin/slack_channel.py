"""One Slack workspace with one channel: who is there, and what was written."""

from __future__ import annotations

import copy
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployments.twin.slack_blocks import Block, block_problems, with_block_ids

if TYPE_CHECKING:
    from collections.abc import Callable

Message = dict[str, Any]

_TRIGGER_LIFE_S = 3.0
_RESPONSE_URL_USES = 5
_LONGEST_TEXT = 40_000


@dataclass
class ResponseUrl:
    """What a response address is for: the message and the person of one click; it works five times."""

    ts: str
    user: str
    uses: int = 0


class SlackError(Exception):
    """An answer of the API that says `ok: false`: Slack's word for it, and details where Slack gives some."""

    def __init__(self, code: str, details: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or []


@dataclass(frozen=True)
class Member:
    """Somebody of the workspace."""

    name: str
    guest: bool = False
    deleted: bool = False
    bot: bool = False
    team_id: str = ""


@dataclass(frozen=True)
class Identity:
    """Who and where everything is."""

    team_id: str = "T0GREENFLOW"
    team_domain: str = "greenflow"
    channel: str = "C0PRODUCTION"
    channel_name: str = "greenflow-production"
    app_id: str = "A0RELEASE"
    bot_id: str = "B0RELEASE"
    bot_user: str = "U0RELEASE"


@dataclass
class Workspace:
    """The channel's messages in the order they were written, and what else people see. For several threads."""

    identity: Identity = field(default_factory=Identity)
    members: dict[str, Member] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    ephemerals: list[Message] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    _last_ts: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def check_channel(self, channel: object) -> None:
        """Raise Slack's error for any channel but ours, by id or by name."""
        if channel not in {self.identity.channel, self.identity.channel_name, f"#{self.identity.channel_name}"}:
            raise SlackError("channel_not_found")

    def find(self, ts: object) -> Message:
        """Find a message by its `ts`; raises Slack's error."""
        with self._lock:
            for message in self.messages:
                if message["ts"] == ts:
                    return message
        raise SlackError("message_not_found")

    def write(self, text: str, blocks: Any, thread_ts: str | None, metadata: Any = None) -> Message:
        """Write a message, into a thread if it is told which; raises Slack's errors."""
        shown = check_content(text, blocks)
        with self._lock:
            message = self._new_message(text, shown)
            if thread_ts is not None:
                self._parent(thread_ts)
                message["thread_ts"] = thread_ts
            if metadata is not None:
                message["metadata"] = metadata
            self.messages.append(message)
        return copy.deepcopy(message)

    def change(self, ts: object, text: str | None, blocks: Any) -> Message:
        """Change a message; without blocks, or with an empty list of them, the old ones stay, as at Slack."""
        shown = check_content(text or "", blocks) if blocks else []
        with self._lock:
            message = self.find(ts)
            if text is not None:
                message["text"] = text
            if shown:
                message["blocks"] = shown
            message["edited"] = {"user": self.identity.bot_user, "ts": self._next_ts()}
            return copy.deepcopy(message)

    def remove(self, ts: object) -> None:
        """Remove a message; raises Slack's error."""
        with self._lock:
            self.messages.remove(self.find(ts))

    def write_to_one(self, user: str, text: str, blocks: Any, thread_ts: str | None) -> str:
        """Write what one person alone sees; gives its `ts`."""
        shown = check_content(text, blocks)
        with self._lock:
            message = {**self._new_message(text, shown), "for_user": user, "thread_ts": thread_ts}
            self.ephemerals.append(message)
            return str(message["ts"])

    def history(self) -> list[Message]:
        """Give the channel's messages without the replies, newest first."""
        with self._lock:
            return copy.deepcopy([one for one in reversed(self.messages) if not _is_reply(one)])

    def replies(self, ts: str) -> list[Message]:
        """Give a message and its thread, oldest first; raises Slack's error."""
        with self._lock:
            parent = self._parent(ts)
            thread = [one for one in self.messages if one.get("thread_ts") == ts and one is not parent]
            return copy.deepcopy([parent, *thread])

    def new_trigger(self, user: str) -> str:
        """Make the `trigger_id` of something a person did: it opens one view within three seconds."""
        trigger = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[trigger] = (user, self.clock() + _TRIGGER_LIFE_S)
        return trigger

    def open_view(self, trigger: str, view: dict[str, Any]) -> dict[str, Any]:
        """Show a view to the person of a trigger; raises Slack's errors for a used, late or unknown one."""
        with self._lock:
            if any(one["trigger_id"] == trigger for one in self.views):
                raise SlackError("exchanged_trigger_id")
            user, until_s = self._triggers.get(trigger, ("", 0.0))
            if not user:
                raise SlackError("invalid_trigger_id")
            if self.clock() > until_s:
                raise SlackError("expired_trigger_id")
            problems = block_problems(view.get("blocks"))
            if problems:
                raise SlackError("invalid_arguments", problems)
            blocks = with_block_ids(view["blocks"])
            shown = {**view, "id": f"V{secrets.token_hex(5)}", "team_id": self.identity.team_id, "blocks": blocks}
            self.views.append({"trigger_id": trigger, "user": user, "view": shown})
            return shown

    def new_response_url(self, base_url: str, ts: str, user: str) -> str:
        """Make the address by which an app may answer to something a person did with a message."""
        key = secrets.token_hex(12)
        self._response_urls[key] = ResponseUrl(ts, user)
        return f"{base_url}/actions/{self.identity.team_id}/{key}"

    def use_response_url(self, key: str) -> ResponseUrl:
        """Give what a response address is for; raises Slack's error for an unknown one and for the sixth use."""
        with self._lock:
            found = self._response_urls.get(key)
            if found is None:
                raise SlackError("expired_url")
            if found.uses >= _RESPONSE_URL_USES:
                raise SlackError("used_url")
            found.uses += 1
            return found

    def _parent(self, ts: str) -> Message:
        try:
            return self.find(ts)
        except SlackError as error:
            raise SlackError("thread_not_found") from error

    def _new_message(self, text: str, blocks: list[Block]) -> Message:
        return {
            "type": "message",
            "subtype": None,
            "text": text,
            "blocks": blocks,
            "user": self.identity.bot_user,
            "bot_id": self.identity.bot_id,
            "app_id": self.identity.app_id,
            "team": self.identity.team_id,
            "ts": self._next_ts(),
        }

    def _next_ts(self) -> str:
        with self._lock:
            self._last_ts = max(time.time(), self._last_ts + 1e-6)
            return f"{self._last_ts:.6f}"


def check_content(text: str, blocks: Any) -> list[Block]:
    """Give the blocks as Slack shows them; raises Slack's errors for what it would not show."""
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > _LONGEST_TEXT:
        raise SlackError("msg_too_long")
    problems = block_problems(blocks) if blocks else []
    if problems:
        raise SlackError("invalid_blocks", problems)
    return with_block_ids(blocks) if blocks else []


def _is_reply(message: Message) -> bool:
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])
