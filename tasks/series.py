"""Ask CloudWatch for whole series of the load balancer in one question (canary judge, "Input")."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from tasks.clients.aws import cloudwatch, translated
from tasks.errors import PermanentError, TransientError
from tasks.sentences import sentence
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import (
        GetMetricDataOutputTypeDef,
        MessageDataTypeDef,
        MetricDataQueryTypeDef,
        MetricDataResultTypeDef,
    )

USERS = "AWS/ApplicationELB"
QUERIES_A_CALL = 500
"""AWS's own bound."""


class Query(NamedTuple):
    """Name one series: a statistic of a metric of one target group."""

    namespace: str
    metric: str
    stat: str
    target_group_arn: str


class Span(NamedTuple):
    """Hold a stretch of time in epoch seconds, cut into periods; the end is not in it."""

    start_s: float
    end_s: float
    period_s: int


Series = Mapping[Query, Mapping[int, float]]
"""For each query its values by the epoch second a period starts with; a period without a sample is not there."""


def read_series(settings: Settings, queries: Iterable[Query], span: Span) -> Series:
    """Return all series whole, following every page.

    Raises RemoteError when the call fails, and TransientError when AWS calls any series less than complete: a part
    is not an answer (safety I6).
    """
    asked = tuple(dict.fromkeys(queries))
    if len(asked) > QUERIES_A_CALL:
        msg = sentence(
            "could not read metrics: found {count} queries, expected <= {most}", count=len(asked), most=QUERIES_A_CALL
        )
        raise PermanentError(msg)
    names = {f"q{place}": query for place, query in enumerate(asked)}
    values: dict[Query, dict[int, float]] = {query: {} for query in asked}
    states: dict[Query, str] = dict.fromkeys(asked, "missing")
    for page in _pages(settings, names, span):
        _refuse_messages(page)
        for result in page.get("MetricDataResults", []):
            query = names[result["Id"]]
            states[query] = _state(result)
            times = (int(moment.timestamp()) for moment in result.get("Timestamps", []))
            values[query].update(zip(times, result.get("Values", []), strict=True))
    _refuse_parts(states)
    _refuse_oddities(values)
    return values


def _pages(settings: Settings, names: Mapping[str, Query], span: Span) -> list["GetMetricDataOutputTypeDef"]:
    pages = (
        cloudwatch(settings.aws)
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_question(settings, name, query, span.period_s) for name, query in names.items()],
            StartTime=datetime.fromtimestamp(span.start_s, UTC),
            EndTime=datetime.fromtimestamp(span.end_s, UTC),
            ScanBy="TimestampAscending",
        )
    )
    with translated("read metrics"):
        return list(pages)


def _question(settings: Settings, name: str, query: Query, period_s: int) -> "MetricDataQueryTypeDef":
    dimensions = {
        "TargetGroup": query.target_group_arn.rpartition(":")[2],
        "LoadBalancer": settings.load_balancer.load_balancer_arn.rpartition(":")[2].removeprefix("loadbalancer/"),
    }
    return {
        "Id": name,
        "ReturnData": True,
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": period_s,
            "Stat": query.stat,
        },
    }


def _refuse_messages(page: "GetMetricDataOutputTypeDef") -> None:
    """Take what AWS has to say about the whole answer, such as too many metrics, for no answer."""
    told = "; ".join(_words(message) for message in page.get("Messages", []))
    if told:
        msg = sentence("could not read metrics whole: AWS says {told}", told=told)
        raise TransientError(msg)


def _state(result: "MetricDataResultTypeDef") -> str:
    """Return a series' state with what AWS says about it."""
    return ", ".join((result.get("StatusCode", "missing"), *map(_words, result.get("Messages", []))))


def _words(message: "MessageDataTypeDef") -> str:
    return f"{message.get('Code', '?')}: {message.get('Value', '?')}"


def _refuse_parts(states: Mapping[Query, str]) -> None:
    partial = [f"{query.metric} {query.stat}: {state}" for query, state in states.items() if state != "Complete"]
    if partial:
        shown = "; ".join(sorted(set(partial))[:3])
        msg = sentence(
            "could not read metrics whole: {partial} of {states} series are not complete ({shown})",
            partial=len(partial),
            states=len(states),
            shown=shown,
        )
        raise TransientError(msg)


def _refuse_oddities(values: Mapping[Query, Mapping[int, float]]) -> None:
    for query, points in values.items():
        odd = [value for value in points.values() if not (math.isfinite(value) and value >= 0)]
        if odd:
            msg = sentence(
                "could not read metrics: found {metric} {stat} of {value}, expected a number >= 0",
                metric=query.metric,
                stat=query.stat,
                value=odd[0],
            )
            raise PermanentError(msg)


def starts_of(span: Span) -> Sequence[int]:
    """List the periods that lie in a span from their first to their last second, by their start."""
    first = -(-span.start_s // span.period_s) * span.period_s
    count = int((span.end_s - first) // span.period_s)
    return [int(first) + place * span.period_s for place in range(max(count, 0))]
