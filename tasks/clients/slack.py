"""Talk to Slack through its Web API: one request a call, its errors in our words, its token never told."""

import http.client
import logging
import re
import urllib.error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, ServerErrorRetryHandler

from tasks.errors import PermanentError, ReleaseError, TransientError, UnknownOutcome
from tasks.mutations import require_effect
from tasks.secrets import read_secret
from tasks.sentences import named, sentence
from tasks.settings import Settings

PASSING = frozenset({"ratelimited", "rate_limited", "service_unavailable", "request_timeout"})
UNCLEAR = frozenset({"internal_error", "fatal_error"})
NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
SLACKBOT = "USLACKBOT"
CODE = re.compile(r"[a-z][a-z0-9_]*")
TOO_MANY_REQUESTS = 429
EVENT_TYPE = "greenflow_release"
KEY = "key"
HISTORY = 100
REPLIES = 1000
"""A thread comes oldest first: with fewer, the newest would be missing."""

Block = Mapping[str, Any]

# The library logs whole answers of whoever answered; what is worth saying is in our errors.
_SILENT = logging.getLogger("greenflow.slack_sdk")
_SILENT.setLevel(logging.CRITICAL)


def post_message(settings: Settings, *, key: str, text: str, blocks: Sequence[Block] = (), thread_ts: str = "") -> str:
    """Post to the environment's channel and return the message's ts; only inside of an effect.

    ``key`` travels with the message, unseen, so that ``find_message`` finds it again. ``text`` is mrkdwn: escape it.
    """
    require_effect("slack chat.postMessage")
    with _translated("post to Slack"):
        answer = _client(settings).chat_postMessage(
            channel=settings.slack.channel,
            text=text,
            blocks=[dict(block) for block in blocks] or None,
            thread_ts=thread_ts or None,
            metadata={"event_type": EVENT_TYPE, "event_payload": {KEY: key}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])


def update_message(settings: Settings, ts: str, *, text: str, blocks: Sequence[Block]) -> None:
    """Replace a message's text and blocks; only inside of an effect. No blocks would leave the old ones in place."""
    require_effect("slack chat.update")
    with _translated("change a Slack message"):
        _client(settings).chat_update(
            channel=settings.slack.channel, ts=ts, text=text, blocks=[dict(block) for block in blocks]
        )


def find_message(settings: Settings, key: str, *, thread_ts: str = "") -> str | None:
    """Return the ts of the message posted with ``key``: in its thread, or among the channel's last hundred."""
    found = (message["ts"] for message in _recent(settings, thread_ts) if _key_of(message) == key)
    return next((str(ts) for ts in found), None)


def read_message(settings: Settings, ts: str, *, thread_ts: str = "") -> Mapping[str, Any] | None:
    """Return one message as Slack keeps it, or None when it is not in its thread or the channel's last hundred."""
    return next((message for message in _recent(settings, thread_ts) if message.get("ts") == ts), None)


def read_replies(settings: Settings, thread_ts: str) -> tuple[tuple[str, str], ...]:
    """Return who wrote what in a thread, oldest first; the bot's own messages and the parent are left out."""
    said = [message for message in _recent(settings, thread_ts) if message.get("ts") != thread_ts]
    people = [message for message in said if not message.get("bot_id") and message.get("user")]
    return tuple((str(message["user"]), str(message.get("text", ""))) for message in people)


def link_to(settings: Settings, ts: str) -> str:
    """Return a message's address for people."""
    with _translated("ask Slack for a link"):
        return str(_client(settings).chat_getPermalink(channel=settings.slack.channel, message_ts=ts)["permalink"])


@dataclass(frozen=True)
class Home:
    """Hold which app and which workspace a bot's token belongs to."""

    app_id: str
    team_id: str


@dataclass(frozen=True)
class Member:
    """Hold what Slack knows of somebody now."""

    team_id: str
    is_guest: bool
    is_bot: bool
    is_gone: bool


def read_home(settings: Settings) -> Home:
    """Return the app and the workspace of our token; raises PermanentError when the settings pin others."""
    client = _client(settings, repeat=True)
    with _translated("ask Slack who we are"):
        us = client.auth_test()
        app_id = str(client.bots_info(bot=us["bot_id"], team_id=us["team_id"])["bot"]["app_id"])
    home = Home(app_id, str(us["team_id"]))
    pinned = settings.slack
    for name, found, expected in (("team", home.team_id, pinned.team_id), ("app", home.app_id, pinned.app_id)):
        if expected and found != expected:
            msg = sentence(
                "slack.{name}_id: found {found}, expected {expected}; the token belongs to another {name}",
                name=name,
                found=found,
                expected=expected,
            )
            raise PermanentError(msg)
    return home


