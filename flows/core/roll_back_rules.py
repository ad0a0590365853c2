"""Decide whether a canary must be rolled back: each rule returns a finding with both numbers, or None."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from flows.core.bake import (
    EMERGENCIES,
    POPULATIONS,
    RELATIVE_KINDS,
    Population,
    Row,
    Sides,
    View,
    add_up,
    both_in_trouble,
    takes_all,
)
from flows.core.evidence import Draw, chance_of_equal_risk, chance_of_rate
from flows.core.wording import above, against, percent
from tasks.counts import Counts, Kind
from tasks.judge_policy import JudgePolicy
from tasks.sentences import sentence

RULE_NAMES: dict[Kind, str] = {
    "failed": "errors",
    "slow_300ms": "slow-300ms",
    "slow_1s": "slow-1s",
    "slow_5s": "slow-5s",
}


class Finding(NamedTuple):
    """Hold which rule spoke, and why."""

    rule: str
    reasons: tuple[str, ...]


def find_rollback(view: View) -> Finding | None:
    """Return why the candidate must go, seen from the newest row; never while both sides are in trouble."""
    if on_hold(view):
        return None
    return _unhealthy(view) or _beyond_limit(view) or _worse_than_old(view)


def on_hold(view: View) -> bool:
    """Say whether both sides are in trouble now: in the newest period or in the window of the limits."""
    return bool(view.rows) and (view.rows[-1].held or both_in_trouble(_window(view), view.policy))


def _window(view: View) -> tuple[Row, ...]:
    return view.rows[-view.policy.limit_window_periods :]


def _unhealthy(view: View) -> Finding | None:
    """Look for targets of the new side alone that fail in periods that follow each other without a gap."""
    needed = view.policy.unhealthy_periods
    rows = view.rows[-needed:]
    gap = any(later.place - row.place != 1 for row, later in pairwise(rows))
    if len(rows) < needed or gap or not all(_only_new_is_unhealthy(row) for row in rows):
        return None
    newest = rows[-1].period
    reason = sentence(
        "{targets} unhealthy targets, {errors} connection errors against none, {needed} periods in a row",
        targets=newest.new_unhealthy,
        errors=newest.new_connection_errors,
        needed=needed,
    )
    return Finding("unhealthy-targets", (reason,))


def _only_new_is_unhealthy(row: Row) -> bool:
    period = row.period
    new_is = period.new_unhealthy or period.new_connection_errors
    old_is = period.old_unhealthy or period.old_connection_errors
    return bool(new_is and not old_is)


def _beyond_limit(view: View) -> Finding | None:
    """Look for the guide's emergencies in the last periods (section "rollback": errors > 5 %, P95 > 5 s)."""
    limit = _limit_now(view)
    for population in POPULATIONS:
        sides = view.sides(_window(view), population)
        for kind in EMERGENCIES:
            rate = sides.new.rate(kind) or 0
            if rate > limit and _is_emergency(view, sides, kind, population):
                told = against(sides, kind, population)
                reason = sentence("{sides}, {rate} > {limit}", sides=told, rate=percent(rate), limit=percent(limit))
                return Finding(f"{RULE_NAMES[kind]}-limit", (reason,))
    return None


def _limit_now(view: View) -> float:
    return view.policy.warm_up_limit_rate if view.rows[-1].warm_up else view.policy.limit_rate


def _is_emergency(view: View, sides: Sides, kind: Kind, population: Population) -> bool:
    """Say whether a rate beyond the limit is the candidate's, is no accident, and goes on.

    What the warm-up was forgiven is not held against the candidate the moment it ends: then the periods after
    it must be beyond the limit by themselves too.
    """
    goes_on = _rate_since_warm_up(view, kind, population) > _limit_now(view)
    beyond = goes_on and _enough(view, kind, population) and _attributable(view, sides, kind)
    return beyond and not (_may_be_cold_start(view, sides.new, kind) or _may_hit_both(view, kind, population))


def _may_be_cold_start(view: View, new: Counts, kind: Kind) -> bool:
    """Say whether chance alone may have taken a cold start below the limit of the warm-up beyond it."""
    policy = view.policy
    if not view.rows[-1].warm_up:
        return False
    chance = chance_of_rate(policy.warm_up_limit_rate, new.requests, new.events(kind), view.etas[kind])
    return chance >= policy.limit_p_value


