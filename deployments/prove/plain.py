"""Run a release's stages by plain calls: its own code without Prefect's engine, so that a trial takes seconds.

What this leaves out, and the rehearsals have: Prefect's orchestration, its pause, its artifacts, its hooks. A stage
that may be repeated is repeated by the same policy, with shorter waits.
"""

import contextvars
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import prefect.futures
from prefect import Task
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

import tasks.stage
from flows.noticeboard import Noticeboard
from flows.rehearsal import twin_settings
from flows.release import PARALLEL_STAGES, run_release
from tasks.errors import ReleaseError, RolledBack
from tasks.waits import pause

NOWHERE = "http://127.0.0.1:9/api"
HURRY = 0.02
"""The waits between a stage's tries, as a part of what its policy says."""

_NAME: ContextVar[str] = ContextVar("greenflow_trial_stage", default="")


class Running(Future[Any]):
    """Be what ``submit`` returns: a future that can be waited for as Prefect's can."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the stage, whatever it is."""
        wait([self], timeout)


class Outcome:
    """Be the state that a retry policy looks at."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def result(self) -> None:
        """Raise what the stage raised."""
        raise self._error


@contextmanager
def without_prefect() -> Iterator[None]:
    """Make every stage of this process a plain call, for good; inside of the block no Prefect server is reached."""
    _leave_prefect_out()
    with temporary_settings({PREFECT_API_URL: NOWHERE, PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield


def _leave_prefect_out() -> None:
    replaced: tuple[tuple[Any, str, Any], ...] = (
        (Task, "__call__", _called),
        (Task, "submit", _submitted),
        (Noticeboard, "post", lambda *_, **__: None),
        (tasks.stage, "task_run", _Runtime()),
        *((module, "wait", wait) for module in _waiting()),
    )
    for owner, name, ours in replaced:
        setattr(owner, name, ours)


def _waiting() -> list[Any]:
    """List the modules that wait for futures as Prefect does."""
    flows = [module for name, module in sys.modules.items() if name.startswith("flows.")]
    return [module for module in flows if getattr(module, "wait", None) is prefect.futures.wait]


def release_plainly(version: str) -> int:
    """Release a version to the twin of this environment and return the exit code its command would have."""
    try:
        run_release(twin_settings(), version, "the trials")
    except RolledBack as error:
        return _said(error, error.code)
    except ReleaseError as error:
        return _said(error, error.exit_code)
    return 0


class _Runtime(SimpleNamespace):
    """Tell a stage the name it runs under, as Prefect's runtime does."""

    @property
    def task_name(self) -> str:
        return _NAME.get()


def _called(self: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
    token = _NAME.set(self.name)
    try:
        return _repeated(self, lambda: self.fn(*args, **kwargs))
    finally:
        _NAME.reset(token)


def _repeated(stage: Task[..., Any], run: Callable[[], Any]) -> Any:
    delays = stage.retry_delay_seconds if isinstance(stage.retry_delay_seconds, list) else []
    for delay_s in delays[: stage.retries]:
        try:
            return run()
        except Exception as error:
            may_help = stage.retry_condition_fn
            if may_help is None or not may_help(stage, None, Outcome(error)):  # type: ignore[arg-type]
                raise
            pause(delay_s * HURRY)
    return run()


_POOL: list[tuple[int, ThreadPoolExecutor]] = []


def _submitted(self: Task[..., Any], *args: Any, **kwargs: Any) -> Running:
    pool, running, context = _pool(), Running(), contextvars.copy_context()

    def run() -> None:
        try:
            running.set_result(context.run(_called, self, *args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            running.set_exception(error)

    pool.submit(run)
    return running


def _pool() -> ThreadPoolExecutor:
    if not _POOL or _POOL[-1][0] != os.getpid():
        _POOL.append((os.getpid(), ThreadPoolExecutor(PARALLEL_STAGES)))
    return _POOL[-1][1]


def _said(error: ReleaseError, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
