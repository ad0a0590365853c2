"""Make a Prefect task of a stage, and let the ledger know when it starts, ends and why it failed."""

import functools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from opentelemetry import trace
from prefect import Task, task
from prefect.runtime import task_run

from tasks.disk import room_for
from tasks.errors import LeaseLost, ReleaseError
from tasks.ledger import current_ledger, note
from tasks.log_lines import about
from tasks.models import Evidence
from tasks.sentences import named, sentence
from tasks.waits import heed_stop

log = logging.getLogger("greenflow.stage")

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=Evidence)


def stage(name: str, policy: Mapping[str, Any]) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Decorate a stage: ``name`` opens with its section of the guide, ``policy`` comes from ``tasks.retries``."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        @functools.wraps(function)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
            # A flow may run a stage under a name of its own: "the old version's health" is not the candidate's.
            return _recorded(task_run.task_name or name, functools.partial(function, *args, **kwargs))

        return task(name=name, **policy)(recorded)

    return decorate


def proved(name: str, proof: type[E]) -> E | None:
    """Return what this release has already proved in a stage, or None.

    For a stage whose proof must not be made twice: after a crash the same release finds its dump and its restore
    point in the ledger. A proof with a failed check does not count.
    """
    for event in reversed(current_ledger().events):
        if event.kind == "stage.finished" and event.data["stage"] == name:
            found = proof.model_validate(event.data["evidence"])
            return None if found.failed else found
    return None


def record_evidence(name: str, evidence: Evidence) -> None:
    """Write down what was found before the ledger was open, as a stage of its own."""
    _recorded(name, lambda: evidence)


def _recorded(name: str, run: Callable[[], R]) -> R:
    heed_stop()
    note("stage.started", {"stage": name})
    started_s = time.monotonic()
    _tell_span(current_ledger().facts())
    try:
        with about(lambda: {"stage": name}), room_for(sentence("finish {stage}", stage=named(name))):
            result = run()
    except LeaseLost:
        raise
    except BaseException as error:
        cause = str(error) if isinstance(error, ReleaseError) else type(error).__name__
        note("stage.failed", {"stage": name, "cause": cause, "took_s": _since(started_s)})
        raise
    evidence = result.model_dump(mode="json") if isinstance(result, Evidence) else {}
    note("stage.finished", {"stage": name, "took_s": _since(started_s), "evidence": evidence})
    return result


def _tell_span(facts: Mapping[str, Any]) -> None:
    """Let a trace be found by its release: Prefect makes a span of every stage where OpenTelemetry listens."""
    trace.get_current_span().set_attributes({f"greenflow.{name}": value for name, value in facts.items()})


def _since(started_s: float) -> float:
    return round(time.monotonic() - started_s, 3)
