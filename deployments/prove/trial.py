"""Try one thing: a release that is killed at a point or meets a broken call, what comes after, and what then holds."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from deployments.prove.breaking import read_calls
from deployments.prove.holds import look_after, look_before, wait_for_home
from deployments.prove.points import Passed, Point, read_passed
from deployments.prove.world import PERSON, World
from deployments.twin.slack import Person
from flows.core.record import fold
from tasks.errors import ReleaseError
from tasks.event_store import EventStore, read_events
from tasks.lock import read_lock

PATIENCE_S = 120.0
LOOK_S = 0.2
FEW = 3
KILLED = -signal.SIGKILL
NO = Person(PERSON.user_id, decision="reject", delay_s=PERSON.delay_s)

By = Literal["guard", "the same command", "itself"]
AGAIN: By = "the same command"


class Case(BaseModel):
    """Say what is tried: whether people say yes, where the release dies or which call breaks, who goes on."""

    model_config = ConfigDict(frozen=True)

    yes: bool = True
    deadly: Point | None = None
    guard_deadly: Point | None = None
    calls: frozenset[str] = frozenset()
    kind: str = ""
    by: By = "guard"

    @property
    def name(self) -> str:
        """Name it in a line."""
        path = "" if self.yes else ", people say no"
        if self.calls:
            which = ", ".join(sorted(self.calls)) if len(self.calls) <= FEW else f"{len(self.calls)} calls"
            return f"{self.kind} at {which}{path}"
        second = f", its guard {self.guard_deadly}" if self.guard_deadly else ""
        return f"killed {self.deadly}{second}{path}, then {self.by}" if self.deadly else f"undisturbed{path}"


class Tried(BaseModel):
    """Hold what came of a case; ``died_in`` are the effects in which a process was killed."""

    case: Case
    reached: bool
    hit: frozenset[str] = frozenset()
    died_in: tuple[str, ...] = ()
    ending: str = ""
    home_s: float = 0.0
    took_s: float = 0.0
    requests: int = 0
    failed: int = 0
    broken: tuple[str, ...] = ()
    said: str = ""


class Seen(BaseModel):
    """Hold the points that a release came by, and who came after it, the effects on record and the calls made."""

    points: tuple[Passed, ...]
    later: tuple[Passed, ...] = ()
    effects: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()


def watch_case(world: World, case: Case) -> tuple[Tried, Seen]:
    """Try a case, look at every promise, and return what the release, and the guard after it, came by."""
    began = time.monotonic()
    world.twin.slack.person = PERSON if case.yes else NO
    version = world.new_version()
    before = look_before(world)
    pid, log, passed = world.start("release", version, case.deadly, case.calls, case.kind)
    with _patience(pid):
        first = Life(passed, world.wait(), case.deadly)
    home_s, later = _go_on(world, case, version) if first.died or not _is_over(world, version) else (0.0, [])
    after, broken = look_after(world, before, version, home_s, guarded=bool(later) and case.by != AGAIN)
    calls, hit = read_calls(passed.with_suffix(".calls"))
    tried = Tried(
        case=case,
        reached=_reached(case, (first, *later), hit),
        hit=hit,
        died_in=tuple(life.died_in for life in (first, *later) if life.died),
        ending=str(after.state.ending) if after.events else "never began",
        home_s=round(home_s, 2),
        took_s=round(time.monotonic() - began, 1),
        requests=int(world.twin.users()["requests"]) - before.requests,
        failed=after.failed,
        broken=tuple(broken),
        said=log.read_text(errors="replace")[-1500:] if broken else "",
    )
    came = tuple(each for life in later for each in read_passed(life.passed))
    return tried, Seen(points=tuple(read_passed(passed)), later=came, effects=after.effects, calls=calls)


@dataclass(frozen=True)
class Life:
    """Hold what a process came by, how it ended and where it was to die."""

    passed: Path
    code: int
    deadly: Point | None = None

    @property
    def died(self) -> bool:
        """Tell whether it died where it was to."""
        return self.code == KILLED

    @property
    def died_in(self) -> str:
        """Return the effect in which it died."""
        return next((each.effect for each in read_passed(self.passed) if each.point == self.deadly), "")


def _reached(case: Case, lives: Sequence[Life], hit: frozenset[str]) -> bool:
    """Tell whether what was to be tried was tried: every death was died, some call was broken."""
    deaths = [point for point in (case.deadly, case.guard_deadly) if point]
    return sum(life.died for life in lives) == len(deaths) and (not case.calls or bool(hit))


def _go_on(world: World, case: Case, version: str) -> tuple[float, list[Life]]:
    """Let whoever comes next come; return the seconds until all traffic was on one version, and their points."""
    over = threading.Event()
    found: list[float] = []
    watch = threading.Thread(target=lambda: found.append(wait_for_home(world, over.wait)), daemon=True)
    watch.start()
    lives: list[Life] = []
    if case.guard_deadly:
        lives.append(_guarded(world, version, case.guard_deadly))
    lives.append(_again(world, version) if case.by == AGAIN else _guarded(world, version))
    over.set()
    watch.join()
    return found[0], lives


def _again(world: World, version: str) -> Life:
    pid, _, passed = world.start("release", version)
    with _patience(pid):
        return Life(passed, world.wait())


def _guarded(world: World, version: str, deadly: Point | None = None) -> Life:
    """Run a guard until the release is over and the environment free, or until it dies where it shall."""
    pid, _, passed = world.start("guard", deadly=deadly)
    over = threading.Event()

    def stop_when_over() -> None:
        end = time.monotonic() + PATIENCE_S
        while not over.wait(LOOK_S) and time.monotonic() < end and not _is_over(world, version):
            continue
        if not over.is_set():
            os.kill(pid, signal.SIGTERM)

    watch = threading.Thread(target=stop_when_over, daemon=True)
    watch.start()
    code = world.wait()
    over.set()
    watch.join()
    return Life(passed, code, deadly)


def _is_over(world: World, version: str) -> bool:
    store = EventStore(world.settings)
    try:
        lock = read_lock(store, "rehearsal")
        if lock is None or lock.version != version:
            return True  # it died before it owned anything
        events = read_events(store, lock.release_id)
        return lock.state == "free" and (not events or fold(events).ended)
    except ReleaseError:
        return False


@contextmanager
def _patience(pid: int) -> Iterator[None]:
    """Ask what does not come to an end to stop, and kill it when it does not hear."""
    ends = ((PATIENCE_S, signal.SIGTERM), (2 * PATIENCE_S, signal.SIGKILL))
    late = [threading.Timer(after_s, os.kill, (pid, number)) for after_s, number in ends]
    for timer in late:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for timer in late:
            timer.cancel()
