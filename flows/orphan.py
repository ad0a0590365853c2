"""Look after a release whose process has died: traffic home, a watch for late requests, the end (safety I4, I14).

The guard does so again and again, Prefect's hooks once; what was done stands in the release's own chain, so that who
comes next goes on there. Nothing here needs Prefect.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from flows.core.asking import left_open
from flows.core.guard_words import abandoned, brought_back, took_over
from flows.core.guarding import CAME, LATE, Course, came, course, may_keep, own_weights, unfinished, wanted_weights
from flows.core.record import Ending, ReleaseState, fold
from flows.core.report import report_of
from flows.way_home import end, end_at_home, quietly, traffic_home
from tasks.announcements import announce, close_ask, close_thread
from tasks.asks import record_answer
from tasks.claiming import Seen, in_stead_of, see_lock, take_over
from tasks.event_store import EventStore, event_key, read_events
from tasks.homecoming import bring_home
from tasks.ledger import Ledger, bound, note, note_beside, taken_over
from tasks.lock import Lock
from tasks.models import Answer, Ask, Event, Weights
from tasks.scaling import resume_scaling
from tasks.sentences import named, speaking
from tasks.settings import Settings
from tasks.waits import shielded, wait_until
from tasks.weights import read_weights

log = logging.getLogger("greenflow.guard")


class Orphan:
    """Hold a release that nobody runs any more, and what is left to be done for it."""

    def __init__(self, settings: Settings, lock: Lock, seen: Seen) -> None:
        self.lock = lock
        self.over = False
        self._settings = settings
        self._before = seen.record
        self._ledger: Ledger | None = None

    def look_after(self) -> str:
        """Do the next thing: traffic home, then watch, then the end; raises ReleaseError, and is to be called again."""
        if self._ledger is None:
            self._ledger = Ledger(self._settings, self.lock.record.release_id, self.lock)
        with bound(self._ledger), shielded(), speaking(self._settings.language):
            state = fold(self._ledger.events)
            found = came(self._ledger.events)
            if found is None and unfinished(state):
                return self._come(state)
            if found is None or not unfinished(state):
                return self._back_again(state)
            return self._watch(state, found.course, found.seq)

    def _come(self, state: ReleaseState) -> str:
        """Bring the traffic where it belongs by the first call, then write and tell."""
        to = course(state, read_weights(self._settings) if may_keep(state) else None)
        note_beside("lease.taken_over", taken_over(self._before, self.lock.record))
        if to is Course.HOME:
            traffic_home(self._settings, state)
        note(CAME, {"course": to, "from": self._before.owner})
        self.lock.give_way()
        weights = wanted_weights(state, to)
        self._tell_orphaned(to, state, weights)
        self._close_asks()
        return f"{state.release_id}: {to}, traffic {weights or 'never moved'}"

    def _watch(self, state: ReleaseState, to: Course, seq: int) -> str:
        """Keep the traffic where it belongs until no request of the dead process can be taken any more."""
        self.lock.confirm()  # the release itself may have gone on meanwhile: then its weights are its own
        wanted, found = wanted_weights(state, to), read_weights(self._settings)
        if to is Course.HOME and wanted and found != wanted and found in own_weights(state):
            return self._bring_back(state, found, wanted)
        if self._age_s(state, seq) <= self._settings.guard.watch_s:
            return f"{state.release_id}: watching"
        return self._end(state, to)

    def _back_again(self, state: ReleaseState) -> str:
        """Free an environment whose release is over; bring its traffic back where a late request moved it."""
        said, point = f"{state.release_id or 'nothing'}: over", state.restore_point
        if point and state.rollout and state.ending not in {Ending.SHIPPED, Ending.RUNNING}:
            found = read_weights(self._settings)
            if found != point.live.weights and found in own_weights(state):
                said = self._bring_back(state, found, point.live.weights)
        if state.ended:  # its process may have died before it took its button away
            close_thread(self._settings, state.release_id, report_of(state).verdict)
        self.over = True
        return said

    def _bring_back(self, state: ReleaseState, found: Weights, wanted: Weights) -> str:
        """Undo what a late request of this release did; where a person moved traffic, nothing is overwritten (I11)."""
        if state.restore_point:
            bring_home(self._settings, state.restore_point)
        note(LATE, {"found": str(found), "expected": str(wanted)})
        told = brought_back(environment=self._settings.name, release=state.release_id, found=found, expected=wanted)
        self._tell(state, told, key=f"late-{len(self._events)}")
        return f"{state.release_id}: brought back from {found}"

    def _end(self, state: ReleaseState, to: Course) -> str:
        """Put the rest back and close the chain, so that nothing stays half open."""
        reason = abandoned(self._from(state))
        if to is Course.KEEP:
            _leave_to_people(self._settings, state)
            end(Ending.SHIPPED, state.rollout_reason)
        else:
            end_at_home(self._settings, state, reason, by_people=state.called_back)
        verdict = report_of(fold(self._events)).verdict
        close_thread(self._settings, state.release_id, verdict)
        self.over = True
        return verdict

    @property
    def _events(self) -> Sequence[Event]:
        return self._ledger.events if self._ledger else ()

    def _from(self, state: ReleaseState) -> str:
        told = [event.data["from"] for event in self._events if event.kind == CAME]
        return told[-1] if told else state.release_id

    def _age_s(self, state: ReleaseState, seq: int) -> float:
        """Return how long ago an event was written, by the store's own clock (safety I27)."""
        stored = EventStore(self._settings).read(event_key(state.release_id, seq))
        return (stored.read_at - stored.modified_at).total_seconds() if stored else 0.0

    def _tell_orphaned(self, to: Course, state: ReleaseState, weights: Weights | None) -> None:
        settings = self._settings
        told = took_over(
            to,
            release=state.release_id,
            owner=self._before.owner,
            weights=weights,
            resume=f"greenflow release {state.version} --resume --environment {settings.name}",
            watch=f"{settings.guard.watch_s:g} s",
        )
        self._tell(state, told, key=f"guard-{self.lock.record.epoch}")

    def _tell(self, state: ReleaseState, told: str, key: str) -> None:
        log.warning("%s", told)
        announce(self._settings, state.release_id, told, key=key, urgent=True)

    def _close_asks(self) -> None:
        """Answer what nobody waits for any more, so that no button is left that does nothing."""
        for ask in left_open(self._events):
            quietly("close an open ask", partial(self._close, ask))

    def _close(self, ask: Ask) -> None:
        reason = named("the release's process died")
        mine = Answer(
            nonce=ask.nonce, decision="interrupted", by="guard", door="signal", at=datetime.now(UTC), reason=reason
        )
        answer = record_answer(self._settings, mine)
        note("ask.answered", {"answer": answer.model_dump(mode="json")})
        close_ask(self._settings, ask, answer)


