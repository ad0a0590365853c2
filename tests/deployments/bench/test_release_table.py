"""What the benchmark of whole releases writes of what it measured, and when it says that a goal is missed."""

import math
from dataclasses import replace

import pytest

from deployments.bench.release.runs import Run
from deployments.bench.release.table import Measured, goals, goals_table, parts, percentile, side_by_side
from deployments.bench.release.timeline import Timeline

TIMELINE = Timeline(50, working_s=20, baking_s=24, asking_s=2, idle_s=4, stages=40, home_s=None)
OURS = Run("this release", "", 0, 53, 26, 2, 2, 800, 25, 6000, 0, 0.0, 200, (1.0, 1.5), TIMELINE)
BAD = replace(OURS, fault="errors-30", code=3, failed=17, bad_s=5, timeline=replace(TIMELINE, home_s=0.2))
GUIDE = replace(OURS, who="the guide's commands", wall_s=70, bake_s=30, actions=20, clicks_s=(), timeline=None)
MEASURED = Measured([OURS], [BAD], GUIDE, replace(GUIDE, failed=900), [0.1] * 99 + [6.0], 5, 40, 0.4)


def failing(measured: Measured) -> list[str]:
    return [goal.name for goal in goals(measured) if not goal.holds]


def test_goals_that_are_met_hold() -> None:
    assert failing(MEASURED) == []
    assert "| verdict to weights read back at home, p99 | 0.10 s | < 5 s | holds |" in goals_table(goals(MEASURED))


@pytest.mark.parametrize(
    ("worse", "name"),
    [
        ({"ours": [replace(OURS, clicks_s=(2.0,))]}, "click in Slack to weight read back, median"),
        ({"ours": [replace(OURS, clicks_s=())]}, "click in Slack to weight read back, median"),
        ({"home_alone_s": [0.1, 5.0]}, "verdict to weights read back at home, median"),
        ({"ours_bad": [OURS]}, "the same in whole releases, slowest"),
        ({"help_s": 0.5}, "`greenflow --help`"),
        ({"cold_s": 300.0, "warm_s": 80.0}, "`make rehearse` from an empty clone with empty caches"),
    ],
)
def test_a_goal_that_is_missed_or_was_never_measured_fails(worse: dict[str, object], name: str) -> None:
    measured = replace(MEASURED, **worse)  # type: ignore[arg-type]  # each case names its own field
    assert name in failing(measured)
    assert "**fails**" in goals_table(goals(measured))


def test_both_ways_of_releasing_stand_side_by_side() -> None:
    lines = side_by_side(MEASURED).splitlines()
    assert "| sound version: work, the bake taken out | 27.0 s | 40.0 s |" in lines
    assert "| bad version (errors-30): failed user requests | 17 of 6,000 | 900 of 6,000 |" in lines
    assert "| what people do | 2 clicks | 20 commands, and read graphs |" in lines


def test_the_seconds_of_a_release_are_told() -> None:
    assert "40 empty Prefect tasks, one after the other, take 5.0 s" in parts(MEASURED)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile([3.0], 50) == 3.0
    assert percentile([], 50) == math.inf
