"""Serve the emulator over HTTP/1.1 with connections that stay open, and that can be cut on purpose."""

from __future__ import annotations

import contextlib
import functools
import http
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from deployments.twin.aws_calls import Answer, ConnectionCut

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class _Handler(MotoRequestHandler):
    """Read one request whole, ask the application, send the answer whole: werkzeug closes after each."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        try:
            answer = self.server.application(environ, self._body(environ))
        except ConnectionCut:
            self.close_connection = True
            return
        self._send(answer)

    def handle_expect_100(self) -> bool:
        # The interim answer must leave the buffer, or the client waits a second before it sends its body.
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the call log knows more."""

    def log_error(self, *_: Any) -> None:
        """Say nothing: a client that went away is no error here."""

    def _body(self, environ: dict[str, Any]) -> bytes:
        length = environ.get("CONTENT_LENGTH")
        if length:
            return bytes(environ["wsgi.input"].read(int(length)))
        return bytes(environ["wsgi.input"].read()) if environ.get("wsgi.input_terminated") else b""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status, http.HTTPStatus(answer.status).phrase)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        elif length := dict(answer.headers).get("Content-Length"):
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()


class _Listener(ThreadedWSGIServer):
    """Know the open connections, so that a stop does not wait for clients to hang up."""

    request_queue_size = 128

    def __init__(self, application: Callable[[dict[str, Any], bytes], Answer]) -> None:
        super().__init__("127.0.0.1", 0, lambda *_: [], handler=_Handler)
        self.application = application
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Cut every connection that is still open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Server:
    """Hold the emulator's listener on a free port of 127.0.0.1 and the thread that accepts for it."""

    _listener: _Listener
    _thread: threading.Thread

    def __init__(self, application: Callable[[dict[str, Any], bytes], Answer]) -> None:
        self._application = application

    @property
    def url(self) -> str:
        """Give its address, once it is entered."""
        return f"http://127.0.0.1:{self._listener.server_port}"

    def __enter__(self) -> Self:
        self._listener = _Listener(self._application)
        serve = functools.partial(self._listener.serve_forever, poll_interval=0.1)
        self._thread = threading.Thread(target=serve, name="aws-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._listener.hang_up()
        self._listener.server_close()
        self._thread.join()
