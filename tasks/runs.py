"""Remember which release a Prefect run is: whoever retries that run later begins no second one (safety I3, I8)."""

from tasks.event_store import ConflictError, EventStore
from tasks.models import Record


class RunRecord(Record):
    """Hold the release that a run began, or went on with."""

    release_id: str


def bind_run(store: EventStore, run_id: str, release_id: str) -> None:
    """Bind a run to its release, once and for all; a run outside of Prefect has no id and is not bound."""
    if not run_id:
        return
    try:
        store.create(_key(run_id), RunRecord(release_id=release_id).model_dump_json().encode())
    except ConflictError:
        return  # an earlier attempt of this run


def release_of_run(store: EventStore, run_id: str) -> str:
    """Return the release of a run, or nothing when it has begun none."""
    stored = store.read(_key(run_id)) if run_id else None
    return RunRecord.model_validate_json(stored.body).release_id if stored else ""


def _key(run_id: str) -> str:
    return f"runs/{run_id}.json"
