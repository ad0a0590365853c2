"""Turn SIGINT and SIGTERM into a polite stop: the release comes home before its process ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
