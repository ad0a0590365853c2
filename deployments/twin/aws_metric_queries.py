"""Read MetricDataQueries, as GetMetricData and alarms have them, from the store: statistics and metric math."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_metric_math import compute
from deployments.twin.aws_metrics import ECS, Datapoints, Metric, MetricStore, dimension_of

if TYPE_CHECKING:
    from deployments.twin.aws_account import Account

_SERVICE = {"ClusterName", "ServiceName"}


def metric_of(account: Account, params: dict[str, Any]) -> Metric:
    """Name the series a request means; under dimensions nobody publishes it is empty, as at CloudWatch."""
    dimensions = {each["Name"]: each["Value"] for each in params.get("Dimensions", [])}
    if params["Namespace"] == ECS:
        published = dimensions.keys() == _SERVICE
        group = f"{dimensions.get('ClusterName')}/{dimensions.get('ServiceName')}"
        return Metric(ECS, params["MetricName"] if published else "", group)
    balancer, target_group = dimensions.pop("LoadBalancer", None), dimensions.pop("TargetGroup", None)
    known = {dimension_of(arn) for arn in account.elbv2.load_balancers}
    published = not dimensions and balancer in known
    return Metric(params["Namespace"], params["MetricName"] if published else "", target_group)


def read_queries(
    account: Account, store: MetricStore, queries: list[dict[str, Any]], start: float, end: float
) -> dict[str, Datapoints]:
    """Read every query's datapoints by its id, oldest first; expressions may name statistics, not each other.

    Raises `AwsError` (ValidationError) for a statistic or an expression the twin cannot answer.
    """
    read = {
        query["Id"]: store.read(
            metric_of(account, query["MetricStat"]["Metric"]),
            query["MetricStat"]["Stat"],
            int(query["MetricStat"]["Period"]),
            start,
            end,
        )
        for query in queries
        if "MetricStat" in query
    }
    periods = _periods(queries, start, end)
    series = {name: dict(points) for name, points in read.items()}
    computed = {
        query["Id"]: sorted(compute(query["Expression"], series, periods).items())
        for query in queries
        if "Expression" in query
    }
    return {**read, **computed}


def _periods(queries: list[dict[str, Any]], start: float, end: float) -> range:
    """List where periods begin: an expression works in those of its series."""
    period_s = max((int(query["MetricStat"]["Period"]) for query in queries if "MetricStat" in query), default=60)
    return range(int(start // period_s * period_s), math.ceil(end), period_s)
