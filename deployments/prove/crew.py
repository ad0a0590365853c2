"""Try many cases side by side: one world a process, each with the next case as soon as it is free."""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.util import Finalize
from typing import Any

from deployments.prove.secrets_left import Sweep, sweep
from deployments.prove.trial import Case, Seen, Tried, watch_case
from deployments.prove.world import CANARY, World
from deployments.prove.zygote import Zygote

_HERE: list[World] = []
_ZYGOTE: list[Zygote] = []
_SWEPT: list[Sweep] = []
OPENINGS = 3
PATIENCE_S = 1.0

Named = tuple[str, Case]
Later = Callable[[Tried], Case | None]


class Crew:
    """Give cases to worlds."""

    def __init__(self, pool: ProcessPoolExecutor, worlds: int) -> None:
        self._pool = pool
        self._worlds = worlds

    def watch(self, cases: Iterable[Case]) -> list[tuple[Tried, Seen]]:
        """Try cases and return what their releases came by, in the cases' order."""
        return [future.result() for future in [self._pool.submit(_watch, case) for case in cases]]

    def try_all(self, cases: Iterable[Named], later: Later, within_s: float) -> Iterator[tuple[str, Tried]]:
        """Try named cases and yield what came of each as it is known; ``later`` may add a case after one.

        What was not begun within the time is not tried.
        """
        end_s = time.monotonic() + within_s
        running = {self._pool.submit(_try, case): name for name, case in cases}
        while running:
            done, _ = wait(running, PATIENCE_S, FIRST_COMPLETED)
            late = time.monotonic() >= end_s
            for future in done:
                name, tried = running.pop(future), future.result()
                if (more := later(tried)) and not late:
                    running[self._pool.submit(_try, more)] = name
                yield name, tried
            if late:
                running = {future: name for future, name in running.items() if not future.cancel()}

    def sweep(self) -> list[Sweep]:
        """Look for secrets in what the worlds have left; each world is asked as often as it takes to meet them all."""
        swept = self._pool.map(_sweep, range(self._worlds * 4))
        return list({each.world: each for each in swept if each}.values())


@contextmanager
def crew(worlds: int) -> Iterator[Crew]:
    """Open worlds for the length of the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(worlds, mp_context=context, initializer=_prepare) as pool:
        yield Crew(pool, worlds)


def _prepare() -> None:
    """Fork this process's zygote while it has one thread; its world is opened when the first case comes."""
    _ZYGOTE.append(Zygote())
    Finalize(_ZYGOTE[0], _close, exitpriority=10)


def _world() -> World:
    """Return this process's world; on a busy machine a part of it may not come up at once."""
    for last in (*[False] * (OPENINGS - 1), True):
        try:
            if not _HERE:
                _HERE.append(World(_ZYGOTE[0]).__enter__())
        except (RuntimeError, TimeoutError):
            if last:
                raise
    return _HERE[-1]


def _leave() -> None:
    while _HERE:
        _HERE.pop().__exit__(None, None, None)


def _close() -> None:
    _leave()
    _ZYGOTE[0].close()


def _watch(case: Case) -> tuple[Tried, Seen]:
    world = _world()
    try:
        tried, seen = watch_case(world, case)
    except Exception as error:  # noqa: BLE001 - a trial that cannot be made is told as one, and the others go on
        tried, seen = Tried(case=case, reached=True, broken=(f"the trial itself failed: {error!r}",)), Seen(points=())
    sys.stderr.write(f"{tried.took_s:5.1f} s  {case.name}: {tried.ending} {'; '.join(tried.broken)}\n{tried.said}")
    if tried.broken:
        _leave()  # what went wrong here is not the next one's
    return tried, seen


def _try(case: Case) -> Tried:
    return _watch(case)[0]


def _sweep(_: Any) -> Sweep | None:
    """Search this process's world once, if it has one: one that went wrong is gone already."""
    if _HERE and not _SWEPT:
        _SWEPT.append(sweep(_HERE[-1].twin, _HERE[-1].settings, {"the AWS secret key": CANARY}))
    return _SWEPT[-1] if _SWEPT else None
