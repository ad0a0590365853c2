"""Decide whether a canary may go on, and when people must be asked: want of bad news promotes nothing."""

from collections.abc import Callable, Iterator, Sequence

from flows.core.bake import POPULATIONS, RELATIVE_KINDS, Population, Row, View, add_up, takes_all, weight_of
from flows.core.evidence import proof_of_rate_below
from flows.core.roll_back_rules import Finding, evidence_bound, mattering
from flows.core.wording import above, against, name_of, part, percent
from tasks.counts import NOT_FINAL, Counts, Kind, total
from tasks.judge_policy import JudgePolicy
from tasks.sentences import named, sentence

GOALS: tuple[Kind, ...] = ("slow_300ms", "slow_1s")


def counted_periods(view: View) -> int:
    """Return how far the bake clock has gone: complete periods that were not held and in which anybody came."""
    return sum(not row.held and _has_telling_requests(row) for row in view.rows)


def needed_periods(phase: int, policy: JudgePolicy) -> int:
    """Return how far the bake clock must go in that phase."""
    return policy.last_phase_min_periods if takes_all(phase, policy) else policy.min_periods


def missing_for_promotion(view: View) -> Iterator[str]:
    """Yield a sentence for each thing that is not good enough yet; none means that it may go on."""
    counted, needed = counted_periods(view), needed_periods(view.phase, view.policy)
    if counted < needed:
        yield sentence("{counted} of {needed} periods", counted=counted, needed=needed)
    yield from _unproved(view)
    yield from _too_many_errors(view)
    yield from _too_slow(view)
    if not takes_all(view.phase, view.policy):
        yield from _maybe_worse(view)


def _maybe_worse(view: View) -> Iterator[str]:
    """Look for evidence that is too little to roll back and too much to go on.

    A difference too small to matter keeps nobody waiting before it is proved; once it is, people decide. At all of
    the traffic nothing is compared any more: the evidence could never become less, however long one waits.
    """
    for kind in RELATIVE_KINDS:
        evidence, bound = view.evidence[kind], view.policy.max_relative_evidence
        if evidence >= evidence_bound(kind, view.policy) or (evidence >= bound and any(mattering(view, kind))):
            yield sentence("{what}: evidence of being worse {shown}", what=name_of(kind), shown=above(evidence, bound))


def _unproved(view: View) -> Iterator[str]:
    policy = view.policy
    error_rate = policy.proved_error_rate if view.phase else policy.first_phase_proved_error_rate
    counts = _proving(view)
    bounds: tuple[tuple[Kind, float], ...] = (("failed", error_rate), ("slow_5s", policy.proved_slow_5s_rate))
    for kind, rate in bounds:
        proof = proof_of_rate_below(rate, counts.requests, counts.events(kind))
        if proof < policy.proof_evidence:
            yield sentence(
                "{what} {part} not proved below {rate}: evidence {proof:,.1f} < {needed:,.0f}",
                what=name_of(kind),
                part=part(counts, kind),
                rate=percent(rate),
                proof=proof,
                needed=policy.proof_evidence,
            )


def _proving(view: View) -> Counts:
    """Add up the requests that can prove something: probes only before real traffic has to."""
    users = add_up(view.compared, "users").new
    return users if view.phase else total((users, add_up(view.compared, "probes").new))


def _too_many_errors(view: View) -> Iterator[str]:
    for population in POPULATIONS:
        new, bound = add_up(view.compared, population).new, view.policy.max_error_rate
        if (new.rate("failed") or 0) > bound:
            what = name_of("failed", population)
            yield sentence("{what} {part} > {bound}", what=what, part=part(new, "failed"), bound=percent(bound))


def _too_slow(view: View) -> Iterator[str]:
    goals = {"slow_300ms": view.policy.p95_slow_300ms_rate, "slow_1s": view.policy.p99_slow_1s_rate}
    for population in POPULATIONS:
        sides = view.sides(view.compared, population)
        for kind in GOALS:
            new_rate, old_rate = sides.new.rate(kind), sides.old.rate(kind)
            bearable = view.policy.max_slow_ratio * (old_rate or 0)
            if new_rate is not None and new_rate >= goals[kind] and new_rate > bearable:
                told = against(sides, kind, population)
                yield sentence("{sides}, goal < {goal}", sides=told, goal=percent(goals[kind]))


def find_urgent_ask(periods: Sequence[Row], view: View) -> Finding | None:
    """Return why nothing can be judged; `periods` are the rows of the phase, with the incomplete ones."""
    return _silent_metrics(periods, view.policy) or _no_requests(view) or _wrong_split(view)


def _silent_metrics(periods: Sequence[Row], policy: JudgePolicy) -> Finding | None:
    last = periods[-policy.silent_periods :]
    if len(last) < policy.silent_periods or any(row.period.complete for row in last):
        return None
    told = [row.period.reason for row in last if row.period.reason]
    # That the youngest are not final yet is no news beside what is wrong with the others.
    why = next(
        (reason for reason in reversed(told) if reason != NOT_FINAL), told[-1] if told else named("no reason given")
    )
    reason = sentence("no complete metrics in the last {count} periods: {why}", count=len(last), why=why)
    return Finding("silent-metrics", (reason,))


def _no_requests(view: View) -> Finding | None:
    last = view.rows[-view.policy.silent_periods :]
    if len(last) < view.policy.silent_periods or any(_has_telling_requests(row) for row in last):
        return None
    side = named("the new side" if takes_all(view.phase, view.policy) else "either side")
    reason = sentence("no request on {side} in {count} finished periods", side=side, count=len(last))
    return Finding("no-requests", (reason,))


def _has_telling_requests(row: Row) -> bool:
    """Say whether anything in the row could prove something in its phase: probes do so in the first alone."""
    populations: Sequence[Population] = POPULATIONS if row.period.phase == 0 else ("users",)
    return any(counts.requests for population in populations for counts in row.sides(population))


def _wrong_split(view: View) -> Finding | None:
    """Look for a side that gets nothing although the configured weight says that it should."""
    weight = weight_of(view.phase, view.policy)
    shares: tuple[tuple[str, int, Callable[[Row], int]], ...] = (
        ("the new side", weight, lambda row: row.period.new.requests),
        ("the old side", 100 - weight, lambda row: row.period.old.requests),
    )
    for side, percent_due, received in shares:
        due = _due_in_vain(view.rows, percent_due, received)
        if due >= view.policy.due_requests:
            reason = sentence(
                "{side} got 0 requests where {due:,.0f} were due at {weight} %",
                side=named(side),
                due=due,
                weight=percent_due,
            )
            return Finding("split-not-as-configured", (reason,))
    return None


def _due_in_vain(rows: Sequence[Row], percent_due: int, received: Callable[[Row], int]) -> float:
    """Return how many requests a side should have got since its last one."""
    due = 0.0
    for row in reversed(rows):
        if received(row):
            break
        due += (row.period.new.requests + row.period.old.requests) * percent_due / 100
    return due


def proved(view: View) -> tuple[str, ...]:
    """Say what the candidate is promoted on."""
    sides = view.sides(view.compared, "users")
    error_rate = view.policy.proved_error_rate if view.phase else view.policy.first_phase_proved_error_rate
    counts = _proving(view)
    proof = proof_of_rate_below(error_rate, counts.requests, counts.failed)
    return (
        sentence(
            "{sides}, proved below {rate}: evidence {shown}",
            sides=against(sides, "failed"),
            rate=percent(error_rate),
            shown=above(proof, view.policy.proof_evidence),
        ),
    )
