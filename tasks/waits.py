"""Wait politely: every wait has a deadline, and a request to stop ends it at once (safety I10).

``pause`` and ``wait_until`` are the only sleeps of the product. A signal handler calls ``request_stop``; the way
back runs inside ``shielded`` so that the same request does not stop the traffic's way home.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tasks.errors import Interrupted, TransientError
from tasks.sentences import named, sentence

T = TypeVar("T")

_STOP = threading.Event()
_WHY = [""]
_NEVER = threading.Event()
_SHIELDED: ContextVar[bool] = ContextVar("greenflow_shielded", default=False)


def request_stop(why: str = "") -> None:
    """Ask every wait of this process to end with Interrupted; the first ``why`` is what people will read."""
    if not _STOP.is_set():
        _WHY[0] = why
    _STOP.set()


def clear_stop() -> None:
    """Forget an earlier request to stop; for the start of a release."""
    _STOP.clear()
    _WHY[0] = ""


def heed_stop() -> None:
    """Raise Interrupted, with the reason, when this process was asked to stop; a way home heeds nothing."""
    if _STOP.is_set() and not _SHIELDED.get():
        raise Interrupted(stop_reason())


def stop_reason() -> str:
    """Say why this process was asked to stop."""
    return _WHY[0] or named("the process was asked to stop")


def stop_requested() -> bool:
    """Tell whether this process was asked to stop."""
    return _STOP.is_set()


@contextmanager
def shielded() -> Iterator[None]:
    """Let the waits inside run to their own deadlines whatever was requested."""
    token = _SHIELDED.set(True)
    try:
        yield
    finally:
        _SHIELDED.reset(token)


def pause(seconds: float) -> None:
    """Wait for ``seconds``; raises Interrupted as soon as somebody asks this process to stop."""
    if _SHIELDED.get():
        _NEVER.wait(seconds)
    elif _STOP.wait(seconds):
        raise Interrupted(stop_reason())


def wait_until(
    observe: Callable[[], T | None],
    *,
    what: str,
    deadline_s: float,
    poll_s: float,
    describe: Callable[[], str] | None = None,
) -> T:
    """Return the first answer of ``observe`` that is not None.

    Looks at least once, then every ``poll_s`` seconds. Raises TransientError after ``deadline_s`` saying ``what`` was
    awaited and, by ``describe``, what was seen last; raises Interrupted when this process is asked to stop.
    """
    end = time.monotonic() + deadline_s
    while True:
        seen = observe()
        if seen is not None:
            return seen
        left = end - time.monotonic()
        if left <= 0:
            last = sentence("; last seen: {what}", what=named(describe())) if describe else ""
            msg = sentence(
                "could not see {what} within {deadline_s:g} s{last}", what=named(what), deadline_s=deadline_s, last=last
            )
            raise TransientError(msg)
        pause(min(poll_s, left))
