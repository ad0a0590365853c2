"""Release to a twin, by our flow or by the guide's script, and hold what it took and what its users met."""

import sys
import time
from dataclasses import dataclass
from typing import Any

import psutil

from deployments.bench.clicks import seconds_to_shift
from deployments.bench.release.guide_script import ROLLED_BACK
from deployments.bench.release.timeline import Timeline, timeline_of
from deployments.follow import Follower
from deployments.twin.processes import Child
from deployments.twin.stack import Twin
from tasks.event_store import EventStore, read_events
from tasks.models import Side
from tasks.settings import load_settings
from tasks.waits import pause
from tasks.weights import read_weights

PATIENCE_S = 300.0
SETTLE_S = 2.5
"""What the last answers and the load client's next word take."""


@dataclass(frozen=True)
class Run:
    """Hold one release: seconds, counts of calls to the outside, and what users saw between begin and end.

    ``bad_s`` is from the first second in which a user's request failed to the last one; ``attended_s`` is how long
    a person must sit there at the twin's pace.
    """

    who: str
    fault: str
    code: int
    wall_s: float
    bake_s: float
    attended_s: float
    actions: int
    aws_calls: int
    vercel_calls: int
    requests: int
    failed: int
    bad_s: float
    memory_mb: float
    clicks_s: tuple[float, ...] = ()
    timeline: Timeline | None = None

    @property
    def work_s(self) -> float:
        """Return the time with the bake taken out."""
        return self.wall_s - self.bake_s


def run_ours(twin: Twin, version: str, fault: str) -> Run:
    """Release a version by the flow, with the twin's person answering in Slack."""
    argv = [sys.executable, "-m", "deployments.run_flow", "rehearsal", "--version", version, "--requested-by", "bench"]
    seen, clicks = _Seen(twin), len(twin.slack.clicks)
    code, wall_s, memory_mb = _finish(twin.start(argv, f"ours-{version}.log"))
    settings = load_settings("rehearsal")
    state = Follower(settings).look()
    events = read_events(EventStore(settings), state.release_id)
    timeline = timeline_of(state)
    return Run(
        who="this release",
        fault=fault,
        code=code,
        wall_s=wall_s,
        bake_s=timeline.baking_s + timeline.asking_s,
        attended_s=timeline.asking_s,
        actions=len(state.answers),
        memory_mb=memory_mb,
        clicks_s=tuple(seconds_to_shift(events, twin.slack.clicks[clicks:])),
        timeline=timeline,
        **seen.since(),
    )


def run_guide(twin: Twin, version: str, fault: str) -> Run:
    """Release a version by the guide's own list of commands, on the side that carries the traffic."""
    weights = read_weights(load_settings("rehearsal"))
    side = Side.A if weights.a else Side.B
    argv = [sys.executable, "-m", "deployments.bench.release.guide_script", "--version", version, "--side", side]
    seen = _Seen(twin)
    child = twin.start(argv, f"guide-{version}.log")
    code, wall_s, memory_mb = _finish(child)
    watched_s, actions = child.log_tail(1).split()
    return Run(
        who="the guide's commands",
        fault=fault,
        code=code,
        wall_s=wall_s,
        bake_s=float(watched_s),
        attended_s=wall_s,
        actions=int(actions),
        memory_mb=memory_mb,
        **seen.since(),
    )


def _finish(child: Child) -> tuple[int, float, float]:
    """Wait for the end; return the exit code, the seconds and the most memory that it held, in MB."""
    began_s, process, most = time.monotonic(), psutil.Process(child.pid), 0
    while (code := child.poll()) is None:
        if time.monotonic() - began_s > PATIENCE_S:
            child.kill()
        most = max(most, _resident(process))
        pause(0.1)
    if code not in (0, ROLLED_BACK):
        msg = f"{child.name} ended with {code}:\n{child.log_tail()}"
        raise RuntimeError(msg)
    return code, time.monotonic() - began_s, most / 1e6


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


class _Seen:
    """Remember how far the twin's counts were when a release began."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._began_s = time.time()
        self._aws = twin.emulator.calls.document()["last"]
        self._vercel = len(twin.vercel.calls)

    def since(self) -> dict[str, Any]:
        """Return what came on top, once the last answers are in."""
        aws = len(self._twin.emulator.calls.since(self._aws))
        vercel = len(self._twin.vercel.calls) - self._vercel
        pause(SETTLE_S)
        seconds = [each for each in self._twin.users()["seconds"] if each["start"] >= int(self._began_s)]
        bad = [each["start"] for each in seconds if each["failed"]]
        return {
            "aws_calls": aws,
            "vercel_calls": vercel,
            "requests": sum(each["requests"] for each in seconds),
            "failed": sum(each["failed"] for each in seconds),
            "bad_s": float(bad[-1] + 1 - bad[0]) if bad else 0.0,
        }
