"""Write canary rows briefly: what the judge's tests feed it."""

from collections.abc import Sequence
from typing import Any

from flows.core.judge import Judgement, Verdict, judge
from tasks.counts import Counts, Period
from tasks.judge_policy import JudgePolicy

POLICY = JudgePolicy()
Events = int | dict[str, int] | Counts
Pair = tuple[int, int]


def counts(requests: int, events: Events = 0) -> Counts:
    """Make counts; a bare number of events means errors, ready counts stay as they are."""
    if isinstance(events, Counts):
        return events
    return Counts(requests=requests, **({"failed": events} if isinstance(events, int) else events))


def row(place: int, *, phase: int = 0, n: Pair = (60, 540), new: Events = 0, old: Events = 0, **fields: Any) -> Period:
    """Make the complete row of a place in time; `n` and the events are (new, old)."""
    told: dict[str, Any] = {
        "start": 1_763_872_000 + 60 * place,
        "period_s": 60,
        "phase": phase,
        "new": counts(n[0], new),
        "old": counts(n[1], old),
        "new_unhealthy": 0,
        "old_unhealthy": 0,
        "new_connection_errors": 0,
        "old_connection_errors": 0,
        "complete": True,
    }
    return Period(**(told | fields))


def rows(many: int, *, first: int = 0, **told: Any) -> list[Period]:
    """Make equal rows that follow each other."""
    return [row(place, **told) for place in range(first, first + many)]


def promoted_release() -> list[Period]:
    """Make a clean release of three phases of 15 periods at 600 requests each."""
    shares = ((60, 540), (300, 300), (600, 0))
    return [row(place, phase=place // 15, n=shares[place // 15]) for place in range(45)]


def first_ending(
    periods: Sequence[Period], phase: int = 0, policy: JudgePolicy = POLICY
) -> tuple[int, Verdict, str] | None:
    """Judge after every row and return at which one it stopped waiting, with the verdict and the rule."""
    for seen in range(1, len(periods) + 1):
        judgement = judge(periods[:seen], phase, policy)
        if judgement.verdict is not Verdict.WAIT:
            return seen, judgement.verdict, judgement.rule
    return None


def verdict_on(periods: Sequence[Period], phase: int = 0, policy: JudgePolicy = POLICY) -> Judgement:
    """Judge these rows."""
    return judge(periods, phase, policy)
