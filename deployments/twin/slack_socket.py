"""Slack's side of Socket Mode: what people do goes to the app over a WebSocket that the app has opened.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_ACK_PATIENCE_S = 3.0
_NOT_ALLOWED = 4401
_GRACE_S = 1.0


class SlackSocket:
    """Listen for apps that open a connection, send them envelopes and wait for their acknowledgements.

    An address from `new_url` opens one connection. `envelopes` are all that were sent, with whether they were
    acknowledged within three seconds.
    """

    def __init__(self, app_id: str) -> None:
        self.envelopes: list[tuple[str, bool]] = []
        self._app_id = app_id
        self._tickets: set[str] = set()
        self._connections: list[ServerConnection] = []
        self._acks: dict[str, threading.Event] = {}
        self._server: Server
        self._thread: threading.Thread

    def __enter__(self) -> Self:
        self._server = serve(self._talk, "127.0.0.1", 0, close_timeout=_GRACE_S)
        self._thread = threading.Thread(target=self._server.serve_forever, name="slack-socket", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self.drop()
        self._thread.join()

    @property
    def is_connected(self) -> bool:
        """Tell whether an app listens."""
        return bool(self._connections)

    def new_url(self) -> str:
        """Make an address by which the app may connect, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        host, port = self._server.socket.getsockname()[:2]
        return f"ws://{host}:{port}/link/?ticket={ticket}&app_id={self._app_id}"

    def send(self, payload: Mapping[str, Any], retries: int = 0) -> bool:
        """Send what a person did; tells whether the app has acknowledged it in time."""
        envelope = secrets.token_hex(16)
        acked = self._acks[envelope] = threading.Event()
        told = {"envelope_id": envelope, "type": "interactive", "accepts_response_payload": True, "payload": payload}
        for attempt in range(retries + 1):
            self._send_to_one({**told, "retry_attempt": attempt})
        self.envelopes.append((envelope, acked.wait(_ACK_PATIENCE_S)))
        return self.envelopes[-1][1]

    def refresh(self) -> None:
        """Ask the app to connect anew, as Slack does every few hours."""
        self._send_to_one({"type": "disconnect", "reason": "refresh_requested"})

    def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def _send_to_one(self, told: Mapping[str, Any]) -> None:
        for connection in reversed(self._connections):
            with contextlib.suppress(ConnectionClosed, OSError):
                connection.send(json.dumps(told, ensure_ascii=False))
                return

    def _talk(self, connection: ServerConnection) -> None:
        """Greet an app and hear its acknowledgements until it goes."""
        query = parse_qs(urlsplit(connection.request.path if connection.request else "").query)
        ticket = query.get("ticket", [""])[0]
        if ticket not in self._tickets:
            connection.close(_NOT_ALLOWED, "invalid ticket")
            return
        self._tickets.discard(ticket)
        connection.send(
            json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": self._app_id}})
        )
        self._connections.append(connection)
        try:
            for text in connection:
                envelope = json.loads(text).get("envelope_id", "")
                self._acks.get(envelope, threading.Event()).set()
        except (ConnectionClosed, OSError):
            return
        finally:
            self._connections.remove(connection)
