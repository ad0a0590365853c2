import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.charts import HEIGHT, LEFT, RIGHT, canary_span, evidence_chart, rate_chart, traffic_chart, users_chart
from flows.core.gantt import gantt_chart
from flows.core.markup import Markup
from flows.core.report import ReleaseReport, report_of
from flows.core.svg import Scale, stairs, time_marks
from tests.core.page_reader import PageReader
from tests.core.release_told import ENDINGS, Teller, rolled_back, shipped, users

WIDTHS = (340.0, 1018.0)
CHARTS: dict[str, Callable[[ReleaseReport, float], Markup]] = {
    "traffic": traffic_chart,
    "errors": partial(rate_chart, kind="failed"),
    "slow": partial(rate_chart, kind="slow_300ms"),
    "very slow": partial(rate_chart, kind="slow_5s"),
    "evidence": evidence_chart,
    "users": users_chart,
    "gantt": gantt_chart,
}
MOMENT = datetime(2026, 11, 21, 3, 0, 7, tzinfo=UTC)


def line_of(chart: Markup, look: str) -> dict[str, float]:
    """Return the ends of the first line of a class."""
    found = re.search(rf'<line ([^>]*)class="{look}"', chart)
    assert found, look
    return {name: float(value) for name, value in re.findall(r'(\w+)="([\d.]+)"', found.group(1))}


@cache
def with_users(ending: str) -> ReleaseReport:
    return report_of(ENDINGS[ending]().model_copy(update={"users": users([0] * 20 + [3])}))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != "refused"])
def test_a_chart_stays_inside_its_picture(ending: str, name: str, width: float) -> None:
    seen = PageReader(CHARTS[name](with_users(ending), width))
    limits = dict.fromkeys(("x", "x1", "x2", "cx"), width) | dict.fromkeys(("y", "y1", "y2", "cy"), 2000.0)
    placed = [(key, float(value)) for key, value in seen.values if key in limits]
    assert placed
    assert all(0 <= value <= limits[key] for key, value in placed)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_sentence_for_those_who_cannot_see_it(name: str) -> None:
    assert re.match(r"<svg[^>]*role=\"img\"[^>]*><title>\w[^<]+</title>", CHARTS[name](report_of(shipped()), 340))


def test_the_limits_are_drawn_where_their_numbers_are() -> None:
    chart = rate_chart(report_of(rolled_back()), 1018, "failed")
    goal, limit = line_of(chart, "goal")["y1"], line_of(chart, "limit")["y1"]
    zero = HEIGHT - 25
    assert (zero - limit) / (zero - goal) == pytest.approx(5, abs=0.2)  # 5 % against 1 %


def test_the_verdict_is_drawn_at_its_moment_in_every_chart_of_the_canary() -> None:
    report = report_of(rolled_back())
    moments = {line_of(CHARTS[name](report, 1018), "verdict bad")["x1"] for name in ("traffic", "errors", "evidence")}
    assert len(moments) == 1
    decided = report.phases[0].decided
    assert decided is not None
    expected = Scale(*canary_span(report), LEFT, 1018 - RIGHT).at(decided.at_s)
    assert moments.pop() == pytest.approx(expected, abs=0.1)


def test_a_canary_that_waits_has_no_verdict_drawn() -> None:
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 0])
    assert 'class="verdict' not in evidence_chart(report_of(told.state), 1018)


def test_the_timeline_has_a_bar_for_stages_bakes_people_and_the_way_home() -> None:
    report = report_of(ENDINGS["rejected"]())
    chart = gantt_chart(report, 1018)
    assert chart.count('class="bar') == len(report.stages) + len(report.phases) + len(report.asks) + 1
    assert "rejected by U0LEE" in chart or "✗ rejected" in chart


def test_a_failed_request_of_a_user_is_a_bar_with_its_number() -> None:
    report = report_of(rolled_back().model_copy(update={"users": users([0] * 20 + [3, 0])}))
    assert "3 of 100 requests failed" in users_chart(report, 1018)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_any_course_of_a_canary_can_be_drawn(errors: list[int]) -> None:
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, errors)
    report = report_of(told.state)
    for name in ("traffic", "errors", "evidence", "gantt"):
        PageReader(CHARTS[name](report, 340))


def test_a_scale_keeps_what_lies_outside_at_its_edge() -> None:
    scale = Scale(0, 10, 100, 0)
    assert [scale.at(value) for value in (-5, 0, 5, 10, 15)] == [100, 100, 50, 0, 0]
    assert Scale(3, 3, 7, 9).at(3) == 7


def test_a_stair_holds_each_value_until_the_next() -> None:
    assert stairs([(0, 5), (3, 8)], until=9) == [(0, 5), (3, 5), (3, 8), (9, 8)]


@pytest.mark.parametrize(
    ("span_s", "words"),
    [
        (20, ["03:00:10", "03:00:15", "03:00:20", "03:00:25"]),
        (170, ["03:01", "03:02"]),
        (3000, ["03:15", "03:30", "03:45"]),
    ],
)
def test_a_time_axis_has_round_moments_of_the_clock(span_s: float, words: list[str]) -> None:
    assert [mark for _, mark in time_marks(0, span_s, 4, MOMENT)] == words


def test_a_time_axis_without_a_beginning_counts_from_zero() -> None:
    assert [mark for _, mark in time_marks(0, 4, 4, None)] == ["+0 s", "+1 s", "+2 s", "+3 s", "+4 s"]
