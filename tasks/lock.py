"""Let one process at a time own an environment: a lease in the ledger's bucket with an epoch (safety I7).

The lease is renewed by a heartbeat thread with If-Match, taken over only when the store's own clock says it ran out,
and given back by writing it free: the record stays, so that the epoch never goes back.
"""

import logging
import os
import platform
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tasks.errors import EnvironmentBusy, LeaseLost, ReleaseError, RemoteError
from tasks.event_store import ConflictError, EventStore, Room, Stored
from tasks.models import Record
from tasks.settings import LedgerSettings, Settings
from tasks.waits import pause

log = logging.getLogger("greenflow.lock")

CLOCK_GRAIN_S = 1
"""S3 tells times in whole seconds; a lease is over only when that cannot be the reason."""


class LockRecord(Record):
    """Hold who owns an environment; ``nonce`` is of the process, ``epoch`` grows with every owner."""

    environment: str
    state: Literal["held", "free"]
    release_id: str
    version: str
    owner: str
    nonce: str
    epoch: int
    lease_s: float
    since: datetime
    renewal: str = ""
    room: Room = "releases"


@dataclass(frozen=True)
class Claim:
    """Hold what a process asks for when it wants an environment."""

    environment: str
    release_id: str
    version: str
    now: datetime
    room: Room = "releases"


class Lock:
    """Hold a lease and keep it alive; made by ``acquire``."""

    def __init__(
        self, store: EventStore, settings: LedgerSettings, record: LockRecord, etag: str, sent_s: float
    ) -> None:
        self.record = record
        self._store = store
        self._settings = settings
        self._etag = etag
        self._sent_s = sent_s
        self._lost = ""
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="greenflow-heartbeat", daemon=True)
        self._thread.start()

    @property
    def key(self) -> str:
        """Return where the lease lies."""
        return lock_key(self.record.environment)

    def require(self, margin_s: float) -> None:
        """Check that the lease outlives one more request of ``margin_s``; raises LeaseLost."""
        if not self._lost and self._left_s() <= margin_s:
            self._renew_or_explain()
        if self._lost:
            raise LeaseLost(self._lost)
        if self._left_s() <= margin_s:
            msg = f"the lease on {self.record.environment} ran out and could not be renewed"
            raise LeaseLost(msg)

    def allow_homeward(self) -> bool:
        """Tell whether traffic may be brought home: yes, unless somebody else is known to own the environment."""
        if not self._lost and self._left_s() <= 0:
            self._renew_or_explain()
        return not self._lost

    def adopt(self, release_id: str) -> None:
        """Go on under the id of an earlier release whose process died."""
        self.record = self.record.model_copy(update={"release_id": release_id})
        self._renew_or_explain()

    def release(self) -> None:
        """Give the environment back; a lease that is gone already is left alone."""
        self._closing.set()
        self._thread.join()
        if self._lost:
            return
        free = self.record.model_copy(update={"state": "free"})
        try:
            self._store.replace(self.key, _body(free), self._etag)
        except ReleaseError as error:
            log.warning("could not give %s back, its lease will run out: %s", self.record.environment, error)

    def abandon(self) -> None:
        """Stop renewing without giving back, as a dying process would."""
        self._closing.set()
        self._thread.join()

    def _left_s(self) -> float:
        return self._sent_s + self.record.lease_s - time.monotonic()

    def _beat(self) -> None:
        while not self._closing.wait(self._settings.heartbeat_s):
            self._renew_or_explain()
            if self._lost:
                return

    def _renew_or_explain(self) -> None:
        with self._guard:
            sent_s = time.monotonic()
            try:
                self._etag = self._store.replace(self.key, _body(self.record), self._etag)
                self._sent_s = sent_s
            except ConflictError:
                self._resolve_conflict(sent_s)
            except RemoteError as error:
                log.warning("could not renew the lease on %s: %s", self.record.environment, error)

    def _resolve_conflict(self, sent_s: float) -> None:
        """Tell a lost answer of ours from somebody else's take-over."""
        stored = self._store.read(self.key)
        found = LockRecord.model_validate_json(stored.body) if stored else None
        if stored and found and found.nonce == self.record.nonce and found.state == "held":
            self._etag, self._sent_s = stored.etag, sent_s
            return
        holder = f"{found.owner} for release {found.release_id}" if found else "nobody"
        self._lost = f"the lease on {self.record.environment} is gone: it belongs to {holder} now; touching nothing"


