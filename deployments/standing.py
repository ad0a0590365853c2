"""Tell how an environment stands: who holds it, what its release is doing, what people are asked, what comes next."""

import os
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Group, RenderableType
from rich.text import Text

from deployments.follow import Follower
from deployments.live_view import picture
from deployments.operate import lock_is_alive
from flows.core.record import ReleaseState
from tasks.event_store import EventStore
from tasks.lock import LockRecord, read_lock
from tasks.models import Record
from tasks.settings import Settings

API = "PREFECT_API_URL"
AUTH = "PREFECT_API_AUTH_STRING"
NEXT = 3
TIMEOUT_S = 3.0


class NextRun(Record):
    """Hold one run that Prefect has on its list."""

    name: str
    due: datetime


class Stand(Record):
    """Hold how an environment stands; ``next_runs`` is None where no Prefect server could be asked."""

    environment: str
    holder: LockRecord | None
    is_held: bool
    is_alive: bool
    release_id: str
    version: str
    ending: str
    phase: int
    weights: str
    open_ask: str
    next_runs: tuple[NextRun, ...] | None


class Standing:
    """Look at one environment again and again; each look reads only what is new in the ledger."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._follower = Follower(settings)

    @property
    def state(self) -> ReleaseState:
        """Return the release as of the last look."""
        return self._follower.state

    def look(self) -> Stand:
        """Look once; raises RemoteError when the ledger cannot be read."""
        settings = self._settings
        holder = read_lock(EventStore(settings), settings.name)
        if holder and holder.release_id != self.state.release_id:
            self._follower = Follower(settings, holder.release_id)
        state = self._follower.look()
        ask = state.open_ask
        return Stand(
            environment=settings.name,
            holder=holder,
            is_held=bool(holder and holder.state == "held"),
            is_alive=bool(holder and holder.state == "held" and lock_is_alive(settings)),
            release_id=state.release_id,
            version=state.version,
            ending=state.ending,
            phase=state.phase,
            weights=str(state.weights or ""),
            open_ask=f"{ask.from_weight} % -> {ask.to_weight} %" if ask else "",
            next_runs=next_runs(),
        )


def shown(stand: Stand, state: ReleaseState) -> RenderableType:
    """Draw how an environment stands."""
    lines = [Text(_holder(stand)), *(Text(line) for line in _next(stand))]
    if not state.release_id:
        return Group(*lines, Text(f"{stand.environment} has seen no release yet"))
    return Group(*lines, picture(state, {}, ()))


def next_runs() -> tuple[NextRun, ...] | None:
    """Ask the Prefect server of this shell what it runs next, without the seconds that importing Prefect takes."""
    if not (url := os.environ.get(API)):
        return None
    asked = {
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": NEXT,
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"is_null_": False}},
    }
    user, _, password = os.environ.get(AUTH, "").partition(":")
    try:
        with httpx.Client(timeout=TIMEOUT_S, auth=(user, password) if user else None) as client:
            runs = client.post(f"{url}/flow_runs/filter", json=asked).raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return None
    return tuple(_next_run(run) for run in runs)


def _next_run(run: dict[str, Any]) -> NextRun:
    given = run.get("parameters") or {}
    what = " ".join(str(given[name]) for name in ("release_id", "after", "version", "environment") if given.get(name))
    return NextRun(name=f"{run['name']} {what}".strip(), due=datetime.fromisoformat(run["expected_start_time"]))


def _holder(stand: Stand) -> str:
    holder = stand.holder
    if holder is None or not stand.is_held:
        return f"{stand.environment} is free"
    since = f"{holder.since:%Y-%m-%d %H:%M:%S} UTC"
    how = "alive" if stand.is_alive else f"DEAD; end it: greenflow rollback --environment {stand.environment}"
    return f"{stand.environment} is held by release {holder.release_id} ({holder.owner}) since {since}: {how}"


def _next(stand: Stand) -> list[str]:
    if stand.next_runs is None:
        return [f"next: not known, no Prefect server answers at {API}"]
    if not stand.next_runs:
        return ["next: nothing is scheduled"]
    return [f"next: {run.due.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  {run.name}" for run in stand.next_runs]
