"""Read the rows of a canary: in order, each once, and what was known when each of them had come in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from flows.core.evidence import Bet, Draw, dispersion, evidence_after_each
from tasks.counts import Counts, Kind, Period, total
from tasks.judge_policy import JudgePolicy

Population = Literal["users", "probes"]
POPULATIONS: tuple[Population, ...] = ("users", "probes")
KINDS: tuple[Kind, ...] = ("failed", "slow_300ms", "slow_1s", "slow_5s")
RELATIVE_KINDS: tuple[Kind, ...] = ("failed", "slow_300ms", "slow_1s")
EMERGENCIES: tuple[Kind, ...] = ("failed", "slow_5s")
ALL_TRAFFIC = 100


class Sides(NamedTuple):
    """Hold the same count of both sides."""

    new: Counts
    old: Counts


@dataclass(frozen=True, slots=True)
class Row:
    """Hold a period with its place in its phase, from 0 and counted with the incomplete ones.

    `held`: both sides were in trouble, so it says nothing about the candidate.
    """

    period: Period
    place: int
    warm_up: bool
    held: bool

    def sides(self, population: Population) -> Sides:
        """Return both sides' counts of the users or of the probes."""
        if population == "users":
            return Sides(self.period.new, self.period.old)
        return Sides(self.period.new_probes, self.period.old_probes)


@dataclass(frozen=True, slots=True)
class View:
    """Hold what was known of a phase when a period had come in: its complete rows up to then, newest last.

    `reference` is the old side's past where a phase leaves it no traffic to compare with, else None. `etas`
    temper counts that were noisy before the release already.
    """

    phase: int
    rows: tuple[Row, ...]
    evidence: Mapping[Kind, float]
    etas: Mapping[Kind, float]
    reference: Mapping[Population, Counts] | None
    policy: JudgePolicy

    @property
    def compared(self) -> tuple[Row, ...]:
        """Return the rows that tell the sides apart: after the warm-up and not held."""
        return tuple(row for row in self.rows if not (row.warm_up or row.held))

    def sides(self, rows: Sequence[Row], population: Population) -> Sides:
        """Add both sides up; at all of the traffic the old side is the reference."""
        new, old = add_up(rows, population)
        return Sides(new, old if self.reference is None else self.reference[population])


def add_up(rows: Iterable[Row], population: Population) -> Sides:
    """Add up what both sides answered in these rows."""
    pairs = [row.sides(population) for row in rows]
    return Sides(total(pair.new for pair in pairs), total(pair.old for pair in pairs))


def in_order(periods: Iterable[Period], phase: int) -> tuple[Period, ...]:
    """Sort the periods up to that phase, each start once.

    Of two rows of one period the complete one stands, then the one that counted more: metrics that come late
    only add, so the order of arrival does not matter.
    """
    fullest: dict[float, Period] = {}
    for period in periods:
        known = fullest.get(period.start)
        if period.phase <= phase and (known is None or _fullness(period) > _fullness(known)):
            fullest[period.start] = period
    return tuple(fullest[start] for start in sorted(fullest))


def _fullness(period: Period) -> tuple[bool, int, str]:
    counted = (period.new, period.old, period.new_probes, period.old_probes)
    return period.complete, sum(counts.requests for counts in counted), period.model_dump_json()


def mark_rows(periods: Sequence[Period], policy: JudgePolicy) -> tuple[Row, ...]:
    """Say of ordered periods which belong to the warm-up of their phase, and which are held."""
    places: dict[int, int] = {}
    rows = []
    for period in periods:
        place = places.get(period.phase, 0)
        places[period.phase] = place + 1
        row = Row(period, place, warm_up=place < policy.warm_up_periods, held=False)
        rows.append(Row(period, place, row.warm_up, held=period.complete and both_in_trouble([row], policy)))
    return tuple(rows)


def both_in_trouble(rows: Sequence[Row], policy: JudgePolicy) -> bool:
    """Say whether both sides are beyond a hard limit: an outage of what they share, not of the candidate.

    Users decide; probes only where a side had no user, since a broken probe fails on both sides alike.
    """
    sides = add_up(rows, "users")
    if not (sides.new.requests and sides.old.requests):
        sides = add_up(rows, "probes")
    return any(all((side.rate(kind) or 0) > policy.limit_rate for side in sides) for kind in EMERGENCIES)