def _rate_since_warm_up(view: View, kind: Kind, population: Population) -> float:
    """Return the new side's rate in the part of the window that is on the newest row's side of the warm-up."""
    rows = [row for row in _window(view) if row.warm_up == view.rows[-1].warm_up]
    return view.sides(rows, population).new.rate(kind) or 0


def _enough(view: View, kind: Kind, population: Population) -> bool:
    """Say whether there are enough events, after tempering, to be more than an accident of one moment.

    At all of the traffic the past is all there is to compare with, so a bad moment of the whole system looks like
    the candidate's: there it must last for the whole window.
    """
    policy, eta = view.policy, view.etas[kind]
    events = [row.sides(population).new.events(kind) * eta for row in _window(view)]
    periods = policy.limit_window_periods if takes_all(view.phase, policy) else policy.limit_event_periods
    spread = sum(count > 0 for count in events) >= periods
    return max(events) >= policy.limit_events_in_one_period or (spread and sum(events) >= policy.limit_events)


def _attributable(view: View, sides: Sides, kind: Kind) -> bool:
    """Say whether it is the candidate's doing; where no old side was ever seen, the limit itself decides."""
    old_rate = sides.old.rate(kind)
    if old_rate is None:
        return view.reference is not None
    draw = Draw(sides.new.requests, sides.old.requests, sides.new.events(kind), sides.old.events(kind))
    twice = (sides.new.rate(kind) or 0) >= view.policy.limit_ratio * old_rate
    return twice and chance_of_equal_risk(draw, view.etas[kind]) < view.policy.limit_p_value


def _may_hit_both(view: View, kind: Kind, population: Population) -> bool:
    """Say, at all of the traffic, whether the old side may be failing as often: only its probes can tell.

    They are few, so all that the phase has seen is compared: the longer it lasts, the surer they are.
    """
    rows = [row for row in view.rows if not row.held]
    new, old = add_up(rows, population).new, add_up(rows, "probes").old
    if view.reference is None or not old.requests:
        return False
    draw = Draw(new.requests, old.requests, new.events(kind), old.events(kind))
    return chance_of_equal_risk(draw, eta=1) >= view.policy.probes_p_value


def _worse_than_old(view: View) -> Finding | None:
    """Look for evidence that the new side is worse, where the difference is large enough to matter."""
    if not view.compared or view.rows[-1] is not view.compared[-1]:
        return None
    for kind in RELATIVE_KINDS:
        bound = evidence_bound(kind, view.policy)
        if view.evidence[kind] >= bound and (found := next(mattering(view, kind), None)):
            population, sides = found
            shown = above(view.evidence[kind], bound)
            reason = sentence("{sides}, evidence {shown}", sides=against(sides, kind, population), shown=shown)
            return Finding(f"{RULE_NAMES[kind]}-evidence", (reason,))
    return None


def evidence_bound(kind: Kind, policy: JudgePolicy) -> float:
    """Return from where on the new side is proved to be worse."""
    return policy.errors_evidence if kind == "failed" else policy.slow_evidence


def mattering(view: View, kind: Kind) -> Iterator[tuple[Population, Sides]]:
    """Yield where the size of the difference matters: in the phase or its last periods, users or probes."""
    windows: tuple[Sequence[Row], ...] = (view.compared, view.compared[-view.policy.recent_periods :])
    for rows in windows:
        for population in POPULATIONS:
            sides = view.sides(rows, population)
            if _matters(sides, kind, view.policy):
                yield population, sides


def _matters(sides: Sides, kind: Kind, policy: JudgePolicy) -> bool:
    new_rate, old_rate = sides.new.rate(kind), sides.old.rate(kind)
    if new_rate is None or old_rate is None:
        return False
    if kind == "failed":
        return new_rate > policy.mattering_error_rate
    goal = policy.p95_slow_300ms_rate if kind == "slow_300ms" else policy.p99_slow_1s_rate
    return new_rate > goal >= old_rate
