"""Tell once what somebody else changed, by name, with what is found and what is expected (safety I11).

What was told, and how the environment looked when the last release was over, the guard keeps in a chain of its own: so
neither a restart nor a second guard tells it again. Nothing is ever overwritten.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence

from pydantic import Field

from flows.core.drift import WEIGHTS, drifted, facts, moved_by_somebody_else, recorded
from flows.core.guard_words import drift_found, drift_gone
from flows.core.record import ReleaseState
from tasks.announcements import announce
from tasks.camera import take_picture
from tasks.errors import EnvironmentBusy, PermanentError
from tasks.event_store import EventStore, read_events
from tasks.ledger import note, open_ledger
from tasks.models import Event, Record
from tasks.settings import Settings
from tasks.waits import pause
from tasks.weights import read_weights

log = logging.getLogger("greenflow.guard")

PICTURE = "picture.taken"
FOUND = "drift.found"
GONE = "drift.gone"


class Memory(Record):
    """Hold what the guard's own chain says: the picture everything is compared with, and what was told of it."""

    release_id: str = ""
    picture: dict[str, str] = Field(default_factory=dict)
    told: tuple[str, ...] = ()
    times: int = 0


def remember(events: Sequence[Event], memory: Memory) -> Memory:
    """Return the memory after more events of the chain."""
    for event in events:
        data = event.data
        if event.kind == PICTURE:
            memory = memory.model_copy(update={"release_id": data["release_id"], "picture": data["picture"]})
        elif event.kind == FOUND:
            memory = memory.model_copy(update={"told": (*memory.told, data["what"]), "times": memory.times + 1})
        elif event.kind == GONE:
            memory = memory.model_copy(update={"told": tuple(what for what in memory.told if what != data["what"])})
    return memory


class DriftWatch:
    """Compare an environment with what it should be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = EventStore(settings)
        self._memory = Memory()
        self._seq = 0

    @property
    def stands(self) -> int:
        """Return how many changes by somebody else are still there."""
        return len(self._memory.told)

    def look(self, read_state: Callable[[], ReleaseState], *, running: bool) -> str:
        """Look once, tell what is new, and return how it is in a sentence; raises RemoteError."""
        self._recall()
        state = read_state()
        if running:
            self._compare(
                lambda: self._moved(read_state()), {what for what in self._memory.told if what.startswith(WEIGHTS)}
            )
        elif state.ended:
            if self._memory.release_id != state.release_id:
                picture = facts(take_picture(self._settings))
                self._write(lambda _: note(PICTURE, {"release_id": state.release_id, "picture": picture}))
            self._compare(lambda: self._changed(state), set(self._memory.told))
        return "; ".join(self._memory.told) or ("a release is running" if running else "all quiet")

    def _compare(self, look: Callable[[], tuple[str, ...]], told: set[str]) -> None:
        found = set(look())
        if found - told:
            pause(self._settings.load_balancer.poll_s)  # a change that is just being made is no drift
            found &= {*look(), *told}
        if found != told:
            self._write(lambda memory: self._tell(memory, new=found - told, gone=told - found))

    def _moved(self, state: ReleaseState) -> tuple[str, ...]:
        try:
            return moved_by_somebody_else(state, read_weights(self._settings))
        except PermanentError as error:
            return (f"{WEIGHTS}{error}",)

    def _changed(self, state: ReleaseState) -> tuple[str, ...]:
        groups = {str(side): section.target_group_arn for side, section in self._settings.sides.items()}
        expected = {**self._memory.picture, **recorded(state, groups)}
        return drifted(expected, facts(take_picture(self._settings)))

    def _recall(self) -> None:
        events = read_events(self._store, self._settings.name, after=self._seq, room="guard")
        self._memory = remember(events, self._memory)
        self._seq = events[-1].seq if events else self._seq

    def _write(self, write: Callable[[Memory], object]) -> None:
        """Write into the guard's own chain, whose lease lets one guard at a time tell people."""
        settings = self._settings
        try:
            with open_ledger(settings, release_id=settings.name, version="guard", room="guard") as ledger:
                write(remember(ledger.events, Memory()))
        except EnvironmentBusy:
            log.info("another guard is telling it")
        self._recall()

    def _tell(self, memory: Memory, *, new: set[str], gone: set[str]) -> None:
        settings = self._settings
        environment = settings.name
        for what in sorted(new - set(memory.told)):
            text = drift_found(environment, what)
            log.warning("%s", text)
            announce(settings, environment, text, key=f"drift-{memory.times}-{_short(what)}")
            note(FOUND, {"what": what})
        for what in sorted(gone & set(memory.told)):
            log.info("%s", drift_gone(environment, what))
            note(GONE, {"what": what})


def _short(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:16]