def views(rows: Sequence[Row], baseline: Sequence[Counts], policy: JudgePolicy) -> Iterator[View]:
    """Yield what was known after every complete row: a late poll sees what a timely one would have seen."""
    complete = [row for row in rows if row.period.complete]
    etas = {kind: 1 / _phi(baseline, kind, policy) for kind in KINDS}
    phases = {row.period.phase for row in complete}
    references = {phase: reference_before(phase, complete, baseline, policy) for phase in phases}
    traces = zip(*(_trace(complete, kind, etas[kind], policy) for kind in RELATIVE_KINDS), strict=True)
    seen: tuple[Row, ...] = ()
    for row, evidence in zip(complete, traces, strict=True):
        phase = row.period.phase
        seen = (*seen, row) if seen and seen[-1].period.phase == phase else (row,)
        known = dict(zip(RELATIVE_KINDS, evidence, strict=True))
        yield View(phase, seen, known, etas, references[phase], policy)


def without_outages(baseline: Iterable[Counts], policy: JudgePolicy) -> tuple[Counts, ...]:
    """Leave out the periods of an outage before the release.

    An outage is no noise: taken for it, it would deafen the judge to the very thing that it is there for.
    """
    return tuple(counts for counts in baseline if not _was_outage(counts, policy))


def _was_outage(counts: Counts, policy: JudgePolicy) -> bool:
    return any(
        counts.events(kind) >= policy.limit_events and (counts.rate(kind) or 0) > policy.warm_up_limit_rate
        for kind in EMERGENCIES
    )


def reference_before(
    phase: int, rows: Iterable[Row], baseline: Iterable[Counts], policy: JudgePolicy
) -> Mapping[Population, Counts] | None:
    """Add up what the old side answered before a phase that leaves it no traffic; None for other phases."""
    if not takes_all(phase, policy):
        return None
    earlier = [row for row in rows if row.period.phase < phase and row.period.complete and not row.held]
    users = total((add_up(earlier, "users").old, *baseline))
    return {"users": users, "probes": add_up(earlier, "probes").old}


def takes_all(phase: int, policy: JudgePolicy) -> bool:
    """Say whether the new side gets all of the traffic in that phase."""
    return weight_of(phase, policy) == ALL_TRAFFIC


def weight_of(phase: int, policy: JudgePolicy) -> int:
    """Return the new side's configured percent of the traffic in that phase."""
    return policy.weights[min(phase, len(policy.weights) - 1)]


def _phi(baseline: Sequence[Counts], kind: Kind, policy: JudgePolicy) -> float:
    z, most = policy.dispersion_z, policy.max_dispersion
    return dispersion(baseline, kind, z=z, most=most, min_events=policy.min_dispersion_events)


def _trace(rows: Sequence[Row], kind: Kind, eta: float, policy: JudgePolicy) -> list[float]:
    null_ratio = policy.errors_null_ratio if kind == "failed" else policy.slow_null_ratio
    bets = _bets(rows, kind, policy)
    return list(evidence_after_each(bets, null_ratio=null_ratio, eta=eta, cap=policy.period_evidence_cap))


def _bets(rows: Sequence[Row], kind: Kind, policy: JudgePolicy) -> Iterator[Bet]:
    """Yield a bet for every row; one that is not compared bets nothing.

    A held row may only lower the evidence: leaving out what was chosen by its outcome would bias the rest.
    """
    begun: set[int] = set()
    for row in rows:
        phase = row.period.phase
        if row.warm_up or takes_all(phase, policy):
            yield Bet((), 0)
            continue
        stake = policy.other_period_stake if phase in begun else _first_stake(phase, policy)
        begun.add(phase)
        yield Bet(tuple(_draw(row.sides(population), kind) for population in POPULATIONS), stake, row.held)


def _first_stake(phase: int, policy: JudgePolicy) -> float:
    stakes = {0: policy.first_phase_stake, 1: policy.second_phase_stake}
    return stakes.get(phase, policy.other_period_stake)


def _draw(sides: Sides, kind: Kind) -> Draw:
    return Draw(sides.new.requests, sides.old.requests, sides.new.events(kind), sides.old.events(kind))
