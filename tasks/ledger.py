"""Keep the truth of a release: a chain of events in S3, and the one door for every change to the outside.

``effect`` is that door: write the intent, look whether it is already so, call once, read it back, write the outcome.
Success is observed, never inferred from an answer (safety I9, I26). ``open_ledger`` takes the environment's lease and
binds the ledger to the running context; stages find it there.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeVar

from tasks.chain import GENESIS, sealed
from tasks.claiming import Claim, acquire
from tasks.errors import (
    GateRefused,
    LeaseLost,
    PermanentError,
    ReleaseError,
    RemoteError,
    TransientError,
    UnknownOutcome,
)
from tasks.event_store import ConflictError, EventStore, Room, event_key, read_events
from tasks.lock import Lock, LockRecord
from tasks.log_lines import about
from tasks.models import Event
from tasks.mutations import permit
from tasks.sentences import sentence, stored
from tasks.settings import Settings
from tasks.waits import heed_stop, pause, wait_until

log = logging.getLogger("greenflow.ledger")

T = TypeVar("T")
INTENT_WAIT_S = 3.0
WHOLE_ENVIRONMENT: tuple[Room, ...] = ("releases", "operations")

_CURRENT: ContextVar["Ledger | None"] = ContextVar("greenflow_ledger", default=None)


class Ledger:
    """Append to one release's chain while its environment's lease is held."""

    def __init__(self, settings: Settings, release_id: str, lock: Lock, room: Room = "releases") -> None:
        self.settings = settings
        self.release_id = release_id
        self.lock = lock
        self._room = room
        self._store = EventStore(settings)
        self._events = read_events(self._store, release_id, room=room)
        self._appending = threading.RLock()
        self._silent = False

    @property
    def events(self) -> tuple[Event, ...]:
        """Return the whole chain."""
        return tuple(self._events)

    def facts(self) -> dict[str, Any]:
        """Return what every line of the log should tell: the release, and once it has one its phase in percent."""
        moved = next((event.data for event in reversed(self._events) if event.kind == "rollout.moved"), {})
        phase = {"rollout": moved["state"], "phase": moved["weight"]} if "weight" in moved else {}
        return {"environment": self.settings.name, "release_id": self.release_id, **phase}

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Write the next event; raises LeaseLost when a newer owner has written it."""
        with self._appending:
            while True:
                event = self._next(kind, data)
                written = self._write(event)
                self._events.append(written)
                if written.sha256 == event.sha256:
                    return event

    def _next(self, kind: str, data: Mapping[str, Any]) -> Event:
        last = self._events[-1] if self._events else None
        return sealed(
            Event(
                seq=last.seq + 1 if last else 1,
                release_id=self.release_id,
                kind=kind,
                at=datetime.now(UTC),
                epoch=self.lock.record.epoch,
                writer=self.lock.record.nonce,
                data=stored(data),
                previous=last.sha256 if last else GENESIS,
            )
        )

    def _write(self, event: Event) -> Event:
        """Write an event and return what is there: this one, or the last word of an owner before us.

        Patiently: S3 throttles whoever writes much, and a release that gave up at once would come home for nothing. A
        store that outlasted this patience is asked only once a time, until it answers again.
        """
        key, body = event_key(self.release_id, event.seq, self._room), event.model_dump_json().encode()
        end_s = time.monotonic() + (0 if self._silent else self.settings.ledger.read_back_s)
        while True:
            try:
                self._store.create(key, body)
            except ConflictError:
                self._silent = False
                return self._resolved(key, event)
            except (TransientError, UnknownOutcome):
                # A conditional create may be repeated: the second one finds the first.
                self._silent = time.monotonic() >= end_s
                if self._silent:
                    raise
                pause(self.settings.ledger.poll_s)
            else:
                self._silent = False
                return event

    def _resolved(self, key: str, event: Event) -> Event:
        """Tell our own write, whose answer was lost, and an older owner's late word from a newer owner's.

        Our own may be another event than this: the one before, given up when no answer came.
        """
        stored = self._store.read(key)
        found = Event.model_validate_json(stored.body) if stored else None
        fits = found is not None and found.previous == event.previous
        if found is not None and fits and (found.writer == event.writer or found.epoch < event.epoch):
            return found
        msg = sentence(
            "event {seq} of release {release} was written by another process; touching nothing",
            seq=event.seq,
            release=self.release_id,
        )
        raise LeaseLost(msg)


def current_ledger() -> Ledger:
    """Return the ledger of the running release; raises PermanentError outside of one."""
    ledger = _CURRENT.get()
    if ledger is None:
        msg = sentence("no release is open here: call this inside tasks.ledger.open_ledger")
        raise PermanentError(msg)
    return ledger


def note(kind: str, data: Mapping[str, Any]) -> None:
    """Write something worth knowing into the running release's chain."""
    current_ledger().append(kind, data)


