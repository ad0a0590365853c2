"""Follow a release through its ledger, as any reader may: the command line, a second terminal, a colleague."""

from flows.core.record import ReleaseState, fold
from tasks.event_store import EventStore, Room, read_events
from tasks.lock import read_lock
from tasks.settings import Settings


class Follower:
    """Look at the release that holds an environment, or held it last; each look reads only what is new."""

    def __init__(self, settings: Settings, release_id: str = "", room: Room = "releases") -> None:
        self._store = EventStore(settings)
        self._environment = settings.name
        self._release_id = release_id
        self._room: Room = room
        self._seq = 0
        self.state = ReleaseState()

    def look(self) -> ReleaseState:
        """Return the state as of now; empty while there is no release."""
        if not self._release_id:
            self._find()
        if self._release_id:
            events = read_events(self._store, self._release_id, after=self._seq, room=self._room)
            self._seq = events[-1].seq if events else self._seq
            self.state = fold(events, self.state)
        return self.state

    def _find(self) -> None:
        lock = read_lock(self._store, self._environment)
        if lock:
            self._release_id, self._room = lock.release_id, lock.room
