"""Post pictures of a release in the background: the newest of each key, each key at most once every few seconds.

Whoever posts never waits: a Prefect that hangs must not hold up a verdict on its way home (safety I12, I28).
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger("greenflow.showing")

EVERY_S = 5.0


@dataclass
class Notice:
    """Hold what is to be posted, in the context of who posted it, and when it may be."""

    send: Callable[[], object]
    context: contextvars.Context
    due_s: float


class Noticeboard:
    """Post in one thread of its own, which starts with the first notice and ends with the process."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._waiting: dict[str, Notice] = {}
        self._posted_s: dict[str, float] = {}
        self._changed = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None

    def post(self, key: str, send: Callable[[], object], *, now: bool = False) -> None:
        """Post by calling ``send`` soon, in place of what still waits under that key; ``now`` skips the pause."""
        with self._changed:
            due_s = time.monotonic() if now else self._posted_s.get(key, float("-inf")) + self._every_s
            before = self._waiting.pop(key, None)
            if before:
                due_s = min(due_s, before.due_s)
            self._waiting[key] = Notice(send, contextvars.copy_context(), due_s)
            self._start()
            self._changed.notify_all()

    def flush(self, within_s: float) -> bool:
        """Post all that waits without a pause; tells whether it was done within that time."""
        with self._changed:
            for notice in self._waiting.values():
                notice.due_s = float("-inf")
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, within_s)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="greenflow-noticeboard", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            notice = self._next()
            notice.context.run(_best_effort, notice.send)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Notice:
        with self._changed:
            while not (due := self._due()):
                self._changed.wait(self._patience_s())
            self._busy = True
            self._posted_s[due] = time.monotonic()
            return self._waiting.pop(due)

    def _due(self) -> str | None:
        now_s = time.monotonic()
        return next((key for key, notice in self._waiting.items() if notice.due_s <= now_s), None)

    def _patience_s(self) -> float | None:
        """Return how long until the next notice is due; None while there is none."""
        dues = [notice.due_s for notice in self._waiting.values()]
        return max(0.0, min(dues) - time.monotonic()) if dues else None


def _best_effort(send: Callable[[], object]) -> None:
    try:
        send()
    except Exception as error:  # noqa: BLE001 - a Prefect that is away shows nothing; the release goes on
        log.warning("could not show an artifact: %s", type(error).__name__)
