"""Keep processes running: start them in order, and start again what ends, with pauses that grow."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deployments.serving.one_log import OneLog, Written
from deployments.twin.processes import Child, Processes

LOOK_EVERY_S = 0.5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
OFTEN = 4
WITHIN_S = 300.0
READY_WITHIN_S = 600.0
"""The first start of a Prefect server makes some hundred changes to its schema, which a slow disk takes minutes for."""
SELF = "serve"


@dataclass(frozen=True)
class Part:
    """Name a process: how it begins, what is missing while it is away, how it is seen to be ready, how it ends.

    It is asked to end, and killed when it has not done so after ``grace_s``.
    """

    name: str
    begin: Callable[[], Child]
    missing: str
    is_ready: Callable[[], bool]
    grace_s: float = 3.0


@dataclass
class _Kept:
    """Hold a part with its process, when it ended of late, and when it is due to be started again."""

    part: Part
    child: Child
    written: Written
    ended_s: list[float] = field(default_factory=list)
    due_s: float | None = None
    is_up: bool = True


class Supervisor:
    """Start parts and keep them; people are ``told`` in sentences, everything stands in one log."""

    def __init__(self, processes: Processes, log: OneLog, told: Callable[[str], None]) -> None:
        self._processes = processes
        self._log = log
        self._told = told
        self._kept: list[_Kept] = []

    def start(self, part: Part) -> None:
        """Start a part and wait until it is ready; raises RuntimeError with its last words when it is not."""
        child = part.begin()
        child.await_ready(part.is_ready, READY_WITHIN_S)
        self.keep(part, child)
        self._say(f"{part.name} is up")

    def keep(self, part: Part, child: Child) -> None:
        """Keep a part that is up already."""
        self._kept.append(_Kept(part, child, Written(child.log)))

    def watch(self, until: Callable[[], bool], within_s: float = float("inf")) -> bool:
        """Start again what ends until something is so; tells whether it came about within that time."""
        deadline = time.monotonic() + within_s
        while not until():
            if time.monotonic() > deadline:
                return False
            self.look(time.monotonic())
            threading.Event().wait(LOOK_EVERY_S)
        return True

    def look(self, now_s: float) -> None:
        """Look at every part once."""
        for kept in self._kept:
            for line in kept.written.lines():
                self._log.write(kept.part.name, line)
            if kept.child.poll() is None:
                self._greet(kept, now_s)
            elif kept.due_s is None:
                self._plan_restart(kept, now_s)
            elif now_s >= kept.due_s:
                self._processes.forget(kept.child)
                kept.child, kept.due_s = kept.part.begin(), None

    def stop(self) -> None:
        """End all parts, the last one first: each may still use those before it."""
        for kept in reversed(self._kept):
            kept.child.stop(kept.part.grace_s)

    def pid_of(self, name: str) -> int:
        """Return the process id that a part has now."""
        return next(kept.child.pid for kept in self._kept if kept.part.name == name)

    def _greet(self, kept: _Kept, now_s: float) -> None:
        if not kept.is_up and kept.part.is_ready():
            kept.is_up = True
            self._say(f"{kept.part.name} is back after {now_s - kept.ended_s[-1]:.0f} s")

    def _plan_restart(self, kept: _Kept, now_s: float) -> None:
        kept.is_up = False
        kept.ended_s = [*(at_s for at_s in kept.ended_s if now_s - at_s < WITHIN_S), now_s]
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (len(kept.ended_s) - 1))
        kept.due_s = now_s + pause_s
        part, how = kept.part, _how(kept.child.poll())
        if len(kept.ended_s) < OFTEN:
            self._say(f"{part.name} ended {how}; starting it again in {pause_s:g} s; until then {part.missing}")
            return
        often = f"{part.name} KEEPS ENDING: {len(kept.ended_s)} times within {WITHIN_S:g} s, now {how}; {part.missing}."
        self._say(f"{often} Trying again in {pause_s:g} s. Its last words:")
        for line in self._log.last_words(part.name).splitlines():
            self._told(f"    {line}")

    def _say(self, text: str) -> None:
        self._log.write(SELF, text)
        self._told(text)


def _how(code: int | None) -> str:
    """Say how a process ended; negative codes are signals."""
    return f"by {signal.Signals(-code).name}" if code and code < 0 else f"with code {code}"
