"""Hear every wish to stop, in every stage: a signal, a person at Slack or the command line, Cancel in the Prefect UI.

Each ends the release's waits, programs and next effects with Interrupted; then the release comes home by itself.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Failed

from tasks.errors import ReleaseError
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.stops import read_stop
from tasks.waits import clear_stop, request_stop

log = logging.getLogger("greenflow.stopping")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PREFECT_POLL_S = 2.0

_CANCELLED = threading.Event()


@contextmanager
def stopping_politely() -> Iterator[None]:
    """Ask the release to stop at the first signal; a second one is not needed and changes nothing."""
    clear_stop()
    _CANCELLED.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def hearing_wishes(settings: Settings, release_id: str, flow_run_id: str) -> Iterator[None]:
    """Look for people's wish to end this release, beside whatever it does, for the length of the block."""
    over = threading.Event()
    looks: list[tuple[Callable[[], bool], float]] = [
        (lambda: _called_back(settings, release_id), settings.approval.poll_s)
    ]
    if flow_run_id:
        looks.append((lambda: _cancelled(UUID(flow_run_id)), PREFECT_POLL_S))
    threads = [
        threading.Thread(target=_look_until, args=(over, *look), name="greenflow-wishes", daemon=True) for look in looks
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()


def ended_state(error: ReleaseError) -> State[Any]:
    """Return the state of a run that ended as ours end: with its sentence, not with a traceback.

    A run that Prefect is told to cancel may end in no other state than cancelled.
    """
    state = Cancelled if _CANCELLED.is_set() else Failed
    return state(message=str(error), data=error)


def _on_signal(number: int, _: object) -> None:
    request_stop(sentence("asked to stop by {signal}", signal=signal.Signals(number).name))


def _look_until(over: threading.Event, heard: Callable[[], bool], poll_s: float) -> None:
    while not over.is_set():
        try:
            if heard():
                return
        except Exception as error:  # noqa: BLE001 - a system that is away tells nothing; the release goes on without it
            log.debug("could not look for a wish to stop: %s", type(error).__name__)
        over.wait(poll_s)


def _called_back(settings: Settings, release_id: str) -> bool:
    stop = read_stop(settings, release_id)
    if stop is None:
        return False
    request_stop(sentence("{who} asked for the way back: {why}", who=stop.by, why=stop.reason))
    return True


def _cancelled(flow_run_id: UUID) -> bool:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(flow_run_id).state
    if state is None or not (state.is_cancelling() or state.is_cancelled()):
        return False
    _CANCELLED.set()
    request_stop(named("cancelled in the Prefect UI"))
    return True