def acquire(settings: Settings, claim: Claim) -> tuple[Lock, LockRecord | None]:
    """Take an environment and return the lock with the record before it.

    Waits for a lease of the same version to run out, since that is what remains of a run that died. Raises
    EnvironmentBusy naming the holder when the environment is owned by somebody alive or by another version.
    """
    store = EventStore(settings)
    key = lock_key(claim.environment)
    while True:
        stored = store.read(key)
        previous = LockRecord.model_validate_json(stored.body) if stored else None
        if stored and previous and previous.state == "held":
            if previous.version != claim.version and not _died_idle(stored, previous):
                raise EnvironmentBusy(_busy(claim.environment, previous, dead=_expired(stored, previous)))
            if not _expired(stored, previous):
                _wait_out(store, stored, previous, claim)
                continue
        mine = _record(claim, previous, settings.ledger.lease_s)
        sent_s = time.monotonic()
        try:
            etag = store.replace(key, _body(mine), stored.etag) if stored else store.create(key, _body(mine))
        except ConflictError:
            stored = store.read(key)
            if not stored or LockRecord.model_validate_json(stored.body).nonce != mine.nonce:
                continue
            etag = stored.etag  # our own write, whose answer was lost
        return Lock(store, settings.ledger, mine, etag, sent_s), previous


def refuse_if_held(settings: Settings, version: str) -> None:
    """Raise EnvironmentBusy when a release of another version holds the environment; takes nothing."""
    stored = EventStore(settings).read(lock_key(settings.name))
    holder = LockRecord.model_validate_json(stored.body) if stored else None
    if not stored or not holder or holder.state == "free" or _died_idle(stored, holder):
        return
    if holder.version != version:
        raise EnvironmentBusy(_busy(settings.name, holder, dead=_expired(stored, holder)))


def read_lock(store: EventStore, environment: str) -> LockRecord | None:
    """Return who owns an environment, or owned it last."""
    stored = store.read(lock_key(environment))
    return LockRecord.model_validate_json(stored.body) if stored else None


def lock_key(environment: str) -> str:
    """Return where the lease of an environment lies."""
    return f"locks/{environment}.json"


def _wait_out(store: EventStore, stored: Stored, holder: LockRecord, claim: Claim) -> None:
    """Wait until the holder's lease has run out; raises EnvironmentBusy when the holder renews it."""
    log.info("an earlier run of %s stopped here; waiting for its lease to run out", holder.release_id)
    end = time.monotonic() + holder.lease_s + 2 * CLOCK_GRAIN_S
    while time.monotonic() < end:
        pause(min(1.0, holder.lease_s / 4))
        now = store.read(lock_key(claim.environment))
        if now is None or now.etag != stored.etag:
            found = LockRecord.model_validate_json(now.body) if now else None
            if found and found.state == "held":
                raise EnvironmentBusy(_busy(claim.environment, found, dead=False))
            return
        if _expired(now, holder):
            return


def _busy(environment: str, holder: LockRecord, *, dead: bool) -> str:
    since = f"{holder.since:%Y-%m-%d %H:%M:%S %Z}"
    what = "release" if holder.room == "releases" else "operation"
    held = f"{environment} is held by {what} {holder.release_id} ({holder.owner}) since {since}"
    if dead:
        return f"{held}, whose process died; end it first: greenflow rollback --environment {environment}"
    return f"{held}; wait for it to end, or look with: greenflow status"


def _died_idle(stored: Stored, record: LockRecord) -> bool:
    """Tell whether the holder died over something that moved no traffic: nothing is left to bring home."""
    return record.room == "operations" and _expired(stored, record)


def _expired(stored: Stored, record: LockRecord) -> bool:
    return (stored.read_at - stored.modified_at).total_seconds() > record.lease_s + CLOCK_GRAIN_S


def _record(claim: Claim, previous: LockRecord | None, lease_s: float) -> LockRecord:
    return LockRecord(
        environment=claim.environment,
        state="held",
        release_id=claim.release_id,
        version=claim.version,
        owner=f"{platform.node()} pid {os.getpid()}",
        nonce=secrets.token_hex(8),
        epoch=previous.epoch + 1 if previous else 1,
        lease_s=lease_s,
        since=claim.now,
        room=claim.room,
    )


def _body(record: LockRecord) -> bytes:
    # An object's tag is a hash of its bytes: a renewal must differ, or an older owner's If-Match would still fit.
    return record.model_copy(update={"renewal": secrets.token_hex(8)}).model_dump_json().encode()
