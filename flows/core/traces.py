"""Hold what a release leaves behind for its report: weights, moves and changes, each with its time."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tasks.models import Check, Record, Weights
from tasks.sentences import Said


class Shift(Record):
    """Hold the weights as they were read back at a moment."""

    at: datetime
    weights: Weights


class Move(Record):
    """Hold one step of the rollout: which state it came to, in which phase and why."""

    at: datetime
    state: str
    phase: int
    reason: Said


class Share(Record):
    """Hold the check of a measured share of the traffic, with the phase it was measured in."""

    at: datetime
    phase: int
    check: Check


class How(StrEnum):
    """Say what became of a change to the outside."""

    UNDER_WAY = "under way"
    DONE = "done"
    ALREADY = "already so"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Change(Record):
    """Hold one change to the outside, from its intent to its outcome."""

    at: datetime
    what: str
    key: str
    how: How = How.UNDER_WAY
    took_s: float = 0
    cause: Said = ""


class Order(Record):
    """Hold what a service was last told to run; without a task definition only its size was changed."""

    task_definition_arn: str
    desired_count: int


M = TypeVar("M", bound=BaseModel)


def readable(kind: type[M], told: Mapping[str, Any]) -> M | None:
    """Read what another version of this product may have written; None where it cannot be read.

    What only the report shows must never keep the way home from reading the ledger: unknown fields are left out.
    """
    try:
        return kind.model_validate({name: told[name] for name in kind.model_fields if name in told})
    except ValidationError:
        return None


def with_outcome(changes: tuple[Change, ...], found: Change) -> tuple[Change, ...]:
    """Return the changes with the outcome of the newest one of that name; an outcome without an intent is added.

    Changes run side by side, and the way home writes its intent beside the call: the order tells nothing.
    """
    for place in reversed(range(len(changes))):
        change = changes[place]
        if (change.what, change.key, change.how) == (found.what, found.key, How.UNDER_WAY):
            took_s = round((found.at - change.at).total_seconds(), 3)
            ended = change.model_copy(update={"how": found.how, "cause": found.cause, "took_s": took_s})
            return (*changes[:place], ended, *changes[place + 1 :])
    return (*changes, found)
