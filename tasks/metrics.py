"""Read what the judge needs: one row of counts for each period of the canary (guide 3.4; canary judge, "Input")."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from tasks.counts import NOT_FINAL, Counts, Period
from tasks.errors import RemoteError
from tasks.models import Record, ReleasePlan, Side
from tasks.sentences import sentence
from tasks.series import USERS, Query, Series, Span, read_series, starts_of
from tasks.settings import Settings
from tasks.side_counts import count_queries, count_side, value_of

log = logging.getLogger("greenflow.metrics")

BASELINE_PERIODS = 60
"""How many periods before the release tell how noisy the old side is by itself: an hour of minutes."""

FEWEST_ANSWERED = 2
"""How many answered probes must be missing: one may have ended in the period beside."""

UNHEALTHY = ("UnHealthyHostCount", "Maximum")
CONNECTION_ERRORS = ("TargetConnectionErrorCount", "Sum")

Probed = Callable[[Side, float, float], Counts]
"""Tells what our own probes of a side met in a period: (side, start in epoch seconds, length in seconds)."""


def nothing_probed(_side: Side, _start_s: float, _period_s: float) -> Counts:
    """Be the answer where nobody probes."""
    return Counts()


class PhaseWindow(Record):
    """Hold when one phase's weights were in force, in epoch seconds; ``ended_s`` is None while they are."""

    phase: int
    began_s: float
    ended_s: float | None = None


def read_periods(
    settings: Settings,
    plan: ReleasePlan,
    phases: Sequence[PhaseWindow],
    now_s: float,
    known: Sequence[Period] = (),
    probed: Probed = nothing_probed,
) -> tuple[Period, ...]:
    """Return a row for every period that lies in a phase from its first to its last second, oldest first.

    A period in which the weights changed is in no phase and has no row. Rows of ``known`` that were complete are
    asked for again only if they are among the last ``rollout.reread_periods``; without ``known`` everything is read.
    ``probed`` tells what our own probes met; the load balancer counts them too, so they are taken out of the users, and
    a period in which they are missing is not complete: no datapoint may mean no request, or metrics that are silent.
    When the metrics cannot be read, the rows come without counts, not complete, and say why: nothing is raised.
    """
    slots = _slots(settings, phases, now_s)
    before = {int(row.start): row for row in known}
    due = _due(slots, before, settings.rollout.reread_periods)
    fresh = _read(settings, plan, {start: slots[start] for start in due}, now_s, probed) if due else {}
    kept = {start: row for start, row in before.items() if start in slots}
    # A blind row never takes the place of one that saw.
    better = {start: row for start, row in fresh.items() if row.complete or not _saw(kept.get(start))}
    return tuple(row for _, row in sorted({**kept, **better}.items()))


def read_baseline(settings: Settings, side: Side, before_s: float) -> tuple[Counts, ...]:
    """Return a side's counts for each of the sixty periods before ``before_s``, those without a request left out.

    Raises RemoteError when the metrics cannot be read.
    """
    period_s = int(settings.rollout.period_s)
    end_s = before_s // period_s * period_s
    span = Span(end_s - BASELINE_PERIODS * period_s, end_s, period_s)
    arn = settings.sides[side].target_group_arn
    series = read_series(settings, count_queries(arn), span)
    rows = (count_side(series, arn, start) for start in starts_of(span))
    return tuple(counts for counts in rows if counts.requests)


def _slots(settings: Settings, phases: Sequence[PhaseWindow], now_s: float) -> dict[int, int]:
    """Map the start of each period to its phase."""
    period_s = int(settings.rollout.period_s)
    return {
        start: window.phase
        for window in phases
        for start in starts_of(Span(window.began_s, min(now_s, window.ended_s or now_s), period_s))
    }


def _due(slots: Mapping[int, int], known: Mapping[int, Period], reread: int) -> tuple[int, ...]:
    starts = sorted(slots)
    settled = {start for start in starts[: max(len(starts) - reread, 0)] if _saw(known.get(start))}
    return tuple(start for start in starts if start not in settled)


