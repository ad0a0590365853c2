"""Serve an ASGI application from a thread of this process, on a port the system chooses."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from starlette.types import ASGIApp

_START_PATIENCE_S = 10.0
_STOP_PATIENCE_S = 5.0
_GRACE_S = 1
_PAUSE_S = 0.005


class HttpThread:
    """Listen on loopback from `start` (or entering the context) to `stop`; `host`, `port` and `url` say where.

    With a `certificate`, a file that holds the key as well, it speaks TLS. Raises `RuntimeError` when the application
    does not start.
    """

    host = "127.0.0.1"
    port: int

    def __init__(self, app: ASGIApp, name: str, certificate: Path | None = None) -> None:
        self._name = name
        self._scheme = "https" if certificate else "http"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                loop="asyncio",
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
                ssl_certfile=certificate,
            )
        )
        self._socket = socket.socket()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Give `host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Give the address with its scheme, without a slash at the end."""
        return f"{self._scheme}://{self.address}"

    def start(self) -> None:
        """Bind a free port and answer on it."""
        self._socket.bind((self.host, 0))
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        deadline = time.monotonic() + _START_PATIENCE_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"could not start {self._name} on {self.address}")
            threading.Event().wait(_PAUSE_S)

    def ask_to_stop(self) -> None:
        """Let it close soon, and do not wait for it."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Answer what is under way, then close; a second call does nothing."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_PATIENCE_S)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


class Served:
    """Be a stand-in whose `_listener` answers for as long as the context lasts."""

    _listener: HttpThread

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.stop()
