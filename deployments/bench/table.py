"""Write what was measured as tables for people."""

import math
from collections.abc import Iterable, Sequence

from deployments.bench.bars import Bar, ours
from deployments.bench.cells import RPS, TIMED, Cell
from deployments.bench.measure import OURS, Found, Measured
from deployments.bench.page import markdown

RIVALS_HEAD = (
    "judge",
    "healthy releases rolled back (worst cell)",
    "7 % errors at 10 rps: p50 / p95",
    "2 % errors at 10 rps",
    "1.1 % errors or more promoted (worst cell)",
    "failed users a faulty release",
)
BARS_HEAD = ("bar", "found", "required", "")


def mean(values: Iterable[float]) -> float:
    """Average."""
    listed = list(values)
    return sum(listed) / len(listed)


def periods(value: float) -> str:
    """Write a number of periods; what never came is a dash."""
    return f"{value:.0f}" if math.isfinite(value) else "-"


def share(value: float) -> str:
    """Write a fraction as a percentage with two digits."""
    return f"{100 * value:.2f} %"


def rivals_table(measured: Sequence[Measured]) -> str:
    """Compare the judges: one row each."""
    return markdown(RIVALS_HEAD, [_rival_row(name, measured) for name in measured[0].found])


def _rival_row(name: str, measured: Sequence[Measured]) -> tuple[str, ...]:
    false = [one.found[name].rolled_back for one in measured if one.cell.group == "healthy"]
    bad = [one.found[name].promoted_to_all for one in measured if one.cell.group == "not to pass"]
    faulty = [one for one in measured if one.cell.group == "faulty" and one.cell.rps == 10]  # noqa: PLR2004 - rps
    timed = {one.cell.fault: one.found[name] for one in faulty}
    return (
        f"**{name}**" if name == OURS else name,
        f"{share(mean(false))} ({share(max(false))})",
        _p50_p95(timed["7 % errors"]),
        _p50_p95(timed["2 % errors"]),
        f"{share(mean(bad))} ({share(max(bad))})",
        f"{mean(one.found[name].failed_users for one in faulty):,.0f}",
    )


def _p50_p95(found: Found) -> str:
    return f"{periods(found.detection_p50)} / {periods(found.detection_p95)}"


def noise_table(measured: Sequence[Measured]) -> str:
    """Show how often each judge rolls a healthy release back, by the kind of noise: pooled (worst cell)."""
    healthy = [one for one in measured if one.cell.group == "healthy"]
    judges = list(healthy[0].found)
    rows = []
    for noise in dict.fromkeys(one.cell.noise for one in healthy):
        cells = [one for one in healthy if one.cell.noise == noise]
        shares = {name: [one.found[name].rolled_back for one in cells] for name in judges}
        rows.append([noise, *(f"{share(mean(shares[name]))} ({share(max(shares[name]))})" for name in judges)])
    return markdown(["healthy traffic", *judges], rows)


def detection_table(measured: Sequence[Measured]) -> str:
    """Show in which period this judge rolls each fault back: p50 / p95."""
    found = {(one.cell.fault, one.cell.rps): found for one, found in ours(measured, "faulty")}
    rows = [[fault, *(_p50_p95(found[fault, rps]) for rps in RPS)] for fault in TIMED]
    return markdown(["fault", *(f"{rps:g} rps" for rps in RPS)], rows)


def beyond_table(measured: Sequence[Measured]) -> str:
    """Show this judge where no bar speaks."""
    cells: dict[Cell, dict[float, Found]] = {_without_rps(one.cell): {} for one, _ in ours(measured, "beyond")}
    for one, found in ours(measured, "beyond"):
        cells[_without_rps(one.cell)][one.cell.rps] = found
    rows = [[_named(cell), *(_ending(by_rps[rps]) for rps in RPS)] for cell, by_rps in cells.items()]
    return markdown(["rolled back / asked / given all traffic", *(f"{rps:g} rps" for rps in RPS)], rows)


def _without_rps(cell: Cell) -> Cell:
    return Cell(cell.group, cell.noise, 0, cell.base, cell.fault)


def _named(cell: Cell) -> str:
    return f"{cell.noise}, {cell.fault or 'healthy'}, old side {100 * cell.base:g} %"


def _ending(found: Found) -> str:
    return " / ".join(f"{100 * part:.1f}" for part in (found.rolled_back, found.asked, found.promoted_to_all))


def bars_table(held: Iterable[Bar]) -> str:
    """Show every bar with what was found."""
    rows = [(bar.name, _number(bar.found, bar), _required(bar), "holds" if bar.holds else "**fails**") for bar in held]
    return markdown(BARS_HEAD, rows)


def _required(bar: Bar) -> str:
    return f"{'≥' if bar.at_least else '≤'} {_number(bar.required, bar)}"


def _number(value: float, bar: Bar) -> str:
    return f"{value:.3g} {bar.unit}".rstrip() if math.isfinite(value) else "never"


def report(measured: Sequence[Measured], held: Sequence[Bar], how: str) -> str:
    """Write everything: how it was measured, the judges, the noises, the faults, the bars, and what none speaks of."""
    parts = (
        how,
        rivals_table(measured),
        noise_table(measured),
        detection_table(measured),
        bars_table(held),
        beyond_table(measured),
    )
    return "\n\n".join(parts) + "\n"
