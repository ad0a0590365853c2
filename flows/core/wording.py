"""Say a comparison so that a reader sees both values: in the log, the report and Slack alike."""

from flows.core.bake import Population, Sides
from tasks.counts import Counts, Kind

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
    return NAMES[kind] if population == "users" else f"{NAMES[kind]} (probes)"


def percent(rate: float) -> str:
    """Write a fraction as a percentage; a small one keeps a digit that says something."""
    shown = 100 * rate
    return f"{shown:.3f} %" if 0 < shown < PERCENT_SHOWN_WITH_ONE_DIGIT else f"{shown:.1f} %"


def part(counts: Counts, kind: Kind) -> str:
    """Write a count with what it is a part of: `6/5,490 (0.1 %)`."""
    rate = counts.rate(kind)
    shown = "no request" if rate is None else percent(rate)
    return f"{counts.events(kind):,}/{counts.requests:,} ({shown})"


def against(sides: Sides, kind: Kind, population: Population = "users") -> str:
    """Write both sides: `errors 31/610 (5.1 %) against 6/5,490 (0.1 %)`."""
    return f"{name_of(kind, population)} {part(sides.new, kind)} against {part(sides.old, kind)}"


def above(value: float, bound: float) -> str:
    """Write that a value is beyond its bound, with as many digits as it takes to see it."""
    if value > MOST_SHOWN:
        return f"beyond {MOST_SHOWN:,} > {bound:,.4g}"
    return f"{value:,.0f} > {bound:,.0f}" if value >= bound + 1 else f"{value:,.5g} > {bound:,.4g}"
