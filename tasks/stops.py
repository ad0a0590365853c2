"""Keep a person's wish to bring a running release home, where the process that runs it finds it."""

from datetime import datetime
from typing import Literal

from tasks.event_store import ConflictError, EventStore
from tasks.models import Record
from tasks.settings import Settings


class Stop(Record):
    """Hold who wants a release to come home, and why; ``door`` is where they said so."""

    by: str
    reason: str
    at: datetime
    door: Literal["slack", "cli"] = "cli"


def ask_to_stop(settings: Settings, release_id: str, stop: Stop) -> Stop:
    """Ask a running release to come home and return the wish that counts: this one, or the one that came first."""
    try:
        EventStore(settings).create(_key(release_id), stop.model_dump_json().encode())
    except ConflictError:
        return read_stop(settings, release_id) or stop
    return stop


def read_stop(settings: Settings, release_id: str) -> Stop | None:
    """Return the wish to stop a release, or None."""
    stored = EventStore(settings).read(_key(release_id))
    return Stop.model_validate_json(stored.body) if stored else None


def _key(release_id: str) -> str:
    return f"releases/{release_id}/stop.json"
