"""End a release that nobody runs any more, by a person's word, without touching anything outside of the ledger."""

from flows.core.guarding import Course, course, may_keep, unfinished, wanted_weights
from flows.core.record import Ending, ReleaseState, fold
from flows.way_home import end
from tasks.claiming import Seen, in_stead_of, refuse_alive, see_lock, take_over
from tasks.errors import EnvironmentBusy, GateRefused
from tasks.event_store import EventStore
from tasks.identity import operator
from tasks.ledger import Ledger, bound, note, taken_over
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.weights import read_weights

ENDINGS = {Course.HOME: Ending.REJECTED, Course.KEEP: Ending.SHIPPED, Course.UNTOUCHED: Ending.REFUSED}


def break_lock(settings: Settings, reason: str) -> str:
    """Free an environment and return what became of its release.

    Raises EnvironmentBusy while the holder lives, and GateRefused when nothing is held or its traffic is not where an
    ending could leave it: that is what ``greenflow rollback`` is for.
    """
    seen = see_lock(EventStore(settings), settings.name)
    if seen is None or not seen.held:
        msg = f"unlock refused: {settings.name} is free, nothing holds it"
        raise GateRefused(msg)
    refuse_alive(settings, seen)
    lock = take_over(settings, seen, in_stead_of(seen))
    if lock is None:
        msg = f"{settings.name} was taken over by somebody else just now; look with: greenflow status"
        raise EnvironmentBusy(msg)
    try:
        return _end(settings, Ledger(settings, seen.record.release_id, lock, seen.record.room), seen, reason)
    finally:
        lock.release()


def _end(settings: Settings, ledger: Ledger, seen: Seen, reason: str) -> str:
    with bound(ledger):
        state = fold(ledger.events)
        note("lease.taken_over", taken_over(seen.record, ledger.lock.record))
        who = operator(settings)
        note("lease.broken", {"by": who, "reason": reason})
        if unfinished(state):
            end(_ending(settings, state), sentence("unlocked by {who}: {why}", who=who, why=reason))
    return f"{settings.name} is free; {seen.record.release_id} is over: {reason}"


def _ending(settings: Settings, state: ReleaseState) -> Ending:
    found = read_weights(settings)
    to = course(state, found if may_keep(state) else None)
    wanted = wanted_weights(state, to)
    if wanted is not None and found != wanted:
        msg = (
            f"unlock refused: found traffic at {found}, expected {wanted}; bring it home with: "
            f"greenflow rollback --environment {settings.name}"
        )
        raise GateRefused(msg)
    return ENDINGS[to]
