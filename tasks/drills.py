"""Keep the evidence of drills in an environment's ledger, each by one conditional write."""

from datetime import datetime

from tasks.errors import PermanentError
from tasks.event_store import ConflictError, EventStore
from tasks.models import Record
from tasks.product import Product
from tasks.sentences import sentence
from tasks.settings import Settings

PREFIX = "drills/"
ROLLED_BACK = "rolled back"


class Drill(Record):
    """Hold what one drill has shown: how it ended and why, its figures, and the hash its chain of events ends with."""

    release_id: str
    version: str
    fault: str
    ending: str
    reason: str
    product: Product
    began_at: datetime
    ended_at: datetime
    home_s: float | None
    requests: int
    failed: int
    events: int
    chain_sha256: str
    recorded_by: str


def record_drill(settings: Settings, drill: Drill) -> str:
    """Put a drill on record and return its key; the same drill again changes nothing.

    Raises PermanentError when another drill of that name is on record.
    """
    store, key = EventStore(settings), f"{PREFIX}{drill.release_id}.json"
    try:
        store.create(key, drill.model_dump_json().encode())
    except ConflictError:
        found = store.read(key)
        if found is None or Drill.model_validate_json(found.body).chain_sha256 != drill.chain_sha256:
            msg = sentence(
                "could not record drill {release}: another one of that name is on record", release=drill.release_id
            )
            raise PermanentError(msg) from None
    return key


def read_drills(settings: Settings) -> tuple[Drill, ...]:
    """Return every drill on record, oldest first."""
    store = EventStore(settings)
    drills = [Drill.model_validate_json(stored.body) for stored in store.read_all(store.list(PREFIX))]
    return tuple(sorted(drills, key=lambda drill: drill.ended_at))
