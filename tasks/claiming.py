"""Say who may take an environment, and when: nobody from the living, a release from a dead one of its own (safety I7).

A lease has run out when the store's own clock says so. What remains of a run that died is waited for; a guard that
looks after it is taken over from as soon as it has the traffic at home.
"""

import logging
import os
import platform
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.errors import EnvironmentBusy
from tasks.event_store import ConflictError, EventStore, Room, Stored, read_last_event
from tasks.lock import Lock, LockRecord, Role, lock_body, lock_key
from tasks.settings import Settings
from tasks.waits import pause

log = logging.getLogger("greenflow.lock")

CLOCK_GRAIN_S = 1
"""S3 tells times in whole seconds; a lease is over only when that cannot be the reason."""
GUARD_AT_WORK_S = 240.0
"""How long a guard may take to bring traffic home before a release stops waiting for it."""


@dataclass(frozen=True)
class Claim:
    """Hold what a process asks for when it wants an environment."""

    environment: str
    release_id: str
    version: str
    now: datetime
    role: Role = "release"
    room: Room = "releases"


@dataclass(frozen=True)
class Seen:
    """Hold a lease as it was found in the store."""

    stored: Stored
    record: LockRecord

    @property
    def held(self) -> bool:
        """Tell whether it was not given back."""
        return self.record.state == "held"

    @property
    def expired(self) -> bool:
        """Tell whether its owner has been silent for longer than the lease, by the store's own clock."""
        silent_s = (self.stored.read_at - self.stored.modified_at).total_seconds()
        return silent_s > self.record.lease_s + CLOCK_GRAIN_S

    @property
    def alive(self) -> bool:
        """Tell whether somebody owns the environment."""
        return self.held and not self.expired

    @property
    def died_idle(self) -> bool:
        """Tell whether the owner died over something that moved no traffic: nothing is left to bring home."""
        return self.record.room == "operations" and self.held and self.expired


def see_lock(store: EventStore, environment: str) -> Seen | None:
    """Return an environment's lease with the store's own times, or None when there never was one."""
    stored = store.read(lock_key(environment))
    return Seen(stored, LockRecord.model_validate_json(stored.body)) if stored else None


def acquire(settings: Settings, claim: Claim) -> tuple[Lock, LockRecord | None]:
    """Take an environment and return the lock with the record before it.

    Waits for a lease of the same version to run out, since that is what remains of a run that died. Raises
    EnvironmentBusy naming the holder when the environment is owned by somebody alive or by another version.
    """
    store = EventStore(settings)
    while True:
        seen = see_lock(store, claim.environment)
        if seen and seen.held:
            _insist_on_own(store, seen, claim)
            if not seen.expired and not seen.record.yields:
                _wait_out(store, seen, claim)
                continue
        lock = _take(settings, store, seen, claim)
        if lock:
            return lock, seen.record if seen else None


def in_stead_of(seen: Seen) -> Claim:
    """Return the claim of a guard on what the last owner of an environment left."""
    record = seen.record
    return Claim(record.environment, record.release_id, record.version, datetime.now(UTC), "guard", record.room)


def take_over(settings: Settings, seen: Seen, claim: Claim) -> Lock | None:
    """Take an environment in somebody's stead; None when somebody else was quicker.

    Only for a lease that is free or has run out: raises EnvironmentBusy for one that is alive.
    """
    refuse_alive(settings, seen)
    return _take(settings, EventStore(settings), seen, claim)


def refuse_alive(settings: Settings, seen: Seen) -> None:
    """Raise EnvironmentBusy, with who, since when and where, while a lease is kept alive."""
    if seen.alive:
        raise EnvironmentBusy(_busy(EventStore(settings), seen))


def refuse_if_held(settings: Settings, version: str) -> None:
    """Raise EnvironmentBusy when a release of another version holds the environment; takes nothing."""
    store = EventStore(settings)
    seen = see_lock(store, settings.name)
    if seen and seen.held and not seen.died_idle and seen.record.version != version:
        raise EnvironmentBusy(_busy(store, seen))


