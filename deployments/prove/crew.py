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
_CLOSING: list[Finalize] = []

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
            done, _ = wait(running, max(0.0, end_s - time.monotonic()), FIRST_COMPLETED)
            for future in done:
                name, tried = running.pop(future), future.result()
                more = later(tried)
                if more and time.monotonic() < end_s:
                    running[self._pool.submit(_try, more)] = name
                yield name, tried
            if time.monotonic() >= end_s:
                running = {future: name for future, name in running.items() if not future.cancel()}
                end_s = float("inf")

    def sweep(self) -> list[Sweep]:
        """Look for secrets in what the worlds have left; each world is asked as often as it takes to meet them all."""
        found = {each.world: each for each in self._pool.map(_sweep, range(self._worlds * 4))}
        return list(found.values())


@contextmanager
def crew(worlds: int) -> Iterator[Crew]:
    """Open worlds for the length of the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(worlds, mp_context=context, initializer=_open) as pool:
        yield Crew(pool, worlds)


def _open() -> None:
    """Open this process's world; after a trial that went wrong, another one in its place."""
    zygote = _HERE[-1].zygote if _HERE else Zygote()
    if _HERE:
        _HERE.pop().__exit__(None, None, None)
    _HERE.append(World(zygote).__enter__())
    if not _CLOSING:
        _CLOSING.append(Finalize(zygote, _close, exitpriority=10))


def _close() -> None:
    while _HERE:
        world = _HERE.pop()
        world.__exit__(None, None, None)
        world.zygote.close()


def _watch(case: Case) -> tuple[Tried, Seen]:
    try:
        tried, seen = watch_case(_HERE[-1], case)
    except Exception as error:  # noqa: BLE001 - a trial that cannot be made is told as one, and the others go on
        tried, seen = Tried(case=case, reached=True, broken=(f"the trial itself failed: {error!r}",)), Seen(points=())
    sys.stderr.write(f"{tried.took_s:5.1f} s  {case.name}: {tried.ending} {'; '.join(tried.broken)}\n{tried.said}")
    if tried.broken:
        _open()
    return tried, seen


def _try(case: Case) -> Tried:
    return _watch(case)[0]


def _sweep(_: Any) -> Sweep:
    world = _HERE[-1]
    return sweep(world.twin, world.settings, {"the AWS secret key": CANARY})
