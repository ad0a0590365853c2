"""Keep looking: the guard's process, its health, its end."""

import logging
import signal
import threading
import time
from pathlib import Path
from typing import Any

from deployments.guard.door import answering
from deployments.guard.metrics import GuardMetrics, Result
from deployments.guard.watchman import Watchman
from deployments.metrics import exposed, new_registry
from tasks.errors import ReleaseError, RollbackFailed
from tasks.log_lines import about
from tasks.settings import Settings

log = logging.getLogger("greenflow.guard")

BLIND_LOOKS = 4
"""After this many looks' time without one that succeeded, the guard calls itself unwell."""


class Guard:
    """Look every ``guard.every_s`` seconds until told to stop; what fails is logged and looked at again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.code = 0
        self._registry = new_registry()
        self._metrics = GuardMetrics(self._registry, settings.name, lambda: self._blind_s)
        self._watchman = Watchman(settings, self._metrics.takeovers.inc)
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
        with self._metrics.look_s.time(), about(lambda: {"environment": self.settings.name}):
            self.code, result = self._looked()
        self._metrics.looked(result)
        self._metrics.drifts.set(self._watchman.drifts)
        return self.code

    def _looked(self) -> tuple[int, Result]:
        try:
            self._say(self._watchman.look())
        except RollbackFailed as error:
            self._say(f"A PERSON MUST ACT NOW: {error}", *error.commands)
            return error.exit_code, "blocked"
        except ReleaseError as error:
            self._say(f"could not guard {self.settings.name}: {error}")
            return error.exit_code, "blind"
        except Exception:
            log.exception("could not guard %s", self.settings.name)
            return 1, "blind"
        self._looked_s = time.monotonic()
        return 0, "well"

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
        blind_s = self._blind_s
        sees = blind_s < BLIND_LOOKS * self.settings.guard.every_s + self.settings.aws.request_timeout_s
        return sees, {"environment": self.settings.name, "blind_s": round(blind_s, 1), "said": self._said}

    def metrics(self) -> bytes:
        """Return what is measured, as Prometheus reads it."""
        return exposed(self._registry)

    @property
    def _blind_s(self) -> float:
        return time.monotonic() - self._looked_s

    def _say(self, *lines: str) -> None:
        """Log what is new: a quiet night is one line."""
        if lines[0] != self._said:
            for line in lines:
                log.info("%s: %s", self.settings.name, line)
        self._said = lines[0]


def guarding(settings: Settings, *, once: bool, host: str, port: int | None, port_file: Path | None) -> int:
    """Guard one environment; returns the exit code of one look, or 0 when asked to stop."""
    guard = Guard(settings)
    if once:
        return guard.once()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: guard.stop())
    with answering(guard, host, port, port_file):
        guard.run()
    return 0