def _saw(row: Period | None) -> bool:
    return row is not None and row.complete


def _read(
    settings: Settings, plan: ReleasePlan, slots: Mapping[int, int], now_s: float, probed: Probed
) -> dict[int, Period]:
    period_s = int(settings.rollout.period_s)
    span = Span(min(slots), max(slots) + period_s, period_s)
    new_arn, old_arn = (settings.sides[side].target_group_arn for side in (plan.candidate, plan.stable))
    try:
        series = read_series(settings, [*_side_queries(new_arn), *_side_queries(old_arn)], span)
    except RemoteError as error:
        log.warning("the metrics are silent: %s", error)
        return {start: _blind(start, period_s, phase, str(error)) for start, phase in slots.items()}
    final_before_s = now_s - settings.rollout.final_after_s
    rows = (
        _row(series, Span(start, start + period_s, period_s), phase, (new_arn, old_arn), final_before_s)
        for start, phase in slots.items()
    )
    return {int(row.start): _without_probes(row, plan, probed) for row in rows}


def _row(series: Series, span: Span, phase: int, arns: tuple[str, str], final_before_s: float) -> Period:
    new_arn, old_arn = arns
    start = int(span.start_s)
    final = span.end_s <= final_before_s
    return Period(
        start=start,
        period_s=span.period_s,
        phase=phase,
        new=count_side(series, new_arn, start),
        old=count_side(series, old_arn, start),
        new_unhealthy=value_of(series, Query(USERS, *UNHEALTHY, new_arn), start),
        old_unhealthy=value_of(series, Query(USERS, *UNHEALTHY, old_arn), start),
        new_connection_errors=value_of(series, Query(USERS, *CONNECTION_ERRORS, new_arn), start),
        old_connection_errors=value_of(series, Query(USERS, *CONNECTION_ERRORS, old_arn), start),
        complete=final,
        reason="" if final else NOT_FINAL,
    )


def _without_probes(row: Period, plan: ReleasePlan, probed: Probed) -> Period:
    new, old = (probed(side, row.start, row.period_s) for side in (plan.candidate, plan.stable))
    users = {"new": _less(row.new, new), "old": _less(row.old, old)}
    seen = row.model_copy(update={**users, "new_probes": new, "old_probes": old})
    missed = _missed(plan.candidate, row.new, new) or _missed(plan.stable, row.old, old)
    return seen.model_copy(update={"complete": False, "reason": missed}) if row.complete and missed else seen


def _missed(side: Side, counted: Counts, probes: Counts) -> str:
    """Say that the metrics do not tell of requests that were answered to ourselves: they are silent, not the users.

    Half of them may be missing by a clock that differs; a probe that failed may not have reached the load balancer.
    """
    answered = probes.requests - probes.failed
    if answered < FEWEST_ANSWERED or counted.requests >= answered / 2:
        return ""
    return sentence(
        "the metrics tell of {found} requests on side {side}, where {answered} of our own were answered",
        found=counted.requests,
        side=side,
        answered=answered,
    )


def _less(counts: Counts, probes: Counts) -> Counts:
    """Take our own out of everybody's; at a period's edge one may be counted here and not there."""
    requests = max(0, counts.requests - probes.requests)
    kinds = {"failed", "slow_300ms", "slow_1s", "slow_5s"}
    left = {kind: getattr(counts, kind) - getattr(probes, kind) for kind in kinds}
    return Counts(requests=requests, **{kind: min(max(0, value), requests) for kind, value in left.items()})


def _blind(start: int, period_s: int, phase: int, reason: str) -> Period:
    return Period(
        start=start,
        period_s=period_s,
        phase=phase,
        new=Counts(),
        old=Counts(),
        new_unhealthy=0,
        old_unhealthy=0,
        new_connection_errors=0,
        old_connection_errors=0,
        complete=False,
        reason=reason,
    )


def _side_queries(arn: str) -> Iterable[Query]:
    yield from count_queries(arn)
    yield Query(USERS, *UNHEALTHY, arn)
    yield Query(USERS, *CONNECTION_ERRORS, arn)
