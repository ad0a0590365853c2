"""Seconds are counted as CloudWatch would, and stay small."""

import sys

import pytest

from deployments.twin.latencies import Latencies
from deployments.twin.lb_counts import Counts
from tests.deployments.twin.data_plane import seeded


def test_answers_are_counted_by_class_and_slowness() -> None:
    counts = Counts()
    tally = counts.second(100.5).tally("a")
    for status, latency_s in [(200, 0.3), (204, 0.31), (302, 1.0), (404, 1.01), (500, 5.0), (503, 5.01), (799, 0.1)]:
        tally.answer(status, latency_s)
    [document] = counts.finished(101.0, 4)
    found = document["groups"]["a"]
    assert (document["start"], document["period_s"], document["weights_version"]) == (100, 1, 4)
    assert [found[name] for name in ("requests", "2xx", "3xx", "4xx", "5xx")] == [7, 2, 1, 1, 3]
    assert [found[name] for name in ("slow_300ms", "slow_1s", "slow_5s")] == [5, 3, 1]
    assert (found["sum_s"], found["max_s"]) == (pytest.approx(12.73), 5.01)


def test_what_was_not_answered_is_requested_and_in_no_class() -> None:
    counts = Counts()
    tally = counts.second(7.0).tally("a")
    tally.no_answer(connection_error=True)
    tally.no_answer(connection_error=False)
    [document] = counts.finished(8.0, 1)
    found = document["groups"]["a"]
    assert [found[name] for name in ("requests", "connection_errors", "2xx", "5xx", "p99_ms")] == [2, 1, 0, 0, None]


def test_a_second_is_handed_out_once_it_is_over_and_only_once() -> None:
    counts = Counts()
    counts.second(10.9).tally("a").answer(200, 0.1)
    assert counts.finished(10.99, 1) == []
    assert [document["start"] for document in counts.finished(11.0, 1)] == [10]
    assert counts.finished(11.5, 1) == []


def test_quiet_seconds_are_handed_out_without_groups() -> None:
    counts = Counts()
    counts.finished(10.0, 1)
    counts.second(11.2).tally("a").answer(200, 0.1)
    assert [(each["start"], set(each["groups"])) for each in counts.finished(13.0, 1)] == [
        (10, set()),
        (11, {"a"}),
        (12, set()),
    ]


def test_a_second_handed_out_is_final() -> None:
    counts = Counts()
    counts.finished(11.0, 1)
    counts.second(10.99).elb_5xx += 1
    assert [(each["start"], each["elb_5xx"]) for each in counts.finished(12.0, 1)] == [(11, 1)]


def test_requests_are_split_by_the_version_they_were_routed_under() -> None:
    counts = Counts()
    second = counts.second(5.0)
    second.weighed(2, "a", failed=False)
    second.weighed(1, "a", failed=True)
    second.weighed(2, "b", failed=False)
    [document] = counts.finished(6.0, 2)
    assert document["by_version"] == [
        {"weights_version": 1, "requests": {"a": 1}, "failed": {"a": 1}},
        {"weights_version": 2, "requests": {"a": 1, "b": 1}, "failed": {"a": 0, "b": 0}},
    ]


def test_percentiles_are_right_to_two_percent() -> None:
    generator = seeded(3)
    values = sorted(generator.lognormvariate(-4, 1) for _ in range(5000))
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    for percent in (50, 95, 99):
        exact_ms = values[len(values) * percent // 100 - 1] * 1000
        assert latencies.percentile_ms(percent) == pytest.approx(exact_ms, rel=0.021)


@pytest.mark.parametrize("only_s", [0.0, 1e-5, 0.01, 1e6])
def test_no_percentile_exceeds_the_longest_latency(only_s: float) -> None:
    latencies = Latencies()
    latencies.add(only_s)
    found = latencies.percentile_ms(99)
    assert found is not None
    assert found <= only_s * 1000


def test_a_million_latencies_take_no_more_room_than_a_thousand_steps() -> None:
    generator = seeded(1)
    latencies = Latencies()
    for _ in range(100_000):
        latencies.add(generator.expovariate(0.1))
    assert len(latencies._steps) <= 701
    assert sys.getsizeof(latencies._steps) < 100_000
