"""The methods of Slack's Web API that a release uses, with its answers and its errors.

https://docs.slack.dev/apis/web-api
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from deployments.twin.slack_channel import Message, SlackError, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployments.twin.slack_people import People
    from deployments.twin.slack_socket import SlackSocket

_STRUCTURED = ("blocks", "metadata", "view", "attachments")
_CONNECT = "apps.connections.open"


@dataclass(frozen=True)
class AppTokens:
    """What an app authenticates with: as its bot, and as itself for Socket Mode."""

    bot: str
    app: str


class SlackApi:
    """The Web API of one workspace, for the app that holds its tokens."""

    def __init__(self, workspace: Workspace, people: People, socket: SlackSocket, tokens: AppTokens) -> None:
        self._workspace = workspace
        self._identity = workspace.identity
        self._people = people
        self._socket = socket
        self._tokens = tokens

    def call(self, method: str, arguments: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        """Answer one call, also when the answer is Slack's `ok: false`."""
        try:
            self._authorise(arguments, headers, self._tokens.app if method == _CONNECT else self._tokens.bot)
            return {"ok": True, **self._method(method)(arguments)}
        except SlackError as error:
            details = {"response_metadata": {"messages": error.details}} if error.details else {}
            return {"ok": False, "error": error.code, **details}

    def _authorise(self, arguments: Mapping[str, Any], headers: Mapping[str, str], expected: str) -> None:
        token = headers.get("authorization", "").removeprefix("Bearer ") or arguments.get("token", "")
        if not token:
            raise SlackError("not_authed")
        if not secrets.compare_digest(token.encode(), expected.encode()):
            raise SlackError("invalid_auth")

    def _method(self, name: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        known: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "apps.connections.open": self._open_connection,
            "auth.test": self._auth_test,
            "bots.info": self._bot_info,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.getPermalink": self._permalink,
            "conversations.info": self._channel_info,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "usergroups.users.list": self._group_users,
            "users.info": self._user_info,
            "views.open": self._open_view,
        }
        if name not in known:
            raise SlackError("unknown_method")
        return known[name]

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        identity = self._identity
        return {
            "url": f"https://{identity.team_domain}.slack.com/",
            "team": "GreenFlow",
            "team_id": identity.team_id,
            "user": "greenflow_release",
            "user_id": identity.bot_user,
            "bot_id": identity.bot_id,
            "is_enterprise_install": False,
        }

    def _bot_info(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        identity = self._identity
        if asked.get("bot") != identity.bot_id:
            raise SlackError("bot_not_found")
        names = {"id": identity.bot_id, "user_id": identity.bot_user, "name": "greenflow_release"}
        return {"bot": {**names, "app_id": identity.app_id, "deleted": False}}

    def _open_connection(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"url": self._socket.new_url()}

    def _post_message(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        message = self._workspace.write(
            asked.get("text", ""), asked.get("blocks"), asked.get("thread_ts"), asked.get("metadata")
        )
        self._people.look_at(message)
        return {"channel": self._identity.channel, "ts": message["ts"], "message": message}

    def _update(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        message = self._workspace.change(asked.get("ts"), asked.get("text"), asked.get("blocks"))
        self._people.look_at(message)
        return {"channel": self._identity.channel, "ts": message["ts"], "text": message["text"], "message": message}

    def _post_ephemeral(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        user = asked.get("user", "")
        if not user:
            raise SlackError("user_not_in_channel")
        text, blocks, thread = asked.get("text", ""), asked.get("blocks"), asked.get("thread_ts")
        return {"message_ts": self._workspace.write_to_one(user, text, blocks, thread)}

    def _permalink(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        ts = self._workspace.find(asked.get("message_ts"))["ts"]
        domain = self._identity.team_domain
        link = f"https://{domain}.slack.com/archives/{self._identity.channel}/p{ts.replace('.', '')}"
        return {"channel": self._identity.channel, "permalink": link}

    def _channel_info(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        name = self._identity.channel_name
        flags = {"is_channel": True, "is_member": True, "is_archived": False, "is_private": False}
        return {
            "channel": {
                "id": self._identity.channel,
                "name": name,
                "num_members": len(self._workspace.members),
                **flags,
            }
        }

    def _history(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        return _page(self._workspace.history()[: int(asked.get("limit", 100))], asked)

    def _replies(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._workspace.check_channel(asked.get("channel"))
        return _page(self._workspace.replies(str(asked.get("ts"))), asked)

    def _user_info(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        user = str(asked.get("user"))
        member = self._workspace.members.get(user)
        if member is None:
            raise SlackError("user_not_found")
        team = member.team_id or self._identity.team_id
        names = {"id": user, "name": member.name, "real_name": member.name, "team_id": team}
        guest = {"is_restricted": member.guest, "is_ultra_restricted": False}
        return {"user": {**names, **guest, "deleted": member.deleted, "is_bot": member.bot, "tz": "Asia/Seoul"}}

    def _group_users(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        users = self._workspace.groups.get(str(asked.get("usergroup")))
        if users is None:
            raise SlackError("no_such_subteam")
        return {"users": list(users)}

    def _open_view(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        view = self._workspace.open_view(str(asked.get("trigger_id")), asked.get("view", {}))
        self._people.look_at_view(self._workspace.views[-1])
        return {"view": view}


def read_arguments(body: bytes, query: dict[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
    """Read a call's arguments: JSON, or a form or a query in which structured ones are JSON text."""
    if "json" in headers.get("content-type", ""):
        read: dict[str, Any] = json.loads(body or b"{}")
        return read
    flat: dict[str, Any] = {**query, **dict(parse_qsl(body.decode()))}
    return {name: json.loads(value) if name in _STRUCTURED else value for name, value in flat.items()}


def _page(messages: list[Message], asked: Mapping[str, Any]) -> dict[str, Any]:
    if str(asked.get("include_all_metadata", "")).lower() not in {"1", "true"}:
        for message in messages:
            message.pop("metadata", None)
    return {"messages": messages, "has_more": False, "response_metadata": {"next_cursor": ""}}
