"""Read the chains of an environment's releases, as far back as they are asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tasks.errors import GateRefused
from tasks.event_store import EventStore, read_events
from tasks.models import Event
from tasks.sentences import sentence
from tasks.settings import Settings

Chain = tuple[Event, ...]


def read_chains(settings: Settings, since: datetime) -> tuple[Chain, ...]:
    """Return the chains of all releases that were opened since a moment, oldest first.

    Only what is asked for is read: a release's id tells when it was opened. Raises RemoteError.
    """
    store = EventStore(settings)
    names = [(opened, name) for name in store.folders("releases/") if (opened := opened_at(name)) and opened >= since]
    return tuple(tuple(read_events(store, name)) for _, name in sorted(names))


def ended_chains(settings: Settings, most: int) -> Iterator[Chain]:
    """Give the chains of an environment's releases that have ended, the newest first; looks at ``most`` of them."""
    store = EventStore(settings)
    names = [(opened, name) for name in store.folders("releases/") if (opened := opened_at(name))]
    for _, name in sorted(names, reverse=True)[:most]:
        chain = tuple(read_events(store, name))
        first = next((event for event in chain if event.kind == "release.opened"), None)
        if first and first.data.get("environment") == settings.name and _has_ended(chain):
            yield chain


def newest_release(settings: Settings) -> str:
    """Return the id of the release that was opened last; raises GateRefused when there was none yet, RemoteError."""
    names = EventStore(settings).folders("releases/")
    dated = [(opened, name) for name in names if (opened := opened_at(name))]
    if not dated:
        msg = sentence(
            "{environment} has seen no release yet: found none in {bucket}",
            environment=settings.name,
            bucket=settings.ledger.bucket,
        )
        raise GateRefused(msg)
    return max(dated)[1]


def opened_at(release_id: str) -> datetime | None:
    """Return when a release was opened, by its id; None for an id that tells no time."""
    moment = release_id.rsplit("-", 2)[1:2]
    try:
        return datetime.strptime(moment[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if moment else None
    except ValueError:
        return None


def _has_ended(chain: Chain) -> bool:
    return any(event.kind == "release.ended" for event in chain)
