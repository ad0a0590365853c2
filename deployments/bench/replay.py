"""Give simulated releases to the judge itself, one period after the other, as a release does."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from deployments.bench.outcome import ASKED, ROLLED_BACK, Outcome
from deployments.bench.traffic import FAILED, NEW, OLD, PERIOD_S, PERIODS, PROBES, REQUESTS, SLOW, USERS, Ints, Traffic
from flows.core.judge import Judgement, Verdict, judge
from tasks.counts import Counts, Period
from tasks.judge_policy import JudgePolicy


class Step(NamedTuple):
    """Name a period of a weight, and what the judge must say after it; None: anything but a rollback."""

    phase: int
    periods: int
    verdict: Verdict | None


def counts_of(numbers: Ints) -> Counts:
    """Read one side's counts."""
    slow_300ms, slow_1s, slow_5s = (int(number) for number in numbers[SLOW])
    return Counts(
        requests=int(numbers[REQUESTS]),
        failed=int(numbers[FAILED]),
        slow_300ms=slow_300ms,
        slow_1s=slow_1s,
        slow_5s=slow_5s,
    )


def rows_of(traffic: Traffic, release: int, phase: int, periods: int) -> list[Period]:
    """Write the rows of the first periods of a weight."""
    return [_row(traffic, release, phase, place) for place in range(periods)]


def _row(traffic: Traffic, release: int, phase: int, place: int) -> Period:
    counts = traffic.counts[release, phase, place]
    return Period(
        start=float((phase * PERIODS + place) * PERIOD_S),
        period_s=PERIOD_S,
        phase=phase,
        new=counts_of(counts[USERS, NEW]),
        old=counts_of(counts[USERS, OLD]),
        new_probes=counts_of(counts[PROBES, NEW]),
        old_probes=counts_of(counts[PROBES, OLD]),
        new_unhealthy=0,
        old_unhealthy=0,
        new_connection_errors=0,
        old_connection_errors=0,
        complete=bool(traffic.complete[release, phase, place]),
    )


def steps_of(outcome: Outcome, release: int) -> Iterator[Step]:
    """Yield what the judge must say at the turning points of a release, and one period before each."""
    spent, promoted_at = outcome.spent[release].tolist(), outcome.promoted_at[release].tolist()
    last = max(phase for phase, periods in enumerate(spent) if periods)
    for phase in range(last + 1):
        if promoted_at[phase]:
            yield Step(phase, promoted_at[phase] - 1, Verdict.WAIT)
            yield Step(phase, promoted_at[phase], Verdict.PROMOTE)
    ending = {ROLLED_BACK: Verdict.ROLL_BACK, ASKED: Verdict.ASK}.get(int(outcome.ending[release]))
    if ending:
        yield Step(last, spent[last] - 1, None if promoted_at[last] else Verdict.WAIT)
        yield Step(last, spent[last], ending)


def judged_at(traffic: Traffic, outcome: Outcome, release: int, step: Step, policy: JudgePolicy) -> Judgement:
    """Judge all rows up to a step."""
    earlier = [rows_of(traffic, release, phase, int(outcome.spent[release, phase])) for phase in range(step.phase)]
    rows = [*chain(*earlier), *rows_of(traffic, release, step.phase, step.periods)]
    return judge(rows, step.phase, policy, baseline=[counts_of(numbers) for numbers in traffic.baseline[release]])


def differing_releases(
    traffic: Traffic, outcome: Outcome, policy: JudgePolicy, releases: Iterable[int]
) -> dict[int, Step]:
    """Return the releases of which the judge itself says something else, with the first step where it does."""
    differing: dict[int, Step] = {}
    for release in releases:
        for step in steps_of(outcome, release):
            verdict = judged_at(traffic, outcome, release, step, policy).verdict
            as_told = verdict is step.verdict if step.verdict else verdict is not Verdict.ROLL_BACK
            if not as_told:
                differing.setdefault(release, step)
    return differing
