"""Compute the four DORA figures from an environment's releases: how often, how fast, how well, how soon home."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

from flows.core.record import Ending, ReleaseState
from flows.core.report_words import lasted
from tasks.models import Record

WEEK_DAYS = 7


class Dora(Record):
    """Hold the four figures of ``days`` days; a figure nothing tells is None.

    ``reached`` counts the releases that met users, ``failed`` those of them that had to come home because of the
    version. ``lead_s`` is the median time from the released commit to all of the traffic, ``restore_s`` the median
    time from a failed version's first user to traffic read back at home, both in seconds.
    """

    days: int
    reached: int
    shipped: int
    failed: int
    lead_s: float | None
    restore_s: float | None

    @property
    def per_week(self) -> float:
        """Return how many releases shipped a week."""
        return WEEK_DAYS * self.shipped / self.days

    @property
    def failure_rate(self) -> float | None:
        """Return the fraction of the releases which met users that failed, or None without one."""
        return self.failed / self.reached if self.reached else None


def dora(releases: Iterable[ReleaseState], *, until: datetime, days: int) -> Dora:
    """Compute the figures of the releases that ended in the days before a moment.

    A person who calls a healthy version back is no failure of the change, a person's "roll back" is one.
    """
    since = until - timedelta(days=days)
    ended = [state for state in releases if state.ended_at and since <= state.ended_at <= until]
    reached = [state for state in ended if _first_user_at(state)]
    shipped = [state for state in reached if state.ending is Ending.SHIPPED]
    failed = [state for state in reached if _has_failed(state)]
    return Dora(
        days=days,
        reached=len(reached),
        shipped=len(shipped),
        failed=len(failed),
        lead_s=_median([_between(state.committed_at, state.ended_at) for state in shipped]),
        restore_s=_median([_between(_first_user_at(state), _home_at(state)) for state in failed]),
    )


def dora_rows(figures: Dora) -> list[tuple[str, str]]:
    """Say the figures, each with what it rests on."""
    span = f"in {figures.days} days"
    rate = figures.failure_rate
    met = f"{figures.failed} of {figures.reached} releases that met users"
    return [
        ("deployment frequency", f"{figures.per_week:.1f} a week ({figures.shipped} shipped {span})"),
        ("lead time for changes", _time(figures.lead_s, "median, from the commit to all of the traffic")),
        ("change failure rate", f"{100 * rate:.0f} % ({met})" if rate is not None else f"no release met users {span}"),
        ("time to restore", _time(figures.restore_s, "median, from the first user to traffic at home")),
    ]


def _time(seconds: float | None, what: str) -> str:
    return f"{lasted(seconds)} ({what})" if seconds is not None else "nothing to tell it by"


def _has_failed(state: ReleaseState) -> bool:
    if state.ending in {Ending.ROLLED_BACK, Ending.STUCK}:
        return True
    asked_back = any(answer.decision == "roll_back" for answer in state.answers.values())
    return state.ending is Ending.REJECTED and asked_back


def _first_user_at(state: ReleaseState) -> datetime | None:
    if not state.plan:
        return None
    side = state.plan.candidate
    return next((shift.at for shift in state.shifts if shift.weights.of(side)), None)


def _home_at(state: ReleaseState) -> datetime | None:
    last = state.shifts[-1] if state.shifts else None
    return last.at if state.plan and last and not last.weights.of(state.plan.candidate) else None


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
