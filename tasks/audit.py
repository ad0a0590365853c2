"""Read every chain of an environment's ledger as it lies there, and say of each whether a link of it is broken."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from pydantic import ValidationError

from tasks.chain import broken_link
from tasks.errors import GateRefused
from tasks.event_store import EventStore, Room
from tasks.models import Event, Record
from tasks.sentences import sentence
from tasks.settings import Settings

AT_ONCE = 16
ROOMS: tuple[Room, ...] = get_args(Room)


class Audited(Record):
    """Hold one chain: what of it can be read, and its first broken link; ``broken`` is empty while all of them hold."""

    room: Room
    name: str
    events: tuple[Event, ...]
    broken: str = ""


def audit_chains(settings: Settings, release: str = "") -> tuple[Audited, ...]:
    """Read and verify all chains, or those of one release or operation; raises GateRefused when there is none."""
    store = EventStore(settings)
    found = [(room, name) for room in ROOMS for name in store.folders(f"{room}/") if release in {"", name}]
    if release and not found:
        msg = sentence(
            "audit refused: found no chain named {release} in {bucket}; list them: greenflow audit",
            release=release,
            bucket=settings.ledger.bucket,
        )
        raise GateRefused(msg)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(_audited(store, pool, room, name) for room, name in found)


def _audited(store: EventStore, pool: ThreadPoolExecutor, room: Room, name: str) -> Audited:
    keys = store.list(f"{room}/{name}/events/")
    read = zip(keys, pool.map(store.read, keys), strict=True)
    events, unreadable = _parsed((key, stored.body if stored else b"") for key, stored in read)
    broken = unreadable or next(_misplaced(name, events), "") or broken_link(events)
    return Audited(room=room, name=name, events=events, broken=broken)


def _parsed(read: Iterable[tuple[str, bytes]]) -> tuple[tuple[Event, ...], str]:
    """Return the events up to the first object that is none, and what is wrong with that one."""
    events: list[Event] = []
    for key, body in read:
        try:
            events.append(Event.model_validate_json(body))
        except ValidationError as error:
            return tuple(events), f"at {key}: found no event ({error.errors()[0]['msg']}), expected one"
    return tuple(events), ""


def _misplaced(name: str, events: Iterable[Event]) -> Iterator[str]:
    """Name events that were written for another chain: copied over as a whole, its links would hold."""
    for event in events:
        if event.release_id != name:
            yield f"at event {event.seq} ({event.kind}): found an event of {event.release_id}, expected one of {name}"
