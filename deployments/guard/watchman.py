"""Look at one environment again and again, and bring its traffic home when its release has died (safety I4, I14).

Level-triggered: every look starts from what the store and the load balancer say now, so that a look more, a second
guard or a restart changes nothing. What a guard has done it knows from the release's own chain.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from deployments.follow import Follower
from deployments.guard.drift_watch import DriftWatch
from flows.core.guarding import own_weights, unfinished
from flows.core.record import Ending, ReleaseState
from flows.orphan import Orphan
from tasks.claiming import Claim, Seen, in_stead_of, see_lock, take_over
from tasks.errors import LeaseLost
from tasks.event_store import EventStore
from tasks.settings import Settings
from tasks.weights import read_weights

log = logging.getLogger("greenflow.guard")


class Watchman:
    """Guard one environment; ``look`` once in a while."""

    def __init__(self, settings: Settings, on_takeover: Callable[[], object] = lambda: None) -> None:
        self._settings = settings
        self._store = EventStore(settings)
        self._drift = DriftWatch(settings)
        self._orphan: Orphan | None = None
        self._followed = ("", Follower(settings))
        self._on_takeover = on_takeover

    @property
    def drifts(self) -> int:
        """Return how many changes by somebody else stood at the last look."""
        return self._drift.stands

    def look(self) -> str:
        """Look once and do what is to be done; returns it in a sentence. Raises ReleaseError, and is to look again."""
        seen = see_lock(self._store, self._settings.name)
        if seen is None:
            return "no release was ever here"
        if self._orphan is None and not seen.alive:
            self._orphan = self._adopt(seen)
        if self._orphan:
            return self._look_after(self._orphan)
        running = seen.alive and seen.record.room == "releases"
        return self._drift.look(lambda: self._state(seen), running=running)

    def leave(self) -> None:
        """Stop looking; what is unfinished is found by the next guard as soon as this one's lease has run out."""
        if self._orphan:
            self._orphan.lock.abandon()
            self._orphan = None

    def _state(self, seen: Seen) -> ReleaseState:
        """Return what the ledger says now of the release that is, or was last, here; only what is new is read."""
        release_id = seen.record.last_release
        if self._followed[0] != release_id:
            self._followed = (release_id, Follower(self._settings, release_id))
        return self._followed[1].look() if release_id else ReleaseState()

    def _adopt(self, seen: Seen) -> Orphan | None:
        """Take what nobody runs any more; None when there is nothing, or somebody else was quicker.

        What people do between releases moves no traffic: then it is the release before that may have left some away.
        """
        orphaned = seen.held and seen.record.room == "releases"
        if not orphaned and not self._away(seen):
            return None
        lock = take_over(self._settings, seen, in_stead_of(seen) if orphaned else self._claim_behind(seen))
        if lock is None:
            return None
        log.warning("took over release %s from %s", lock.record.release_id, seen.record.owner)
        self._on_takeover()
        return Orphan(self._settings, lock, seen)

    def _claim_behind(self, seen: Seen) -> Claim:
        """Claim the release that is over, or was here before the operation that came after it."""
        left = self._state(seen)
        return Claim(self._settings.name, left.release_id, left.version, datetime.now(UTC), "guard")

    def _away(self, seen: Seen) -> bool:
        """Tell whether traffic may be away though the environment is free.

        A release could not write its ending, or its way back was blocked, or a late request of its own moved traffic.
        """
        state = self._state(seen)
        if unfinished(state):
            return True
        silent_s = (seen.stored.read_at - seen.stored.modified_at).total_seconds()
        if silent_s > self._settings.guard.watch_s or state.restore_point is None or state.ending is Ending.SHIPPED:
            return False
        found = read_weights(self._settings)
        return found != state.restore_point.live.weights and found in own_weights(state)

    def _look_after(self, orphan: Orphan) -> str:
        try:
            done = orphan.look_after()
        except LeaseLost as lost:
            orphan.lock.abandon()
            self._orphan = None
            return f"leaves {orphan.lock.record.release_id} to its new owner: {lost}"
        if orphan.over:
            orphan.lock.release()
            self._orphan = None
        return done