def read_member(settings: Settings, user_id: str) -> Member | None:
    """Return what Slack knows of somebody now, or None when it knows nobody by that id."""
    with _translated("ask Slack about a person"):
        try:
            user = _client(settings, repeat=True).users_info(user=user_id)["user"]
        except SlackApiError as error:
            if error.response.get("error") in NOBODY:
                return None
            raise
    return Member(
        team_id=str(user.get("team_id", "")),
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_stranger")),
        is_bot=bool(user.get("is_bot") or user_id == SLACKBOT),
        is_gone=bool(user.get("deleted")),
    )


def read_group(settings: Settings, group_id: str) -> frozenset[str]:
    """Return the ids of who is in a user group now; raises PermanentError for one that is not there or switched off."""
    with _translated(sentence("ask Slack who is in group {group_id}", group_id=group_id)):
        answer = _client(settings, repeat=True).usergroups_users_list(usergroup=group_id)
        return frozenset(str(user) for user in answer.get("users") or ())


@dataclass(frozen=True)
class Channel:
    """Hold what Slack knows of the environment's channel, as our bot sees it."""

    name: str
    is_member: bool
    is_archived: bool


def read_channel(settings: Settings) -> Channel:
    """Return the environment's channel; raises PermanentError when the bot cannot see one of that id."""
    with _translated(sentence("look at Slack channel {channel}", channel=settings.slack.channel)):
        found = _client(settings, repeat=True).conversations_info(channel=settings.slack.channel)["channel"]
    return Channel(str(found.get("name", "")), bool(found.get("is_member")), bool(found.get("is_archived")))


def open_modal(settings: Settings, trigger_id: str, view: Mapping[str, Any]) -> None:
    """Show a form to the person who has just pressed a button; it is theirs alone and changes nothing by itself."""
    with _translated("open a form in Slack"):
        _client(settings).views_open(trigger_id=trigger_id, view=dict(view))


def escaped(text: str) -> str:
    """Take the power out of text from outside: no mention, no link, no channel call (safety I23)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _recent(settings: Settings, thread_ts: str) -> list[dict[str, Any]]:
    client, channel = _client(settings), settings.slack.channel
    with _translated("read the Slack channel"):
        answer = (
            client.conversations_replies(channel=channel, ts=thread_ts, limit=REPLIES, include_all_metadata=True)
            if thread_ts
            else client.conversations_history(channel=channel, limit=HISTORY, include_all_metadata=True)
        )
        return list(answer.get("messages") or [])


def _key_of(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return str(payload.get(KEY, "")) if metadata.get("event_type") == EVENT_TYPE else ""


def _client(settings: Settings, *, repeat: bool = False) -> WebClient:
    token = read_secret(settings.slack.token, settings.aws)
    return WebClient(
        token=token.get_secret_value(),
        base_url=settings.slack.api_url,
        timeout=max(1, round(settings.slack.timeout_s)),
        logger=_SILENT,
        # Only looking is repeated: a repeated post is a second message, so we look before we repeat one.
        retry_handlers=[ConnectionErrorRetryHandler(), ServerErrorRetryHandler()] if repeat else [],
    )


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ReleaseError:
        raise
    except SlackApiError as error:
        raise _of_answer(doing, error) from error
    except urllib.error.URLError as error:
        raise _of_connection(doing, error.reason) from error
    except (OSError, http.client.HTTPException) as error:
        raise _of_connection(doing, error) from error
    except SlackClientError as error:
        msg = sentence("could not {doing}: {why}", doing=named(doing), why=type(error).__name__)
        raise PermanentError(msg) from error


def _of_answer(doing: str, error: SlackApiError) -> ReleaseError:
    response: Any = error.response
    told = response.data if isinstance(response.data, dict) else {}
    code = str(told.get("error", ""))
    if response.status_code == TOO_MANY_REQUESTS or code in PASSING:
        return TransientError(
            sentence(
                "could not {doing}: {code}; Slack asks to wait",
                doing=named(doing),
                code=code or named("too many requests"),
            )
        )
    if not CODE.fullmatch(code):
        return UnknownOutcome(
            sentence(
                "could not {doing}: {status_code} and an answer that is not Slack's",
                doing=named(doing),
                status_code=response.status_code,
            )
        )
    message = sentence("could not {doing}: {why}", doing=named(doing), why=code)
    return UnknownOutcome(message) if code in UNCLEAR else PermanentError(message)


def _of_connection(doing: str, cause: object) -> ReleaseError:
    if isinstance(cause, ConnectionRefusedError) or type(cause).__name__ == "gaierror":
        return TransientError(sentence("could not {doing}: no connection", doing=named(doing)))
    return UnknownOutcome(
        sentence("could not {doing}: the answer was lost ({kind})", doing=named(doing), kind=type(cause).__name__)
    )
