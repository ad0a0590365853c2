"""Know which release holds an environment and what it asks, from the ledger alone; any number of threads may look."""

import threading
import time
from dataclasses import dataclass

from deployments.follow import Follower
from flows.core.record import ReleaseState
from tasks.claiming import see_lock
from tasks.event_store import EventStore
from tasks.settings import Settings


@dataclass(frozen=True)
class Live:
    """Hold what an environment's ledger says now; ``alive`` tells whether the release's process renews its lease."""

    state: ReleaseState
    held: bool = False
    alive: bool = False

    @property
    def release_id(self) -> str:
        """Return the release that can still be decided about, or an empty string."""
        return self.state.release_id if self.held and not self.state.ended else ""

    @property
    def open_nonce(self) -> str:
        """Return the nonce of the question that is open, or an empty string."""
        ask = self.state.open_ask
        return ask.nonce if ask and self.release_id else ""

    @property
    def open_call(self) -> str:
        """Return the nonce of the roll call that waits for people, or an empty string."""
        call = self.state.roll_call
        return call.nonce if call and self.release_id else ""


class Watch:
    """Look at one environment; each look reads only what is new."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = EventStore(settings)
        self._looking = threading.Lock()
        self._followed = ""
        self._follower: Follower | None = None
        self._seen = Live(ReleaseState())
        self._seen_s = float("-inf")

    @property
    def release_id(self) -> str:
        """Return the release of the last look, whatever became of it since; nothing before the first look."""
        return self._seen.state.release_id

    def look(self, max_age_s: float = 0) -> Live:
        """Return what is so now, or was at most ``max_age_s`` ago; raises RemoteError."""
        asked_s = time.monotonic()
        with self._looking:
            # Whoever waited for another's look that began after they asked is served by it.
            if self._seen_s < asked_s - max_age_s:
                began_s = time.monotonic()
                self._seen = self._look()
                self._seen_s = began_s
            return self._seen

    def _look(self) -> Live:
        seen = see_lock(self._store, self._settings.name)
        if seen is None:
            return Live(ReleaseState())
        lock = seen.record
        if self._follower is None or lock.release_id != self._followed:
            self._follower, self._followed = Follower(self._settings, lock.release_id, lock.room), lock.release_id
        # A guard that looks after a dead release hears no answers.
        alive = seen.alive and lock.role == "release"
        return Live(self._follower.look(), held=seen.held, alive=alive)
