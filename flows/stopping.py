"""Let a signal or a person stop a release politely: it comes home before its process ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.errors import Interrupted
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stops import read_stop
from tasks.waits import clear_stop, request_stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping_politely() -> Iterator[None]:
    """Ask the release to stop at the first signal; a second one is not needed and changes nothing."""
    clear_stop()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: request_stop()) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heed_stop(settings: Settings, release_id: str) -> None:
    """End the release when a person asked for its end; raises Interrupted with their words."""
    stop = read_stop(settings, release_id)
    if stop:
        msg = sentence("{who} asked for the way back: {why}", who=stop.by, why=stop.reason)
        raise Interrupted(msg)
