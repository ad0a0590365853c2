"""Write what was measured of whole releases as tables for people."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployments.bench.page import markdown
from deployments.bench.release.runs import Run

MINUTES_WATCHED = 30
"""What the guide itself asks a person to watch: two times 15 minutes."""

HEAD = ("", "this release", "the guide's commands")
GOALS_HEAD = ("figure", "found", "goal", "")


@dataclass(frozen=True)
class Measured:
    """Hold everything of one benchmark; times in seconds, ``home_alone_s`` one for each way home tried alone."""

    ours: Sequence[Run]
    ours_bad: Sequence[Run]
    guide: Run
    guide_bad: Run
    home_alone_s: Sequence[float]
    empty_dag_s: float
    empty_tasks: int
    help_s: float
    cold_s: float | None = None
    warm_s: float | None = None

    @property
    def clicks_s(self) -> tuple[float, ...]:
        """Return for every approving click how long its weight took to be read back."""
        return tuple(each for run in self.ours for each in run.clicks_s)

    @property
    def overhead(self) -> float:
        """Return the median release's time without bakes and people, over its critical path."""
        return statistics.median(run.timeline.overhead for run in self.ours if run.timeline)

    @property
    def home_s(self) -> tuple[float, ...]:
        """Return how long each bad release took from its verdict to its weights read back at home."""
        return tuple(run.timeline.home_s for run in self.ours_bad if run.timeline and run.timeline.home_s is not None)


@dataclass(frozen=True)
class Goal:
    """Hold a figure beside the one it must stay below."""

    name: str
    found: float
    below: float
    unit: str

    @property
    def holds(self) -> bool:
        """Tell whether it does; what is no number does not."""
        return self.found < self.below


def goals(measured: Measured) -> list[Goal]:
    """List the figures that have a goal."""
    listed = [
        Goal("click in Slack to weight read back, median", _median(measured.clicks_s), 2, "s"),
        Goal("release over its critical path, bakes and people taken out", measured.overhead, 1.25, "x"),
        Goal("verdict to weights read back at home, median", _median(measured.home_alone_s), 1, "s"),
        Goal("verdict to weights read back at home, p99", percentile(measured.home_alone_s, 99), 5, "s"),
        Goal("the same in whole releases, slowest", max(measured.home_s, default=math.inf), 5, "s"),
        Goal("`greenflow --help`", measured.help_s, 0.5, "s"),
    ]
    if measured.cold_s is not None and measured.warm_s is not None:
        listed.append(Goal("`make rehearse` from an empty clone with empty caches", measured.cold_s, 240, "s"))
        listed.append(Goal("`make rehearse` again", measured.warm_s, 120, "s"))
    return listed


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that is not below that percent of them; infinite for none."""
    ordered = sorted(values)
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1] if ordered else math.inf


def side_by_side(measured: Measured) -> str:
    """Compare one release of ours with the guide's commands: a sound version, then one of which 30 % fail."""
    ours, guide = _typical(measured.ours), measured.guide
    bad, guide_bad = _typical(measured.ours_bad), measured.guide_bad
    rows = [
        ("sound version: work, the bake taken out", _s(ours.work_s), _s(guide.work_s)),
        ("sound version: failed user requests", _failed(ours), _failed(guide)),
        ("bad version (errors-30): failed user requests", _failed(bad), _failed(guide_bad)),
        ("bad version: first to last failed request", _s(bad.bad_s), _s(guide_bad.bad_s)),
        ("calls to AWS (guard and approvals included) and to Vercel, sound version", _calls(ours), _calls(guide)),
        ("what people do", f"{ours.actions} clicks", f"{guide.actions} commands, and read graphs"),
        ("minutes somebody must watch, at production's pace", "0", f"{MINUTES_WATCHED} and the commands"),
        ("most memory of the process", f"{ours.memory_mb:.0f} MB", f"{guide.memory_mb:.0f} MB"),
    ]
    return markdown(HEAD, rows)


def goals_table(found: Iterable[Goal]) -> str:
    """Show every figure that has a goal."""
    rows = [(each.name, _number(each), f"< {each.below:g} {each.unit}", _word(each)) for each in found]
    return markdown(GOALS_HEAD, rows)


def parts(measured: Measured) -> str:
    """Say where the time of a release goes, and what Prefect alone would cost."""
    run = _typical(measured.ours)
    if run.timeline is None:
        return ""
    spent, start_s = run.timeline, run.wall_s - run.timeline.whole_s
    return (
        f"A release of {spent.whole_s:.1f} s on the twin: {spent.baking_s:.1f} s of bakes, {spent.asking_s:.1f} s of "
        f"people, {spent.working_s:.1f} s in which at least one of its {spent.stages} stages was at work, and "
        f"{spent.idle_s:.1f} s in between; the start of its process takes {start_s:.1f} s more. "
        f"{measured.empty_tasks} empty Prefect tasks, one after the other, take {measured.empty_dag_s:.1f} s with the "
        "start of theirs."
    )


def _typical(runs: Sequence[Run]) -> Run:
    """Return the run in the middle, by its work."""
    return sorted(runs, key=lambda run: run.work_s)[len(runs) // 2]


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else math.inf


def _word(goal: Goal) -> str:
    return "holds" if goal.holds else "**fails**"


def _number(goal: Goal) -> str:
    return f"{goal.found:.2f} {goal.unit}" if math.isfinite(goal.found) else "never"


def _s(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _failed(run: Run) -> str:
    return f"{run.failed:,} of {run.requests:,}"


def _calls(run: Run) -> str:
    return f"{run.aws_calls:,} + {run.vercel_calls}"
