"""Say a comparison so that a reader sees both values: in the log, the report and Slack alike."""

from flows.core.bake import Population, Sides
from tasks.counts import Counts, Kind
from tasks.sentences import named, sentence

NAMES: dict[Kind, str] = {
    "failed": "errors",
    "slow_300ms": "slower than 0.3 s",
    "slow_1s": "slower than 1 s",
    "slow_5s": "slower than 5 s",
}
PERCENT_SHOWN_WITH_ONE_DIGIT = 0.05
MOST_SHOWN = 1_000_000


def name_of(kind: Kind, population: Population = "users") -> str:
    """Name what was counted, and that it was counted on probes."""
    name = named(NAMES[kind])
    return name if population == "users" else sentence("{name} (probes)", name=name)


def percent(rate: float) -> str:
    """Write a fraction as a percentage; a small one keeps a digit that says something."""
    shown = 100 * rate
    return f"{shown:.3f} %" if 0 < shown < PERCENT_SHOWN_WITH_ONE_DIGIT else f"{shown:.1f} %"


def part(counts: Counts, kind: Kind) -> str:
    """Write a count with what it is a part of: `6/5,490 (0.1 %)`."""
    rate = counts.rate(kind)
    shown = named("no request") if rate is None else percent(rate)
    return sentence(
        "{events:,}/{requests:,} ({shown})", events=counts.events(kind), requests=counts.requests, shown=shown
    )


def against(sides: Sides, kind: Kind, population: Population = "users") -> str:
    """Write both sides: `errors 31/610 (5.1 %) against 6/5,490 (0.1 %)`."""
    what = name_of(kind, population)
    return sentence("{what} {new} against {old}", what=what, new=part(sides.new, kind), old=part(sides.old, kind))


def above(value: float, bound: float) -> str:
    """Write that a value is beyond its bound, with as many digits as it takes to see it."""
    if value > MOST_SHOWN:
        return sentence("beyond {most:,} > {bound:,.4g}", most=MOST_SHOWN, bound=bound)
    return f"{value:,.0f} > {bound:,.0f}" if value >= bound + 1 else f"{value:,.5g} > {bound:,.4g}"
