"""Judge a canary from the counts of its periods: promote, roll back, ask people, or wait.

A pure function without memory, called again with all rows after every poll, so that retries, restarts and
late data need nothing. Missing data never promotes and never rolls back.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from flows.core.bake import (
    RELATIVE_KINDS,
    Row,
    View,
    add_up,
    in_order,
    mark_rows,
    reference_before,
    views,
    without_outages,
)
from flows.core.promotion_rules import (
    counted_periods,
    find_urgent_ask,
    missing_for_promotion,
    needed_periods,
    proved,
)
from flows.core.roll_back_rules import Finding, find_rollback, on_hold
from tasks.counts import Counts, Period
from tasks.judge_policy import JudgePolicy
from tasks.sentences import Said, named, sentence

__all__ = ["Counts", "Judgement", "Period", "Verdict", "judge"]


class Verdict(StrEnum):
    """Name what comes next for a canary."""

    PROMOTE = "promote"
    ROLL_BACK = "roll_back"
    ASK = "ask"
    WAIT = "wait"


class Judgement(BaseModel):
    """Hold a verdict, the rule that spoke, and the numbers it spoke on.

    `phase` is the one the rule spoke of; `new` and `old` are the users' requests in its complete periods up
    to then. An error rate is a fraction, None without a request. `evidence` is the e-value of each relative
    test (1 says nothing). `hold`: both sides are in trouble, the bake clock stands still, page people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    rule: str
    reasons: tuple[Said, ...]
    phase: NonNegativeInt
    hold: bool
    periods_counted: NonNegativeInt
    periods_needed: NonNegativeInt
    new: Counts
    old: Counts
    new_error_rate: float | None
    old_error_rate: float | None
    evidence: dict[str, float]


def judge(periods: Sequence[Period], phase: int, policy: JudgePolicy, *, baseline: Sequence[Counts] = ()) -> Judgement:
    """Judge the phase a canary is in, from the rows of all its phases so far, in any order.

    Rows of an abandoned attempt do not belong here: a canary that starts over brings none of them.
    `baseline` holds the old side's counts per period in the hour before the release: how noisy it is by
    itself. A rollback that any earlier row called for stands: a late poll finds what a timely one would have.

    At 100 % nothing is left to compare with, so no relative evidence is gathered. The hard limits stand in
    absolute terms: what the old side answered earlier (baseline and earlier phases) takes its place in "is it
    the candidate's doing?", and where it never answered, the limit alone decides. Its probes alone can tell that
    both sides are failing now: where they may be failing as often, nothing is rolled back. Promotion asks for the
    same proof as the second weight, from users of the 100 % phase itself, so it never comes from missing data.
    """
    rows = mark_rows(in_order(periods, phase), policy)
    usual = without_outages(baseline, policy)
    seen = tuple(views(rows, usual, policy))
    for view in seen:
        if finding := find_rollback(view):
            return _judgement(Verdict.ROLL_BACK, finding, view)
    now = seen[-1] if seen and seen[-1].phase == phase else _empty_view(phase, rows, seen, usual, policy)
    of_phase = tuple(row for row in rows if row.period.phase == phase)
    return _go_on(of_phase, now)


def overdue(judgement: Judgement, waited_s: float) -> Judgement:
    """Put to people what is still waited for after ``waited_s``, in which every phase should have had its verdict."""
    counted = judgement.periods_counted
    late = sentence("no verdict in {waited:,.0f} s, which counted {counted} periods", waited=waited_s, counted=counted)
    changes = {"verdict": Verdict.ASK, "rule": "overdue", "reasons": (late, *judgement.reasons)}
    return judgement.model_copy(update=changes)


def _empty_view(
    phase: int, rows: Sequence[Row], seen: Sequence[View], baseline: Sequence[Counts], policy: JudgePolicy
) -> View:
    """View a phase of which no period has come in: the evidence of the phases before stands."""
    evidence = seen[-1].evidence if seen else dict.fromkeys(RELATIVE_KINDS, 1.0)
    return View(phase, (), evidence, {}, reference_before(phase, rows, baseline, policy), policy)


def _go_on(periods: Sequence[Row], view: View) -> Judgement:
    """Promote, ask or wait, where nothing speaks for a rollback."""
    if finding := find_urgent_ask(periods, view):
        return _judgement(Verdict.ASK, finding, view)
    hold = (named("both sides are beyond a hard limit"),) if on_hold(view) else ()
    missing = (*hold, *missing_for_promotion(view))
    if not missing:
        return _judgement(Verdict.PROMOTE, Finding("promotion", proved(view)), view)
    if len(periods) >= view.policy.ask_after_periods:
        late = sentence(
            "{seen} periods >= {bound} without a verdict", seen=len(periods), bound=view.policy.ask_after_periods
        )
        return _judgement(Verdict.ASK, Finding("ask-after", (late, *missing)), view)
    return _judgement(Verdict.WAIT, Finding("hold" if hold else "bake", missing), view)


def _judgement(verdict: Verdict, finding: Finding, view: View) -> Judgement:
    sides = add_up(view.rows, "users")
    return Judgement(
        verdict=verdict,
        rule=finding.rule,
        reasons=finding.reasons,
        phase=view.phase,
        hold=on_hold(view),
        periods_counted=counted_periods(view),
        periods_needed=needed_periods(view.phase, view.policy),
        new=sides.new,
        old=sides.old,
        new_error_rate=sides.new.rate("failed"),
        old_error_rate=sides.old.rate("failed"),
        evidence={str(kind): value for kind, value in view.evidence.items()},
    )
