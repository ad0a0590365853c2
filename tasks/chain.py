"""Link events into a chain whose editing, dropping and reordering shows (safety I26)."""

import hashlib
import json
from collections.abc import Sequence

from tasks.errors import PermanentError
from tasks.models import Event

GENESIS = "0" * 64


def sealed(event: Event) -> Event:
    """Return ``event`` carrying the hash of everything else in it."""
    return event.model_copy(update={"sha256": _hash(event)})


def verify_chain(events: Sequence[Event]) -> None:
    """Check every link; raises PermanentError naming the first event that does not fit."""
    previous = GENESIS
    for expected_seq, event in enumerate(events, start=1):
        if event.seq != expected_seq:
            msg = f"the ledger's chain is broken: found event {event.seq}, expected event {expected_seq}"
            raise PermanentError(msg)
        if event.previous != previous or event.sha256 != _hash(event):
            msg = f"the ledger's chain is broken at event {event.seq} ({event.kind}): its hash does not match"
            raise PermanentError(msg)
        previous = event.sha256


def _hash(event: Event) -> str:
    content = event.model_dump(mode="json", exclude={"sha256"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
