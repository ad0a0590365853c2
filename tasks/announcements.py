"""Tell people in Slack and ask them: one message a release, everything else in its thread (safety I19, I28).

Nothing here decides anything. What cannot be posted is logged and the release goes on; an ask that nobody saw runs
out, and its silence is a no. All texts are escaped here; callers give plain sentences.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tasks.ask_message import Block, ask_blocks, ask_text, closed_blocks, closed_text, release_blocks
from tasks.clients.slack import escaped, find_message, post_message, read_message, update_message
from tasks.errors import Interrupted, PermanentError, ReleaseError, TransientError, UnknownOutcome
from tasks.ledger import current_ledger, effect, homeward_effect, note
from tasks.models import Answer, Ask, Event, RollCall
from tasks.roll_call_message import closed_roll_call_blocks, roll_call_blocks, roll_call_text
from tasks.sentences import in_language, sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.announcements")

T = TypeVar("T")
POSTED = "slack.posted"
LONGEST_TEXT = 3500
_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def open_thread(settings: Settings, release_id: str, text: str) -> str | None:
    """Post a release's one parent message, with its way back, and return its ts; a second call finds the first."""
    told = in_language(text, settings.language)
    blocks = release_blocks(release_id, _tidy(told), settings.language)
    return _quietly(lambda: _post(settings, _thread_key(release_id), told, blocks, ""))


def close_thread(settings: Settings, release_id: str, text: str) -> bool:
    """Say in a release's parent message how it ended, in the place of its button; tell whether that is seen."""
    told = _tidy(in_language(text, settings.language))
    ended = release_blocks(release_id, told, settings.language, over=True)

    def close() -> bool:
        key = _thread_key(release_id)
        ts = _posted(key) or find_message(settings, key)
        return bool(ts) and _replace(settings, _Place(key, str(ts)), escaped(told), ended)

    return bool(_quietly(close))


def announce(
    settings: Settings,
    release_id: str,
    text: str,
    *,
    key: str = "",
    blocks: Sequence[Block] = (),
    urgent: bool = False,
    thread_ts: str | None = None,
) -> str | None:
    """Post to the release's thread, at most once a ``key`` (the text itself without one); return the ts or None.

    Failures are logged, never raised. ``urgent`` posts even when the ledger is down: for the way back. ``thread_ts``
    names the thread where the open ledger is not the release's own.
    """
    name = f"{release_id}/{key or hashlib.sha256(text.encode()).hexdigest()[:16]}"
    told = in_language(text, settings.language)
    thread = thread_ts or _thread_of(release_id)
    return _quietly(lambda: _post(settings, name, told, blocks, thread, urgent=urgent))


def thread_of(events: Iterable[Event], release_id: str) -> str:
    """Return the ts of a release's parent message as its chain tells it, or an empty string."""
    posted = (event.data for event in events if event.kind == POSTED)
    return next((str(data["ts"]) for data in posted if data["key"] == _thread_key(release_id)), "")


def post_ask(settings: Settings, ask: Ask, thread_ts: str | None = None) -> str | None:
    """Post a question with its three buttons, once; return the message's ts, or None when Slack did not take it."""
    words, thread = settings.language, thread_ts or _thread_of(ask.release_id)
    return _quietly(lambda: _post(settings, _ask_key(ask), ask_text(ask, words), ask_blocks(ask, words), thread))


def close_ask(settings: Settings, ask: Ask, answer: Answer, thread_ts: str | None = None) -> bool:
    """Put who answered, and when, in the place of a question's buttons; tell whether that is seen to be so."""
    words, thread = settings.language, thread_ts or _thread_of(ask.release_id)

    def close() -> bool:
        ts = _posted(_ask_key(ask)) or find_message(settings, _ask_key(ask), thread_ts=thread)
        place = _Place(_ask_key(ask), str(ts), thread)
        text = escaped(closed_text(ask, answer, words))
        return bool(ts) and _replace(settings, place, text, closed_blocks(ask, answer, words))

    return bool(_quietly(close))


def post_roll_call(settings: Settings, call: RollCall) -> str | None:
    """Call the people on duty, once; return the message's ts, or None when Slack did not take it."""
    words, key = settings.language, _roll_call_key(call)
    blocks, thread = roll_call_blocks(call, words), _thread_of(call.release_id)
    return _quietly(lambda: _post(settings, key, roll_call_text(call, words), blocks, thread))


