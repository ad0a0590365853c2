"""Keep a roll call and who answered it by conditional writes: a person is there once, however often they click.

How old a call is, the store's own clock says (safety I27).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from tasks.asks import NONCE
from tasks.event_store import ConflictError, EventStore
from tasks.models import Record, RollCall
from tasks.settings import Settings


class Presence(Record):
    """Hold that a person is on duty, and where they said so."""

    nonce: str
    by: str
    door: str
    at: datetime


@dataclass(frozen=True)
class FoundRollCall:
    """Hold a roll call as the store has it; ``age_s`` is by the store's clock."""

    call: RollCall
    age_s: float

    @property
    def left_s(self) -> float:
        """Return for how long it still waits."""
        return (self.call.expires_at - self.call.asked_at).total_seconds() - self.age_s

    @property
    def expired(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.left_s <= 0


def store_roll_call(settings: Settings, call: RollCall) -> None:
    """Keep a roll call before anybody is shown it."""
    try:
        EventStore(settings).create(_key(call.nonce), call.model_dump_json().encode())
    except ConflictError:
        return  # the same nonce is the same call, stored by an earlier try


def find_roll_call(settings: Settings, nonce: str) -> FoundRollCall | None:
    """Return the roll call a nonce belongs to, or None."""
    if not NONCE.fullmatch(nonce):
        return None
    stored = EventStore(settings).read(_key(nonce))
    if stored is None:
        return None
    age_s = (stored.read_at - stored.modified_at).total_seconds()
    return FoundRollCall(RollCall.model_validate_json(stored.body), age_s)


def record_presence(settings: Settings, presence: Presence) -> bool:
    """Record that a person is on duty; tells False when they had said so before."""
    person = hashlib.sha256(presence.by.encode()).hexdigest()[:32]
    try:
        EventStore(settings).create(f"{_folder(presence.nonce)}{person}.json", presence.model_dump_json().encode())
    except ConflictError:
        return False
    return True


def read_present(settings: Settings, nonce: str) -> tuple[Presence, ...]:
    """Return who is on duty, in the order they said so."""
    store = EventStore(settings)
    present = [Presence.model_validate_json(stored.body) for stored in store.read_all(store.list(_folder(nonce)))]
    return tuple(sorted(present, key=lambda each: (each.at, each.by)))


def _key(nonce: str) -> str:
    return f"asks/{nonce}/roll_call.json"


def _folder(nonce: str) -> str:
    return f"asks/{nonce}/present/"