def _leave_to_people(settings: Settings, state: ReleaseState) -> None:
    """Write down what a release that passed at 100 % had still to do; of that the guard does only autoscaling."""
    done = {change.what for change in state.changes if change.how in {"done", "already so"}}
    left = {
        "vercel.promote": named("give the site of this version the domain"),
        "service.scale": named("verify the release as users see it, then scale the old side down"),
    }
    for what, said in left.items():
        if what not in done:
            note("rollback.left_over", {"what": said})
    point = state.restore_point
    if point:
        quietly("give autoscaling back", lambda: resume_scaling(settings, point))


def rescue(settings: Settings, flow_run_id: str) -> str:
    """Bring home what a run has left behind, once its lease has run out, and leave the rest to the guard.

    Does nothing for a run that holds nothing. Raises ReleaseError.
    """
    store = EventStore(settings)

    def orphaned() -> Seen | None:
        seen = see_lock(store, settings.name)
        return None if seen and seen.alive and seen.record.role == "release" else seen

    seen = see_lock(store, settings.name)
    if seen is None or not seen.held or fold(read_events(store, seen.record.release_id)).flow_run_id != flow_run_id:
        return "holds nothing"
    with shielded():
        patience_s = 2 * settings.ledger.lease_s
        seen = wait_until(orphaned, what="the end of its lease", deadline_s=patience_s, poll_s=settings.ledger.poll_s)
    lock = take_over(settings, seen, in_stead_of(seen)) if seen.held and seen.record.role == "release" else None
    if lock is None:
        return "is looked after by somebody else"
    try:
        return Orphan(settings, lock, seen).look_after()
    finally:
        lock.abandon()
