"""Count what one side of the load balancer answered: the rows which the judge reads."""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeInt, PositiveFloat, model_validator

NOT_FINAL = "not final yet"
"""The reason of a period that is too young for all of its numbers to have come in."""

Kind = Literal["failed", "slow_300ms", "slow_1s", "slow_5s"]


class Counts(BaseModel):
    """Hold the counts of requests of one side, each kind a part of `requests`.

    A count that is negative, not whole, not a number or larger than `requests` is refused with a ValueError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    slow_300ms: NonNegativeInt = 0
    slow_1s: NonNegativeInt = 0
    slow_5s: NonNegativeInt = 0

    @model_validator(mode="after")
    def _refuse_a_part_larger_than_the_whole(self) -> Self:
        for kind in ("failed", "slow_300ms", "slow_1s", "slow_5s"):
            if getattr(self, kind) > self.requests:
                raise ValueError(f"{kind} {getattr(self, kind)} > requests {self.requests}")
        return self

    def events(self, kind: Kind) -> int:
        """Return the count of that kind."""
        events: int = getattr(self, kind)
        return events

    def rate(self, kind: Kind) -> float | None:
        """Return the fraction of requests of that kind, None where there was no request."""
        return self.events(kind) / self.requests if self.requests else None


def total(counts: Iterable[Counts]) -> Counts:
    """Add counts up."""
    requests = failed = slow_300ms = slow_1s = slow_5s = 0
    for row in counts:
        requests += row.requests
        failed += row.failed
        slow_300ms += row.slow_300ms
        slow_1s += row.slow_1s
        slow_5s += row.slow_5s
    # What was checked in its parts holds in their sum; the judge adds up thousands of times in a release.
    return Counts.model_construct(
        requests=requests, failed=failed, slow_300ms=slow_300ms, slow_1s=slow_1s, slow_5s=slow_5s
    )


class Period(BaseModel):
    """Hold what the metrics say about one period of a canary.

    `start` is in epoch seconds and names the period; `phase` counts the weights from 0. Probes are the
    release's own requests and are not in `new` and `old`. `complete` is False where the metrics call failed or
    the period is not final yet, with the `reason`; such a row is never judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: FiniteFloat
    period_s: PositiveFloat
    phase: NonNegativeInt
    new: Counts
    old: Counts
    new_probes: Counts = Counts()
    old_probes: Counts = Counts()
    new_unhealthy: NonNegativeInt
    old_unhealthy: NonNegativeInt
    new_connection_errors: NonNegativeInt
    old_connection_errors: NonNegativeInt
    complete: bool
    reason: str = ""
