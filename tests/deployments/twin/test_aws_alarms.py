"""Alarms that ring: evaluated from the load balancer's numbers, with a history, and heard by those on call."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from deployments.twin.aws_account import Tempo
from deployments.twin.aws_alarms import Alarm, decide
from tests.deployments.twin.aws_world import World, eventually, production

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_000
WATCHED = {"Id": "watched", "MetricStat": {"Period": 10}, "ReturnData": True}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws"), tempo=Tempo(alarms_s=0.1)) as running:
        yield running


def alarm(**parameters: Any) -> Alarm:
    given = {"Metrics": [WATCHED], "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 1.0}
    compared = {"AlarmName": "x", "ComparisonOperator": "GreaterThanThreshold"}
    return Alarm({**given, **compared, **parameters}, "arn", datetime.now(UTC))


@pytest.mark.parametrize(
    ("points", "missing", "state"),
    [
        ([(970, 5.0), (980, 0.0), (990, 5.0)], "notBreaching", "ALARM"),
        ([(970, 0.0), (980, 0.0), (990, 5.0)], "notBreaching", "OK"),
        ([(970, 1.0), (980, 1.0), (990, 1.0)], "notBreaching", "OK"),
        ([(990, 5.0)], "notBreaching", "OK"),
        ([(990, 5.0)], "breaching", "ALARM"),
        ([], "breaching", "ALARM"),
        ([], "notBreaching", "OK"),
        ([], "missing", "INSUFFICIENT_DATA"),
        ([(960, 5.0), (970, 5.0)], "missing", "ALARM"),
        ([(900, 5.0), (910, 5.0)], "missing", "INSUFFICIENT_DATA"),
    ],
)
def test_m_of_n_datapoints_decide_and_missing_ones_count_as_told(
    points: list[tuple[int, float]], missing: str, state: str
) -> None:
    decided = decide(alarm(TreatMissingData=missing), points, NOW)
    assert decided is not None
    assert decided[0] == state


def test_an_alarm_that_ignores_missing_data_keeps_its_state() -> None:
    assert decide(alarm(TreatMissingData="ignore"), [], NOW) is None


def put(world: World, name: str, **more: Any) -> None:
    balancer = world.seeded.load_balancer_arn.rpartition("loadbalancer/")[2]
    dimensions = [{"Name": "LoadBalancer", "Value": balancer}]
    queries: list[dict[str, Any]] = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions},
                "Period": 10,
                "Stat": "Sum",
            },
        }
        for name, metric in (("requests", "RequestCount"), ("failed", "HTTPCode_Target_5XX_Count"))
    ]
    rate = {"Id": "rate", "Expression": "100 * FILL(failed, 0) / requests", "ReturnData": True}
    given = {
        "AlarmName": name,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [world.seeded.topic_arn],
        "Metrics": [*queries, rate],
    }
    world.client("cloudwatch").put_metric_alarm(**{**given, **more})


def state(world: World, name: str) -> str:
    found = world.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found[0]["StateValue"])


def post(world: World, errors: int) -> None:
    """Fill the last forty seconds with ten requests each."""
    now = int(time.time())
    for second in range(now - 40, now + 1):
        counts = {"requests": 10, "2xx": 10 - errors, "5xx": errors}
        groups = {world.seeded.target_group_arns["a"]: counts}
        world.control("metrics", {"start": second, "elb_5xx": 0, "groups": groups, "by_version": []})


def test_an_alarm_rings_comes_back_and_keeps_its_history(world: World) -> None:
    put(world, "error-rate")
    eventually(lambda: state(world, "error-rate") == "OK")
    post(world, errors=1)
    eventually(lambda: state(world, "error-rate") == "ALARM")
    heard = world.client("sqs").receive_message(QueueUrl=world.seeded.on_call_queue_url)["Messages"]
    assert json.loads(heard[0]["Body"])["Subject"] == "ALARM: error-rate"
    post(world, errors=0)
    eventually(lambda: state(world, "error-rate") == "OK")
    history = world.client("cloudwatch").describe_alarm_history(AlarmName="error-rate", HistoryItemType="StateUpdate")
    told = [item["HistorySummary"].removeprefix("Alarm updated from ") for item in history["AlarmHistoryItems"]]
    assert told == ["ALARM to OK", "OK to ALARM", "INSUFFICIENT_DATA to OK"]


def test_an_alarm_on_a_service_sees_its_tasks_work(world: World) -> None:
    service = {"ClusterName": world.seeded.cluster, "ServiceName": world.seeded.services["a"]}
    metric = {
        "Namespace": "AWS/ECS",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": name, "Value": value} for name, value in service.items()],
    }
    query = {"Id": "cpu", "MetricStat": {"Metric": metric, "Period": 10, "Stat": "Average"}}

    def measured() -> list[float]:
        span = {"StartTime": time.time() - 60, "EndTime": time.time() + 10}
        answer = world.client("cloudwatch").get_metric_data(MetricDataQueries=[query], **span)
        return list(answer["MetricDataResults"][0]["Values"])

    assert all(0 <= value < 1000 for value in eventually(measured))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"DatapointsToAlarm": 4}, "must not be greater"),
        ({"Metrics": []}, "[Pp]arameter|Exactly one"),
        ({"TreatMissingData": "sometimes"}, "not valid"),
    ],
)
def test_what_cloudwatch_refuses_is_refused(world: World, wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ClientError, match=why):
        put(world, "wrong", **wrong)


def test_a_deleted_alarm_is_gone(world: World) -> None:
    put(world, "short-lived")
    world.client("cloudwatch").delete_alarms(AlarmNames=["short-lived", "never-was"])
    assert not world.client("cloudwatch").describe_alarms(AlarmNames=["short-lived"])["MetricAlarms"]
