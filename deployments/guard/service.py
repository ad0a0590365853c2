"""Keep looking: the guard's process, its health, its end."""

import json
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deployments.guard.watchman import Watchman
from deployments.twin.whole_file import write_whole
from tasks.errors import ReleaseError, RollbackFailed
from tasks.settings import Settings

log = logging.getLogger("greenflow.guard")

BLIND_LOOKS = 4
"""After this many looks' time without one that succeeded, the guard calls itself unwell."""


class Guard:
    """Look every ``guard.every_s`` seconds until told to stop; what fails is logged and looked at again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.code = 0
        self._watchman = Watchman(settings)
        self._over = threading.Event()
        self._said = ""
        self._looked_s = time.monotonic()

    def run(self) -> None:
        """Look until ``stop``; a look that is under way is finished, for it may be bringing traffic home."""
        try:
            while not self._over.is_set():
                self.look()
                self._over.wait(self.settings.guard.every_s)
        finally:
            self._watchman.leave()

    def look(self) -> int:
        """Look once and return the exit code it is worth: 0, 1 when it could not look, 5 when a person must act."""
        try:
            self._say(self._watchman.look())
        except RollbackFailed as error:
            self._say(f"A PERSON MUST ACT NOW: {error}", *error.commands)
            self.code = error.exit_code
        except ReleaseError as error:
            self._say(f"could not guard {self.settings.name}: {error}")
            self.code = error.exit_code
        except Exception:
            log.exception("could not guard %s", self.settings.name)
            self.code = 1
        else:
            self.code = 0
            self._looked_s = time.monotonic()
        return self.code

    def once(self) -> int:
        """Look once and leave, for a cron: the next one goes on where this one stopped."""
        try:
            return self.look()
        finally:
            self._watchman.leave()

    def stop(self) -> None:
        """Ask the guard to end after the look that is under way."""
        self._over.set()

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the guard can see, and what it saw last."""
        blind_s = time.monotonic() - self._looked_s
        sees = blind_s < BLIND_LOOKS * self.settings.guard.every_s + self.settings.aws.request_timeout_s
        return sees, {"environment": self.settings.name, "blind_s": round(blind_s, 1), "said": self._said}

    def _say(self, *lines: str) -> None:
        """Log what is new: a quiet night is one line."""
        if lines[0] != self._said:
            for line in lines:
                log.info("%s: %s", self.settings.name, line)
        self._said = lines[0]


def guarding(settings: Settings, *, once: bool, port: int | None, port_file: Path | None) -> int:
    """Guard one environment; returns the exit code of one look, or 0 when asked to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("greenflow").setLevel(logging.INFO)
    guard = Guard(settings)
    if once:
        return guard.once()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: guard.stop())
    with _told(guard, port, port_file):
        guard.run()
    return 0


@contextmanager
def _told(guard: Guard, port: int | None, port_file: Path | None) -> Iterator[None]:
    """Answer who asks for the guard's health over HTTP, if that is wanted."""
    if port is None and port_file is None:
        yield
        return

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sees, told = guard.health()
            body = json.dumps(told, ensure_ascii=False).encode()
            self.send_response(200 if sees else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: supervisors ask often."""

    with ThreadingHTTPServer(("127.0.0.1", port or 0), Health) as server:
        threading.Thread(target=server.serve_forever, name="greenflow-health", daemon=True).start()
        if port_file:
            write_whole(port_file, str(server.server_port))
        try:
            yield
        finally:
            server.shutdown()
