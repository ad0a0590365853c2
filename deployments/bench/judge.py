"""Run the benchmark of the canary judge: `python -m deployments.bench.judge [--write PAGE] [--readme docs/judge.md]`.

It simulates some hundred kinds of traffic, lets this judge and its rivals see the same, and holds the result against
the bars of the design. The exit code is 1 when one of them fails.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from deployments.bench.bars import Bar, bars
from deployments.bench.broken import break_metrics
from deployments.bench.cells import all_cells
from deployments.bench.measure import Measured, Plan, measure_all
from deployments.bench.page import write_between_marks
from deployments.bench.table import bars_table, report, rivals_table

RELEASES, REPLAYS, SEED = 1000, 2, 20251122
MARK = "bench-judge"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, and say by the exit code whether every bar holds."""
    options = _options(arguments)
    plan = Plan(options.releases, options.replays, options.seed)
    console = Console(soft_wrap=True)
    measured = _measured(plan, options.processes, console)
    held = bars(measured, break_metrics(plan.releases, plan.seed))
    how = _how(measured, plan, sum(os.times()[:4]))
    text = report(measured, held, how)
    console.print(text, markup=False, highlight=False)
    _write(options, text, f"{how}\n\n{rivals_table(measured)}", held)
    failed = [bar.name for bar in held if not bar.holds]
    console.print(
        f"{len(held) - len(failed)} of {len(held)} bars hold" + "".join(f"\nfails: {name}" for name in failed)
    )
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deployments.bench.judge", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--releases", type=int, default=RELEASES, help="of every cell (four times as many for small shares)"
    )
    parser.add_argument("--replays", type=int, default=REPLAYS, help="releases of every cell given to the judge itself")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path, help="write all tables to this page")
    parser.add_argument("--readme", type=Path, help="write the comparison between the marks of this page")
    return parser.parse_args(arguments)


def _measured(plan: Plan, processes: int, console: Console) -> list[Measured]:
    cells = list(all_cells())
    steps = measure_all(cells, plan, processes)
    return list(track(steps, "simulating", total=len(cells), console=console, transient=True))


def _how(measured: Sequence[Measured], plan: Plan, processor_s: float) -> str:
    releases = sum(plan.releases_of(one.cell) for one in measured)
    return (
        f"`make bench-judge`: {releases:,} simulated releases in {len(measured)} cells, each seen by every judge, seed "
        f"{plan.seed}; {sum(one.replayed for one in measured)} of them replayed on the judge itself; "
        f"{processor_s:,.0f} s of one processor. A period is a minute."
    )


def _write(options: argparse.Namespace, page: str, comparison: str, held: Sequence[Bar]) -> None:
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(f"# The canary judge and its rivals\n\n{page}", encoding="utf-8")
    if options.readme:
        write_between_marks(options.readme, MARK, f"{comparison}\n\n{bars_table(held)}")


if __name__ == "__main__":
    sys.exit(main())
