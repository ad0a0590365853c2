"""Answer over HTTP how the guard is: a supervisor asks for its health, Prometheus for its metrics."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from deployments.metrics import CONTENT_TYPE
from deployments.twin.whole_file import write_whole


class Asked(Protocol):
    """Know how a guard is."""

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether it can see, and what it saw last."""

    def metrics(self) -> bytes:
        """Return what is measured, as Prometheus reads it."""


@contextmanager
def answering(guard: Asked, host: str, port: int | None, port_file: Path | None) -> Iterator[None]:
    """Answer for the length of the block, if that is wanted: /metrics with the metrics, all else with the health."""
    if port is None and port_file is None:
        yield
        return
    with ThreadingHTTPServer((host, port or 0), _door(guard)) as server:
        threading.Thread(target=server.serve_forever, name="greenflow-health", daemon=True).start()
        if port_file:
            write_whole(port_file, str(server.server_port))
        try:
            yield
        finally:
            server.shutdown()


def _door(guard: Asked) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE, guard.metrics())
                return
            sees, told = guard.health()
            body = json.dumps(told, ensure_ascii=False).encode()
            self._answer(200 if sees else 503, "application/json", body)

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: supervisors ask often."""

    return Door