@contextmanager
def open_ledger(settings: Settings, *, release_id: str, version: str, room: Room = "releases") -> Iterator[Ledger]:
    """Own the environment and its ledger for the length of the block.

    A release of the same version that ended without an ending (its process died) is taken up again under its own id.
    In the rooms ``aftercare`` and ``monitoring`` only that chain is owned: it never holds up a release. In the room
    ``operations`` the environment is owned by what people do between releases; one that died holds up nobody.
    Raises EnvironmentBusy when somebody else owns the environment.
    """
    lease = settings.name if room in WHOLE_ENVIRONMENT else f"{settings.name}-{room}-{release_id}"
    claim = Claim(lease, release_id, version, datetime.now(UTC), room=room)
    lock, previous = acquire(settings, claim)
    died = previous if previous is not None and previous.state == "held" and previous.room == room else None
    try:
        ledger = Ledger(settings, lock.record.release_id, lock, room)
        if died:
            ledger.append("lease.taken_over", taken_over(died, lock.record))
        with bound(ledger):
            yield ledger
    finally:
        lock.release()


@contextmanager
def bound(ledger: Ledger) -> Iterator[None]:
    """Make a ledger the one that effects and notes inside the block are written to."""
    token = _CURRENT.set(ledger)
    try:
        with about(ledger.facts):
            yield
    finally:
        _CURRENT.reset(token)


def taken_over(before: LockRecord, now: LockRecord) -> dict[str, Any]:
    """Return what the chain says when somebody takes up what another process left: from whom, and as what."""
    return {"from": before.owner, "from_role": before.role, "by": now.owner, "role": now.role, "epoch": now.epoch}


def effect(
    kind: str,
    key: str,
    *,
    observe: Callable[[], T | None],
    act: Callable[[], object],
    data: Mapping[str, Any] | None = None,
    read_back_s: float | None = None,
) -> T:
    """Make the outside be as wanted, at most by one call, and return what was observed.

    Args:
        kind: what is done, ``system.verb``, such as ``traffic.shift``.
        key: what makes this effect unique inside the release.
        observe: returns the wanted state when it is so, else None; looks only.
        act: makes the one mutating call.
        data: what a reader of the ledger should know; no secrets.
        read_back_s: how long to wait for the change to show; the environment's ``ledger.read_back_s`` when None.

    Raises:
        Interrupted: somebody asked for the end of the release; nothing was called.
        LeaseLost: somebody else owns the environment; nothing was called.
        UnknownOutcome: the call was made and its effect was not seen.
        RemoteError: the call failed, and looking again shows that it did not happen.
    """
    heed_stop()
    ledger = current_ledger()
    about = {"effect": kind, "key": key, **(data or {})}
    ledger.append("effect.intended", about)
    try:
        seen, already = _perform(ledger, kind, observe, act, read_back_s)
    except LeaseLost:
        raise
    except BaseException as error:
        refused = isinstance(error, PermanentError | GateRefused)
        ledger.append("effect.refused" if refused else "effect.unknown", {**about, "cause": _cause(error)})
        raise
    ledger.append("effect.done", {**about, "already": already})
    return seen


def note_beside(kind: str, data: Mapping[str, Any]) -> threading.Thread:
    """Write into the running release's chain without letting it hold up or fail the way home."""
    ledger = current_ledger()
    return _beside(lambda: ledger.append(kind, data))


def homeward_effect(kind: str, key: str, *, observe: Callable[[], T | None], act: Callable[[], object]) -> T:
    """Do what brings traffic home: the call first, and no failure of the ledger stops it (safety I12).

    The intent is written beside the call, not before it. Only somebody else owning the environment forbids it.
    Raises LeaseLost, UnknownOutcome or RemoteError like ``effect``.
    """
    ledger = current_ledger()
    about = {"effect": kind, "key": key}
    if not ledger.lock.allow_homeward():
        ledger.lock.require(0)
    intent = _beside(lambda: ledger.append("effect.intended", about))
    try:
        with permit():
            act()
    except UnknownOutcome as error:
        log.warning("%s: looking whether it happened: %s", kind, error)
    home = ledger.settings.ledger
    seen = wait_until(observe, what=kind, deadline_s=home.read_back_s, poll_s=home.poll_s)
    intent.join(INTENT_WAIT_S)
    _beside(lambda: ledger.append("effect.done", {**about, "already": False})).join(INTENT_WAIT_S)
    return seen


def _perform(
    ledger: Ledger,
    kind: str,
    observe: Callable[[], T | None],
    act: Callable[[], object],
    read_back_s: float | None,
) -> tuple[T, bool]:
    seen = observe()
    if seen is not None:
        return seen, True
    ledger.lock.require(ledger.settings.aws.request_timeout_s)
    try:
        with permit():
            act()
    except (TransientError, UnknownOutcome):
        seen = observe()  # it may have happened all the same: look before anybody tries again
        if seen is None:
            raise
        return seen, False
    wait_s = ledger.settings.ledger.read_back_s if read_back_s is None else read_back_s
    try:
        return wait_until(observe, what=kind, deadline_s=wait_s, poll_s=ledger.settings.ledger.poll_s), False
    except TransientError as error:
        msg = sentence("{kind} was called and is not seen to have happened: {error}", kind=kind, error=error)
        raise UnknownOutcome(msg) from error


def _beside(write: Callable[[], object]) -> threading.Thread:
    """Write to the ledger without letting it hold up or fail the way home."""

    def quietly() -> None:
        try:
            write()
        except (RemoteError, LeaseLost) as error:
            log.warning("the ledger could not be written on the way home: %s", error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(quietly,), name="greenflow-ledger-beside", daemon=True)
    thread.start()
    return thread


def _cause(error: BaseException) -> str:
    return str(error) if isinstance(error, ReleaseError) else f"{type(error).__name__} (see the log)"