def _take(settings: Settings, store: EventStore, seen: Seen | None, claim: Claim) -> Lock | None:
    key = lock_key(claim.environment)
    mine = _record(claim, seen.record if seen else None, settings.ledger.lease_s)
    sent_s = time.monotonic()
    try:
        body = lock_body(mine)
        etag = store.replace(key, body, seen.stored.etag) if seen else store.create(key, body)
    except ConflictError:
        now = see_lock(store, claim.environment)
        if now is None or now.record.nonce != mine.nonce:
            return None
        etag = now.stored.etag  # our own write, whose answer was lost
    return Lock(store, settings.ledger, mine, etag, sent_s)


def _insist_on_own(store: EventStore, seen: Seen, claim: Claim) -> None:
    if seen.record.version != claim.version and not seen.died_idle:
        raise EnvironmentBusy(_busy(store, seen))


def _wait_out(store: EventStore, seen: Seen, claim: Claim) -> None:
    """Wait until the lease has run out, or its guard gives way; raises EnvironmentBusy when a release renews it."""
    holder = seen.record
    guarded = holder.role == "guard"
    log.info("an earlier run of %s stopped here; waiting for its %s", holder.release_id, holder.role)
    end = time.monotonic() + (GUARD_AT_WORK_S if guarded else holder.lease_s + 2 * CLOCK_GRAIN_S)
    while time.monotonic() < end:
        pause(min(1.0, holder.lease_s / 4))
        now = see_lock(store, claim.environment)
        if now is None or not now.held or now.expired or now.record.yields:
            return
        if now.record.nonce != holder.nonce:
            return  # somebody else took it meanwhile: look anew
        if not guarded and now.stored.etag != seen.stored.etag:
            raise EnvironmentBusy(_busy(store, now))
    raise EnvironmentBusy(_busy(store, seen))


def _busy(store: EventStore, seen: Seen) -> str:
    """Say who holds an environment, since when and where in the release, and what can be done about it."""
    holder = seen.record
    where = f"--environment {holder.environment}"
    doing = "at work" if holder.room == "operations" else _doing(store, holder.release_id)
    what = "operation" if holder.room == "operations" else "release"
    held = (
        f"{holder.environment} is held by {what} {holder.release_id} ({holder.owner}) "
        f"since {holder.since:%Y-%m-%d %H:%M:%S %Z}, {doing}"
    )
    if holder.role == "guard":
        return f"{held}; the guard looks after it: wait for its end, or end it now with: greenflow rollback {where}"
    if seen.expired:
        return f"{held}, whose process died; end it first: greenflow rollback {where}"
    return f"{held}; wait for it to end, or look with: greenflow status {where}"


def _doing(store: EventStore, release_id: str) -> str:
    """Say where a release is, by the newest of its events that tells."""
    event = read_last_event(store, release_id, frozenset({"rollout.moved", "stage.started", "release.opened"}))
    match event.kind if event else "":
        case "rollout.moved":
            return f"{event.data['state']} in phase {event.data['phase'] + 1}" if event else ""
        case "stage.started":
            return f"in stage {event.data['stage']}" if event else ""
        case _:
            return "at its very beginning"


def _record(claim: Claim, previous: LockRecord | None, lease_s: float) -> LockRecord:
    # What a process left unfinished goes on under its own id, from the very first write.
    unfinished = previous if previous is not None and _goes_on(previous, claim) else None
    release_id = unfinished.release_id if unfinished else claim.release_id
    return LockRecord(
        environment=claim.environment,
        state="held",
        release_id=release_id,
        version=claim.version,
        owner=f"{claim.role} on {platform.node()} pid {os.getpid()}",
        nonce=secrets.token_hex(8),
        epoch=previous.epoch + 1 if previous else 1,
        lease_s=lease_s,
        since=claim.now,
        role=claim.role,
        room=claim.room,
        last_release=release_id if claim.room == "releases" else _last_release(previous),
    )


def _last_release(previous: LockRecord | None) -> str:
    if previous is None:
        return ""
    return previous.release_id if previous.room == "releases" else previous.last_release


def _goes_on(previous: LockRecord, claim: Claim) -> bool:
    """Tell whether a claim takes up what its last owner left; an operation begins anew."""
    return previous.state == "held" and previous.room == claim.room != "operations"
