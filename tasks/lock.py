"""Let one process at a time own an environment: a lease in the ledger's bucket with an epoch (safety I7).

The lease is renewed by a heartbeat thread with If-Match, taken over only when the store's own clock says it ran out,
and given back by writing it free: the record stays, so that the epoch never goes back. ``tasks.claiming`` says who may
take it, and when.
"""

import logging
import secrets
import threading
import time
from datetime import datetime
from typing import Literal

from tasks.errors import LeaseLost, ReleaseError, RemoteError
from tasks.event_store import ConflictError, EventStore, Room
from tasks.models import Record
from tasks.sentences import sentence
from tasks.settings import LedgerSettings

log = logging.getLogger("greenflow.lock")

Role = Literal["release", "guard"]


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
    role: Role = "release"
    yields: bool = False
    """A guard that has traffic at home lets the release itself go on; nobody else yields."""
    last_release: str = ""
    """The release that was here last: what people do between releases must not hide it from the guard."""


class Lock:
    """Hold a lease and keep it alive; made by ``tasks.claiming``."""

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
            msg = sentence(
                "the lease on {environment} ran out and could not be renewed", environment=self.record.environment
            )
            raise LeaseLost(msg)

    def allow_homeward(self) -> bool:
        """Tell whether traffic may be brought home: yes, unless somebody else is known to own the environment."""
        if not self._lost and self._left_s() <= 0:
            self._renew_or_explain()
        return not self._lost

    def confirm(self) -> None:
        """Check with the store itself that this process owns the environment; raises LeaseLost when it may not."""
        before_s = time.monotonic()
        self._renew_or_explain()
        if self._lost or self._sent_s < before_s:
            raise LeaseLost(
                self._lost
                or sentence("the lease on {environment} could not be renewed", environment=self.record.environment)
            )

    def give_way(self) -> None:
        """Let the same release take the environment over from this guard, should somebody start it again."""
        self.record = self.record.model_copy(update={"yields": True})
        self._renew_or_explain()

    def release(self) -> None:
        """Give the environment back; a lease that is gone already is left alone."""
        self._closing.set()
        self._thread.join()
        if self._lost:
            return
        free = self.record.model_copy(update={"state": "free", "yields": False})
        try:
            self._store.replace(self.key, lock_body(free), self._etag)
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
                self._etag = self._store.replace(self.key, lock_body(self.record), self._etag)
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


def read_lock(store: EventStore, environment: str) -> LockRecord | None:
    """Return who owns an environment, or owned it last."""
    stored = store.read(lock_key(environment))
    return LockRecord.model_validate_json(stored.body) if stored else None


def lock_key(environment: str) -> str:
    """Return where the lease of an environment lies."""
    return f"locks/{environment}.json"


def lock_body(record: LockRecord) -> bytes:
    """Write a lease; no two writings are the same.

    An object's tag is a hash of its bytes: were a renewal to repeat them, an older owner's If-Match would still fit.
    """
    return record.model_copy(update={"renewal": secrets.token_hex(8)}).model_dump_json().encode()
