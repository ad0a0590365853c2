"""0 Ask who is on duty, beside the preparation: the guide wants three people before a release (checklist)."""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tasks.announcements import close_roll_call, post_roll_call
from tasks.approvers import people_behind
from tasks.errors import Interrupted, RemoteError
from tasks.ledger import current_ledger, note
from tasks.models import Check, Evidence, ReleasePlan, RollCall
from tasks.presence import FoundRollCall, Presence, find_roll_call, read_present, store_roll_call
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.stage import proved, stage
from tasks.stops import read_stop
from tasks.waits import pause

log = logging.getLogger("greenflow.roll_call")

STAGE = "0 roll call of the people on duty"
CHECK = "people on duty"


class RollCallProof(Evidence):
    """Hold who said to be on duty, and until when that stands."""

    called_at: datetime | None = None
    present: tuple[Presence, ...] = ()


@stage(STAGE, REPEATABLE)
def call_roll(settings: Settings, plan: ReleasePlan, over: threading.Event) -> RollCallProof:
    """Ask the people in Slack and wait until enough of them are there, the time is over, or ``over`` is set.

    A release that goes on after a crash goes on with the same call. Raises Interrupted when a person wants the release
    to come home meanwhile.
    """
    rule = settings.approval.roll_call
    if not rule.needed:
        why = named("the roll call is off: approval.roll_call.needed is 0")
        return RollCallProof(checks=(Check.skipped(CHECK, why),))
    if before := _proved_lately(settings):
        return before
    found = _called_before(settings) or _call(settings, plan)
    present = _await_people(settings, found, over)
    note("roll_call.closed", {"nonce": found.call.nonce, "present": [each.by for each in present]})
    close_roll_call(settings, found.call, tuple(each.by for each in present), gave_up=over.is_set())
    return RollCallProof(checks=(_check(found.call, present),), called_at=found.call.asked_at, present=present)


def _proved_lately(settings: Settings) -> RollCallProof | None:
    """Bother nobody twice in a shift: a release that goes on has asked already."""
    proof = proved(STAGE, RollCallProof)
    if proof is None or proof.called_at is None:
        return None
    age_s = (datetime.now(UTC) - proof.called_at).total_seconds()
    return proof if age_s < settings.approval.roll_call.stands_s else None


def _called_before(settings: Settings) -> FoundRollCall | None:
    """Return the call that an earlier process of this release died over, unless its time is over."""
    events = current_ledger().events
    closed = {event.data["nonce"] for event in events if event.kind == "roll_call.closed"}
    for event in reversed(events):
        if event.kind == "roll_call.opened" and event.data["roll_call"]["nonce"] not in closed:
            found = find_roll_call(settings, event.data["roll_call"]["nonce"])
            return found if found and not found.expired else None
    return None


def _call(settings: Settings, plan: ReleasePlan) -> FoundRollCall:
    rule, now = settings.approval.roll_call, datetime.now(UTC)
    call = RollCall(
        nonce=secrets.token_hex(16),
        release_id=plan.release_id,
        environment=plan.environment,
        version=plan.version,
        requested_by=plan.requested_by,
        allowed=tuple(sorted(people_behind(settings, settings.approval.on_duty).ids)),
        needed=rule.needed,
        asked_at=now,
        expires_at=now + timedelta(seconds=rule.wait_s),
    )
    store_roll_call(settings, call)
    note("roll_call.opened", {"roll_call": call.model_dump(mode="json")})
    return FoundRollCall(call, age_s=0)


def _await_people(settings: Settings, found: FoundRollCall, over: threading.Event) -> tuple[Presence, ...]:
    call = found.call
    if len(call.allowed) < call.needed:
        return ()  # nobody need wait for what cannot be
    end_s, next_post_s, posted = time.monotonic() + found.left_s, 0.0, False
    for now_s in _looks(settings, end_s, over):
        if not posted and now_s >= next_post_s:
            posted = bool(post_roll_call(settings, call))
            next_post_s = now_s + settings.approval.repost_s
        present = _present(settings, call)
        if len(present) >= call.needed:
            return present
    return _present(settings, call)


def _looks(settings: Settings, end_s: float, over: threading.Event) -> Iterator[float]:
    """Yield the clock's time at every look, as long as somebody may still come."""
    while (now_s := time.monotonic()) < end_s and not over.is_set():
        current_ledger().lock.require(0)
        yield now_s
        pause(settings.approval.poll_s)


def _present(settings: Settings, call: RollCall) -> tuple[Presence, ...]:
    """Return who is there and was asked; what cannot be read now is read at the next look."""
    try:
        if stop := read_stop(settings, call.release_id):
            msg = sentence("{who} asked for the way back: {why}", who=stop.by, why=stop.reason)
            raise Interrupted(msg)
        found = read_present(settings, call.nonce)
    except RemoteError as error:
        log.warning("could not look who is on duty, looking again: %s", error)
        return ()
    return tuple(each for each in found if each.by in call.allowed)


def _check(call: RollCall, present: tuple[Presence, ...]) -> Check:
    told = ", ".join(f"{each.by} ({each.at:%H:%M:%S} UTC, {each.door})" for each in present)
    found = sentence("{count}: {who}", count=len(present), who=told) if present else named("nobody")
    expected = sentence("{needed} of {asked} who were asked", needed=call.needed, asked=len(call.allowed))
    return Check.of(CHECK, ok=len(present) >= call.needed, found=found, expected=expected)
