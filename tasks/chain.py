"""Link events into a chain whose editing, dropping and reordering shows (safety I26)."""

import hashlib
import json
from collections.abc import Sequence

from tasks.errors import PermanentError
from tasks.models import Event

GENESIS = "0" * 64
SHOWN = 16


def sealed(event: Event) -> Event:
    """Return ``event`` carrying the hash of everything else in it."""
    return event.model_copy(update={"sha256": _hash(event)})


def verify_chain(events: Sequence[Event]) -> None:
    """Check every link; raises PermanentError naming the first event that does not fit."""
    if broken := broken_link(events):
        msg = f"the ledger's chain is broken {broken}"
        raise PermanentError(msg)


def broken_link(events: Sequence[Event]) -> str:
    """Name the first link that does not hold, with what was found and expected; nothing when all of them do."""
    previous = GENESIS
    for expected_seq, event in enumerate(events, start=1):
        where = f"at event {expected_seq} ({event.kind})"
        if event.seq != expected_seq:
            return f"{where}: found event {event.seq}, expected event {expected_seq}"
        if event.previous != previous:
            return f"{where}: found it to follow {event.previous[:SHOWN]}…, expected {previous[:SHOWN]}…"
        if event.sha256 != (expected := _hash(event)):
            return f"{where}: found hash {event.sha256[:SHOWN] or 'none'}…, expected {expected[:SHOWN]}…"
        previous = event.sha256
    return ""


def _hash(event: Event) -> str:
    content = event.model_dump(mode="json", exclude={"sha256"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