def close_roll_call(settings: Settings, call: RollCall, present: Sequence[str], *, gave_up: bool = False) -> bool:
    """Put who is on duty in the place of a roll call's button; tell whether that is seen to be so."""
    words, key, thread = settings.language, _roll_call_key(call), _thread_of(call.release_id)
    ended = closed_roll_call_blocks(call, words, present, gave_up=gave_up)

    def close() -> bool:
        ts = _posted(key) or find_message(settings, key, thread_ts=thread)
        place = _Place(key, str(ts), thread)
        return bool(ts) and _replace(settings, place, escaped(roll_call_text(call, words)), ended)

    return bool(_quietly(close))


@dataclass(frozen=True)
class _Place:
    """Name one message of ours: its key, its ts and its thread."""

    key: str
    ts: str
    thread: str = ""


def _replace(settings: Settings, place: _Place, text: str, blocks: Sequence[Block]) -> bool:
    """Put other content in the place of a message with buttons; without buttons it has been replaced before."""

    def observe() -> bool | None:
        message = read_message(settings, place.ts, thread_ts=place.thread)
        if message is None:
            msg = sentence("could not change {key}: its message is gone", key=place.key)
            raise PermanentError(msg)
        return None if any(block.get("type") == "actions" for block in message.get("blocks", [])) else True

    def act() -> None:
        update_message(settings, place.ts, text=text, blocks=blocks)

    return effect("slack.update", place.key, observe=observe, act=act)


@dataclass
class _Message:
    """Post one message and find it again; ``key`` names it, in the ledger and in Slack."""

    settings: Settings
    key: str
    text: str
    blocks: Sequence[Block]
    thread: str
    unclear: bool
    ts: str = ""
    failure: TransientError | None = None

    def look(self) -> str | None:
        """Return its ts. Slack's answer holds the message as Slack keeps it: only a lost one has to be looked for."""
        if self.failure:
            raise self.failure  # nothing was posted, so there is nothing to wait for
        return self.ts or (find_message(self.settings, self.key, thread_ts=self.thread) if self.unclear else None)

    def post(self) -> None:
        """Post it, and remember how that went."""
        text = escaped(_tidy(self.text))
        try:
            self.ts = post_message(self.settings, key=self.key, text=text, blocks=self.blocks, thread_ts=self.thread)
        except UnknownOutcome:
            self.unclear = True
            raise
        except TransientError as error:
            self.failure = error
            raise


def _post(
    settings: Settings, key: str, text: str, blocks: Sequence[Block], thread: str, *, urgent: bool = False
) -> str:
    posted = _posted(key)
    if posted:
        return posted
    message = _Message(settings, key, text, blocks, thread, unclear=_intended(key))
    perform = homeward_effect if urgent else effect
    ts = perform("slack.post", key, observe=message.look, act=message.post)
    _remember(key, ts)
    return ts


def _remember(key: str, ts: str) -> None:
    try:
        note(POSTED, {"key": key, "ts": ts})
    except ReleaseError as error:
        log.warning("posted, and the ledger does not know it: %s", error)


def _posted(key: str) -> str:
    """Return the ts of what this release posted under a key, or an empty string."""
    return next((str(data["ts"]) for data in _told(POSTED) if data["key"] == key), "")


def _intended(key: str) -> bool:
    """Tell whether an earlier try of this release may have posted this and died before it could say so."""
    return any(data.get("effect") == "slack.post" and data.get("key") == key for data in _told("effect.intended"))


def _told(kind: str) -> Sequence[Mapping[str, object]]:
    return [event.data for event in current_ledger().events if event.kind == kind]


def _thread_of(release_id: str) -> str:
    try:
        return _posted(_thread_key(release_id))
    except PermanentError:
        return ""


def _thread_key(release_id: str) -> str:
    return f"{release_id}/thread"


def _ask_key(ask: Ask) -> str:
    return f"{ask.release_id}/ask/{ask.nonce}"


def _roll_call_key(call: RollCall) -> str:
    return f"{call.release_id}/roll-call/{call.nonce}"


def _quietly(say: Callable[[], T]) -> T | None:
    """Let nothing that goes wrong between us and people change what the release does (I28)."""
    try:
        return say()
    except Interrupted:
        raise
    except ReleaseError as error:
        log.warning("people were not told: %s", error)
    except Exception:
        log.exception("people were not told")
    return None


def _tidy(text: str) -> str:
    return _LINES.sub(" ", text)[:LONGEST_TEXT]
