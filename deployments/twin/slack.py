"""A stand-in for Slack: its Web API, and people who press the buttons that a release posts."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from deployments.twin.slack_api import AppTokens, SlackApi, read_arguments
from deployments.twin.slack_channel import Member, Message, ResponseUrl, SlackError, Workspace
from deployments.twin.slack_page import SlackPage
from deployments.twin.slack_people import Click, People, Person
from deployments.twin.slack_socket import SlackSocket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from starlette.requests import Request

_UNAVAILABLE = 503

__all__ = ["Call", "Click", "Member", "Person", "SlackStandIn"]


@dataclass(frozen=True)
class Call:
    """One call of the Web API as it came in; `error` is empty when it went well."""

    method: str
    arguments: dict[str, Any]
    error: str


class SlackStandIn:
    """Serve Slack's Web API at `url` (with its slash at the end, as slack_sdk wants it) while the context lasts.

    `person` answers asks and `on_duty` a roll call, as soon as `interactivity_url` says where the app listens.
    Without an address they reach an app that has connected by Socket Mode with `app_token`. All of it may be
    changed at any time; `down` makes Slack unavailable. `messages`, `calls` and `clicks` tell what happened, and
    `page_url` shows the channel to a browser, with its buttons.
    """

    def __init__(self, person: Person | None = None, on_duty: tuple[str, ...] = ()) -> None:
        self.token = f"xoxb-{secrets.token_urlsafe(32)}"
        self.app_token = f"xapp-{secrets.token_urlsafe(32)}"
        self.signing_secret = secrets.token_hex(16)
        self.calls: list[Call] = []
        self.workspace = Workspace()
        played = person or Person("U0APPROVER", decision="silent")
        self.workspace.members |= {user: Member(user.lower()) for user in (played.user_id, *on_duty)}
        self.people = People(self.workspace, self.signing_secret, lambda: self._listener.url, played, list(on_duty))
        self._listener = HttpThread(self._application(), "slack")
        self.socket = self.people.socket = SlackSocket(self.workspace.identity.app_id)
        self._api = SlackApi(self.workspace, self.people, self.socket, AppTokens(self.token, self.app_token))
        self._down = False

    def __enter__(self) -> Self:
        self.socket.__enter__()
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.people.stop()
        self._listener.stop()
        self.socket.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Give the address for slack_sdk's `WebClient(base_url=…)`."""
        return f"{self._listener.url}/api/"

    @property
    def page_url(self) -> str:
        """Give where a browser sees the channel."""
        return f"{self._listener.url}/"

    @property
    def channel(self) -> str:
        return self.workspace.identity.channel

    @property
    def team_id(self) -> str:
        return self.workspace.identity.team_id

    @property
    def messages(self) -> list[Message]:
        """Give what stands in the channel and its threads, in the order it was written."""
        return self.workspace.messages

    @property
    def clicks(self) -> list[Click]:
        """Give what people did, and what the app answered."""
        return self.people.clicks

    @property
    def person(self) -> Person:
        """Give who answers asks."""
        return self.people.person

    @person.setter
    def person(self, person: Person) -> None:
        self.workspace.members.setdefault(person.user_id, Member(person.user_id.lower()))
        self.people.person = person

    @property
    def interactivity_url(self) -> str | None:
        """Give where the app listens for what people do."""
        return self.people.interactivity_url

    @interactivity_url.setter
    def interactivity_url(self, url: str | None) -> None:
        self.people.interactivity_url = url

    @property
    def down(self) -> bool:
        """Tell whether Slack is unavailable."""
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        if down:
            self.socket.drop()

    def click(self, message_ts: str, action_id: str, user_id: str) -> Click:
        """Press a button as anybody; raises `LookupError` when the message shows no such button."""
        return self.people.click(message_ts, action_id, user_id)

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/{method}", self._answer, methods=["GET", "POST"]),
                Route("/actions/{team}/{key}", self._answer_response_url, methods=["POST"]),
                *SlackPage(self.people).routes,
            ]
        )

    async def _answer(self, request: Request) -> Response:
        if self._down:
            return PlainTextResponse("Service Unavailable", _UNAVAILABLE)
        method = request.path_params["method"]
        arguments = read_arguments(await request.body(), dict(request.query_params), request.headers)
        answer = await run_in_threadpool(self._api.call, method, arguments, request.headers)
        kept = {name: value for name, value in arguments.items() if name != "token"}
        self.calls.append(Call(method, kept, answer.get("error", "")))
        return JSONResponse(answer)

    async def _answer_response_url(self, request: Request) -> Response:
        if self._down:
            return PlainTextResponse("Service Unavailable", _UNAVAILABLE)
        if request.path_params["team"] != self.team_id:
            return PlainTextResponse("expired_url", 404)
        asked = json.loads(await request.body())
        try:
            meant = self.workspace.use_response_url(request.path_params["key"])
            await run_in_threadpool(self._follow, meant, asked)
        except SlackError as error:
            return PlainTextResponse(error.code, 404 if error.code.endswith("_url") else 400)
        return PlainTextResponse("ok")

    def _follow(self, meant: ResponseUrl, asked: Mapping[str, Any]) -> None:
        if asked.get("delete_original"):
            self.workspace.remove(meant.ts)
        elif asked.get("replace_original"):
            self.people.look_at(self.workspace.change(meant.ts, asked.get("text"), asked.get("blocks")))
        elif asked.get("response_type") == "in_channel":
            self.workspace.write(asked.get("text", ""), asked.get("blocks"), asked.get("thread_ts"))
        else:
            self.workspace.write_to_one(meant.user, asked.get("text", ""), asked.get("blocks"), asked.get("thread_ts"))
