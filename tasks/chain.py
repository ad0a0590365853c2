"""Link events into a chain whose editing, dropping and reordering shows (safety I26)."""

import hashlib
import json
from collections.abc import Sequence

from tasks.errors import PermanentError
from tasks.models import Event
from tasks.sentences import named, sentence

GENESIS = "0" * 64
SHOWN = 16


def sealed(event: Event) -> Event:
    """Return ``event`` carrying the hash of everything else in it."""
    return event.model_copy(update={"sha256": _hash(event)})


def verify_chain(events: Sequence[Event]) -> None:
    """Check every link; raises PermanentError naming the first event that does not fit."""
    if broken := broken_link(events):
        msg = sentence("the ledger's chain is broken {where}", where=broken)
        raise PermanentError(msg)


def broken_link(events: Sequence[Event]) -> str:
    """Name the first link that does not hold, with what was found and expected; nothing when all of them do."""
    previous = GENESIS
    for place, event in enumerate(events, start=1):
        if why := _misfit(event, place, previous):
            return sentence("at event {place} ({kind}): {why}", place=place, kind=event.kind, why=why)
        previous = event.sha256
    return ""


def _misfit(event: Event, place: int, previous: str) -> str:
    if event.seq != place:
        return sentence("found event {found}, expected event {expected}", found=event.seq, expected=place)
    if event.previous != previous:
        shown = {"found": event.previous[:SHOWN], "expected": previous[:SHOWN]}
        return sentence("found it to follow {found}…, expected {expected}…", **shown)
    if event.sha256 != (expected := _hash(event)):
        found = event.sha256[:SHOWN] or named("none")
        return sentence("found hash {found}…, expected {expected}…", found=found, expected=expected[:SHOWN])
    return ""


def _hash(event: Event) -> str:
    content = event.model_dump(mode="json", exclude={"sha256"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
