"""Let many releases wait for people at one Prefect server, and see what that costs and how soon they hear an answer."""

import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psutil

from deployments.bench.scale.ground import Ground
from deployments.follow import Follower
from deployments.twin.postgres import Postgres
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Child
from flows.core.asking import LOOK
from tasks.asks import record_answer
from tasks.event_store import EventStore, read_events
from tasks.models import Answer, Ask
from tasks.settings import load_settings

A_PROCESS = 20
"""So many releases share a process here, each in a thread; in production each has its own, on its worker's machine."""
ONE_BY_ONE = 20
WATCHED_S = 30.0
PATIENCE_S = 600.0
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """Hold what waiting costs: memory of the server and its PostgreSQL in MiB, and cores that each keeps busy."""

    server_mib: float
    postgres_mib: float
    server_cores: float
    postgres_cores: float


@dataclass(frozen=True)
class Answered:
    """Hold how long releases took from a recorded answer to having read it: one by one, and all of the rest at once."""

    one_by_one_s: tuple[float, ...]
    at_once_s: tuple[float, ...]


def waited(ground: Ground, names: Sequence[str], told: Callable[[str], None]) -> tuple[Cost, Answered]:
    """Start a release of each name, wait until all of them ask, watch them, and answer them all."""
    with Postgres(ground.processes, ground.folder) as postgres:
        database = postgres.create_database("prefect")
        with PrefectServer(ground.processes, ground.folder, database) as server:
            runs = [_start(ground, server, names[at : at + A_PROCESS]) for at in range(0, len(names), A_PROCESS)]
            asks = _all_ask(names, runs)
            _all_paused(server, len(names))
            told(f"{len(asks)} releases wait")
            cost = _cost(server.child, postgres.child)
            told(f"watched for {WATCHED_S:.0f} s")
            answered = _answer(server, asks)
            for run in runs:
                run.wait(PATIENCE_S)
            return cost, answered


def _start(ground: Ground, server: PrefectServer, names: Sequence[str]) -> Child:
    argv = [sys.executable, "-m", "deployments.bench.scale.asking", *names]
    env = {**ground.environment, **server.client_environment}
    return ground.processes.start(argv, env=env, log=ground.folder / f"{names[0]}.log", name=names[0])


def _all_ask(names: Sequence[str], runs: Sequence[Child]) -> dict[str, Ask]:
    """Wait until every release has an open question."""
    found: dict[str, Ask] = {}
    deadline = time.monotonic() + PATIENCE_S
    while missing := [name for name in names if name not in found]:
        for name in missing:
            if ask := Follower(load_settings(name)).look().open_ask:
                found[name] = ask
        for run in runs:
            if run.poll() is not None:
                msg = f"could not keep releases waiting:\n{run.log_tail()}"
                raise RuntimeError(msg)
        if time.monotonic() > deadline:
            msg = f"could not bring all releases to their question: {len(missing)} are missing"
            raise RuntimeError(msg)
        threading.Event().wait(1)
    return found


def _all_paused(server: PrefectServer, count: int) -> None:
    asked = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    deadline = time.monotonic() + PATIENCE_S
    while httpx.post(f"{server.ui_url}/api/flow_runs/count", json=asked, timeout=60).json() < count:
        if time.monotonic() > deadline:
            msg = f"could not see {count} paused runs in Prefect"
            raise RuntimeError(msg)
        threading.Event().wait(1)


def _cost(server: Child, postgres: Child) -> Cost:
    before, began_s = (_busy_s(server), _busy_s(postgres)), time.monotonic()
    threading.Event().wait(WATCHED_S)
    took_s = time.monotonic() - began_s
    cores = [
        (after - earlier) / took_s for after, earlier in zip((_busy_s(server), _busy_s(postgres)), before, strict=True)
    ]
    return Cost(_memory(server), _memory(postgres), *cores)


def _busy_s(child: Child) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in _family(child))


def _memory(child: Child) -> float:
    """Return what a process and its children have for themselves; what they share counts once."""
    return float(sum(each.memory_full_info().pss for each in _family(child))) / MEBIBYTE


def _family(child: Child) -> list[psutil.Process]:
    head = psutil.Process(child.pid)
    return [head, *head.children(recursive=True)]


def _answer(server: PrefectServer, asks: dict[str, Ask]) -> Answered:
    names = list(asks)
    first, rest = names[:ONE_BY_ONE], names[ONE_BY_ONE:]
    one_by_one = [_heard(server, name, asks[name]) for name in first]
    with ThreadPoolExecutor(16) as pool:
        at_once = list(pool.map(lambda name: _say(server, name, asks[name]), rest))
    return Answered(tuple(one_by_one), tuple(_until_heard(name, at) for name, at in zip(rest, at_once, strict=True)))


def _heard(server: PrefectServer, name: str, ask: Ask) -> float:
    return _until_heard(name, _say(server, name, ask))


def _say(server: PrefectServer, name: str, ask: Ask) -> datetime:
    """Answer as the approvals service does: the record first, then the run is woken."""
    at = datetime.now(UTC)
    record_answer(
        load_settings(name),
        Answer(nonce=ask.nonce, decision="approve", by="U0TWINPERSON", door="slack", at=at, reason=""),
    )
    given = {"run_input": {"decision": "reject", "reason": LOOK}}
    httpx.post(f"{server.ui_url}/api/flow_runs/{ask.flow_run_id}/resume", json=given, timeout=60)
    return at


def _until_heard(name: str, said: datetime) -> float:
    settings = load_settings(name)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for event in read_events(EventStore(settings), f"1.1.0-{name}"):
            if event.kind == "ask.answered":
                return (event.at - said).total_seconds()
        threading.Event().wait(0.5)
    msg = f"could not see {name} hear its answer"
    raise RuntimeError(msg)


def spread(seconds: Sequence[float]) -> str:
    """Say the median, the 95th percentile and the slowest."""
    ranked = sorted(seconds)
    p95 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.95))]
    return f"{statistics.median(ranked):.2f} s, p95 {p95:.2f} s, slowest {ranked[-1]:.2f} s"
