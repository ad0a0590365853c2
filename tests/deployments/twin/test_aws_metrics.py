"""CloudWatch's numbers about the load balancer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from deployments.twin.aws_metrics import dimension_of
from tests.deployments.twin.aws_world import World, eventually, production

if TYPE_CHECKING:
    from collections.abc import Iterator

START = int(time.time()) // 60 * 60 - 600
QUIET = {"requests": 0}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws")) as running:
        for second in range(120):
            running.control("metrics", row(running, START + second, errors=int(second == 5)))
        yield running


def row(world: World, start: int, errors: int) -> dict[str, Any]:
    counts = {"requests": 10, "2xx": 10 - errors, "3xx": 0, "4xx": 0, "5xx": errors, "connection_errors": 0}
    times = {"slow_300ms": 2, "slow_1s": 1, "slow_5s": 0, "sum_s": 1.5, "max_s": 1.2 + errors}
    percentiles = {"p50_ms": 100.0, "p95_ms": 400.0, "p99_ms": 1100.0 + 100 * errors}
    group = {**counts, **times, **percentiles}
    arn = world.seeded.target_group_arns["a"]
    return {"start": start, "period_s": 1, "elb_5xx": 0, "weights_version": 1, "groups": {arn: group}, "by_version": []}


def read(world: World, name: str, stat: str, period: int = 1, **more: Any) -> Any:
    group = dimension_of(world.seeded.target_group_arns[more.pop("side", "a")])
    balancer = dimension_of(world.seeded.load_balancer_arn)
    metric = {
        "Namespace": more.pop("namespace", "AWS/ApplicationELB"),
        "MetricName": name,
        "Dimensions": [{"Name": "TargetGroup", "Value": group}, {"Name": "LoadBalancer", "Value": balancer}],
    }
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}
    wanted = {"StartTime": START, "EndTime": START + 120, **more}
    return world.client("cloudwatch").get_metric_data(MetricDataQueries=[query], **wanted)


def values(world: World, name: str, stat: str, period: int = 1, **more: Any) -> list[float]:
    return list(read(world, name, stat, period, **more)["MetricDataResults"][0]["Values"])


def test_requests_add_up_over_longer_periods(world: World) -> None:
    assert values(world, "RequestCount", "Sum") == [10.0] * 120
    assert values(world, "RequestCount", "Sum", 60) == [600.0, 600.0]
    assert values(world, "RequestCount", "Sum", 5)[:2] == [50.0, 50.0]


def test_errors_have_a_datapoint_only_where_there_were_some(world: World) -> None:
    result = read(world, "HTTPCode_Target_5XX_Count", "Sum")["MetricDataResults"][0]
    assert result["Values"] == [1.0]
    assert result["Timestamps"][0].timestamp() == START + 5


@pytest.mark.parametrize(
    ("stat", "period", "expected"),
    [
        ("TC(0.3:)", 60, [120.0, 120.0]),
        ("TC(1:)", 60, [60.0, 60.0]),
        ("TC(5:)", 60, [0.0, 0.0]),
        ("Average", 60, [0.15, 0.15]),
        ("Maximum", 60, [1.2, 2.2]),
        ("p95", 60, [0.4, 0.4]),
        ("p99", 60, [1.1, 1.2]),
        ("SampleCount", 60, [600.0, 600.0]),
    ],
)
def test_response_times_are_told_in_seconds_and_the_newest_first(
    world: World, stat: str, period: int, expected: list[float]
) -> None:
    assert values(world, "TargetResponseTime", stat, period) == pytest.approx(expected)


def test_a_group_or_balancer_without_requests_has_no_datapoint(world: World) -> None:
    assert values(world, "RequestCount", "Sum", side="b") == []


def test_the_oldest_comes_first_when_asked_so(world: World) -> None:
    result = read(world, "RequestCount", "Sum", 60, ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert [time.timestamp() - START for time in result["Timestamps"]] == [0, 60]


def test_pages_hold_every_datapoint_once(world: World) -> None:
    first = read(world, "RequestCount", "Sum", MaxDatapoints=50)
    assert first["MetricDataResults"][0]["StatusCode"] == "PartialData"
    times, page = [], first
    while True:
        times += page["MetricDataResults"][0]["Timestamps"]
        if "NextToken" not in page:
            break
        page = read(world, "RequestCount", "Sum", MaxDatapoints=50, NextToken=page["NextToken"])
    assert page["MetricDataResults"][0]["StatusCode"] == "Complete"
    assert len(times) == len(set(times)) == 120


@pytest.mark.parametrize("period", [2, 7, 45, 61])
def test_a_period_that_cloudwatch_does_not_have_is_refused(world: World, period: int) -> None:
    with pytest.raises(ClientError, match="multiple of 60"):
        values(world, "RequestCount", "Sum", period)


@pytest.mark.parametrize("stat", ["p90", "TC(0.2:)", "TM(10%:90%)", "Minimum"])
def test_a_statistic_nobody_measured_is_refused_rather_than_empty(world: World, stat: str) -> None:
    with pytest.raises(ClientError, match="has no numbers"):
        values(world, "TargetResponseTime", stat)


def rate(world: World, expression: str) -> dict[str, Any]:
    dimensions = [{"Name": "LoadBalancer", "Value": dimension_of(world.seeded.load_balancer_arn)}]
    counted = {"requests": "RequestCount", "failed": "HTTPCode_Target_5XX_Count"}
    queries: list[dict[str, Any]] = [{"Id": "rate", "Expression": expression}]
    for name, metric in counted.items():
        what = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}
        queries.append({"Id": name, "ReturnData": False, "MetricStat": {"Metric": what, "Period": 60, "Stat": "Sum"}})
    answer = world.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=START, EndTime=START + 120, ScanBy="TimestampAscending"
    )
    (result,) = answer["MetricDataResults"]
    return dict(result)


def test_an_expression_is_computed_and_its_series_stay_untold(world: World) -> None:
    assert rate(world, "100 * FILL(failed, 0) / requests")["Values"] == pytest.approx([1 / 6, 0.0])


def test_an_expression_nobody_understands_is_refused_rather_than_empty(world: World) -> None:
    with pytest.raises(ClientError, match="does not know ANOMALY_DETECTION_BAND"):
        rate(world, "ANOMALY_DETECTION_BAND(requests)")


def test_a_second_posted_twice_counts_once(world: World) -> None:
    world.control("metrics", row(world, START + 60, errors=0))
    assert values(world, "RequestCount", "Sum", 60) == [600.0, 600.0]


def test_hosts_are_counted_every_second(world: World) -> None:
    now = int(time.time())
    found = eventually(lambda: values(world, "HealthyHostCount", "Minimum", StartTime=now - 60, EndTime=time.time()))
    assert found[0] == 2.0


def test_statistics_of_one_metric_come_from_the_same_numbers(world: World) -> None:
    group = dimension_of(world.seeded.target_group_arns["a"])
    balancer = dimension_of(world.seeded.load_balancer_arn)
    answer = world.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName="TargetResponseTime",
        Dimensions=[{"Name": "TargetGroup", "Value": group}, {"Name": "LoadBalancer", "Value": balancer}],
        StartTime=START,
        EndTime=START + 60,
        Period=60,
        ExtendedStatistics=["p99"],
    )
    assert answer["Datapoints"][0]["ExtendedStatistics"] == {"p99": pytest.approx(1.2)}


def test_other_namespaces_are_motos(world: World) -> None:
    cloudwatch = world.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="Elsewhere", MetricData=[{"MetricName": "m", "Value": 1}])
    metric = {"Namespace": "Elsewhere", "MetricName": "m"}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    now = time.time()
    result = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=now - 300, EndTime=now + 60)
    assert result["MetricDataResults"][0]["Values"] == [1.0]


def test_a_silent_fault_answers_well_without_datapoints(world: World) -> None:
    world.control("faults", {"kind": "silent", "operation": "GetMetricData"})
    silent = read(world, "RequestCount", "Sum")["MetricDataResults"][0]
    assert (silent["Id"], silent["StatusCode"], silent["Values"]) == ("q", "Complete", [])
    assert len(values(world, "RequestCount", "Sum")) == 120
