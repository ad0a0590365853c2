"""Break chosen calls of a process: each once, the way networks and services break.

A broken call to AWS is marked, and the emulator breaks it at its end; one over HTTP is broken here, at the transport.
"""

import email.message
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector

import httpx
from botocore.httpsession import URLLib3Session

from deployments.prove.points import IDS, aws_call

KINDS = ("throttle", "500_before", "reset_before", "denied", "delay", "503_after", "lost_answer", "empty_200")
"""The first four strike before the call has its effect, the others after it; ``delay`` answers when nobody listens."""
STATUS = {"throttle": 429, "500_before": 500, "denied": 403, "503_after": 503}
MARK = "x-twin-fault"


class Breaking:
    """Write down every call that this process makes into ``file``, and break those of ``names``, each once."""

    def __init__(self, file: Path, kind: str, names: frozenset[str]) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kind = kind
        self._names = set(names)
        self._choosing = threading.Lock()

    def install(self) -> None:
        """Stand at every way out, for the rest of this process's life."""
        self._at_aws()
        self._at_http()
        self._at_slack()

    def _breaks(self, name: str) -> bool:
        with self._choosing:
            hit = name in self._names
            self._names.discard(name)
            os.write(self._file, f"{'broken' if hit else 'called'} {name}\n".encode())
            return hit

    def _at_aws(self) -> None:
        send = URLLib3Session.send

        def sent(client: Any, request: Any) -> Any:
            if self._breaks(aws_call(request)):
                request.headers[MARK] = self._kind
            return send(client, request)

        _replace(URLLib3Session, "send", sent)

    def _at_http(self) -> None:
        handle = httpx.HTTPTransport.handle_request

        def handled(transport: Any, request: httpx.Request) -> httpx.Response:
            if not self._breaks(http_call(request)):
                return handle(transport, request)
            return self._broken_http(request, lambda: handle(transport, request).read())

        _replace(httpx.HTTPTransport, "handle_request", handled)

    def _broken_http(self, request: httpx.Request, perform: Callable[[], object]) -> httpx.Response:
        if self._kind == "reset_before":
            raise httpx.ReadError("reset", request=request)
        if self._kind not in STATUS or self._kind == "503_after":
            perform()
        if self._kind == "delay":
            raise httpx.ReadTimeout("no answer in time", request=request)
        if self._kind == "lost_answer":
            raise httpx.RemoteProtocolError("the connection was closed", request=request)
        return httpx.Response(STATUS.get(self._kind, 200), content=b"", request=request)

    def _at_slack(self) -> None:
        opens = OpenerDirector.open

        def opened(opener: Any, request: Any, *given: Any, **more: Any) -> Any:
            if not self._breaks(slack_call(request)):
                return opens(opener, request, *given, **more)
            return self._broken_slack(request, lambda: opens(opener, request, *given, **more))

        _replace(OpenerDirector, "open", opened)

    def _broken_slack(self, request: Any, perform: Callable[[], object]) -> Any:
        if self._kind == "reset_before":
            raise URLError(ConnectionResetError())
        if self._kind not in STATUS or self._kind == "503_after":
            perform()
        if self._kind == "delay":
            raise TimeoutError
        if self._kind == "lost_answer":
            raise URLError(ConnectionAbortedError())
        url = request if isinstance(request, str) else request.full_url
        raise HTTPError(url, STATUS.get(self._kind, 200), self._kind, email.message.Message(), io.BytesIO())


def _replace(owner: type, name: str, ours: Callable[..., Any]) -> None:
    setattr(owner, name, ours)


def http_call(request: httpx.Request) -> str:
    """Name a request over HTTP, without the ids in its path."""
    return f"http {request.method} {IDS.sub('*', request.url.path)}"


def slack_call(request: Any) -> str:
    """Name a call to Slack by its method."""
    url = request if isinstance(request, str) else request.full_url
    return f"slack {url.rpartition('/')[2].partition('?')[0]}"


def read_calls(file: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return which calls a process made, and which of them were broken."""
    lines = [line.partition(" ") for line in file.read_text().splitlines()] if file.exists() else []
    return frozenset(name for _, _, name in lines), frozenset(name for how, _, name in lines if how == "broken")
