"""Answer CloudWatch's questions about the load balancer and the services; other metrics are moto's."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.utils import parse_timestamp

from deployments.twin.aws_calls import AwsError
from deployments.twin.aws_metric_queries import metric_of, read_queries
from deployments.twin.aws_metrics import NAMESPACES, Datapoints, Metric, MetricStore, check_period

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.aws_layer import Operations

_MOST_DATAPOINTS = 100_800
_MOST_QUERIES = 500
_MOST_OF_STATISTICS = 1440


@dataclass(frozen=True)
class _Series:
    """One query's whole answer, in the order asked for."""

    id: str
    label: str
    points: Datapoints


class CloudWatch:
    """Serve GetMetricData and GetMetricStatistics from the store."""

    def __init__(self, account: Account, store: MetricStore, moto: Callable[[Call], Answer]) -> None:
        self._account = account
        self._store = store
        self._moto = moto

    def add_to(self, operations: Operations) -> None:
        """Take the two reading operations over."""
        operations.own["cloudwatch", "GetMetricData"] = self.get_metric_data
        operations.own["cloudwatch", "GetMetricStatistics"] = self.get_metric_statistics

    def get_metric_data(self, call: Call) -> object:
        """Answer the queries; one that the twin cannot answer is refused, never silently empty.

        Metrics of the load balancer and of others cannot be mixed in one call.
        """
        queries = call.params.get("MetricDataQueries", [])
        _check_queries(queries)
        metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
        ours = [metric.get("Namespace") in NAMESPACES for metric in metrics]
        if ours and not any(ours):
            return self._moto(call)
        if not all(ours):
            raise AwsError(
                "ValidationError", "The twin does not mix the load balancer's metrics with others' in a call."
            )
        start, end = _span(call.params)
        found = read_queries(self._account, self._store, queries, start, end)
        oldest_first = call.params.get("ScanBy") == "TimestampAscending"
        told = [query for query in queries if query.get("ReturnData", True)]
        series = [_series(query, found[query["Id"]], oldest_first=oldest_first) for query in told]
        most = min(int(call.params.get("MaxDatapoints") or _MOST_DATAPOINTS), _MOST_DATAPOINTS)
        return _page(series, most, call.params.get("NextToken"))

    def get_metric_statistics(self, call: Call) -> object:
        """Answer one metric's statistics, in no order that a client may rely on."""
        params = call.params
        if params.get("Namespace") not in NAMESPACES:
            return self._moto(call)
        stats = params.get("Statistics") or []
        extended = params.get("ExtendedStatistics") or []
        if bool(stats) == bool(extended):
            raise AwsError(
                "InvalidParameterCombination",
                "Must specify either Statistics or ExtendedStatistics, not both",
            )
        check_period(int(params["Period"]), "Period")
        start, end = _span(params)
        if (end - start) / int(params["Period"]) > _MOST_OF_STATISTICS:
            raise AwsError("InvalidParameterCombination", "You have requested more than 1440 datapoints.")
        metric = self._metric(params)
        rows: dict[int, dict[str, Any]] = {}
        for stat in [*stats, *extended]:
            for second, value in self._store.read(metric, stat, int(params["Period"]), start, end):
                _place(rows.setdefault(second, {"Timestamp": _time(second)}), stat, value, own=stat in stats)
        return {"Label": params["MetricName"], "Datapoints": list(rows.values())}

    def _metric(self, params: dict[str, Any]) -> Metric:
        return metric_of(self._account, params)


def _series(query: dict[str, Any], points: Datapoints, *, oldest_first: bool) -> _Series:
    name = query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
    return _Series(query["Id"], query.get("Label") or name, points if oldest_first else points[::-1])


def _check_queries(queries: list[dict[str, Any]]) -> None:
    if not 0 < len(queries) <= _MOST_QUERIES:
        raise AwsError("ValidationError", f"The collection MetricDataQueries must have 1 to {_MOST_QUERIES} members.")
    ids = [query.get("Id", "") for query in queries]
    if len(set(ids)) != len(ids):
        raise AwsError("ValidationError", "The values for parameter id in MetricDataQueries are not unique.")
    for number, query in enumerate(queries, 1):
        where = f"MetricDataQueries.member.{number}"
        if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", query.get("Id", "")):
            raise AwsError("ValidationError", f"The value for field {where}.Id does not match [a-z][a-zA-Z0-9_]*.")
        if ("Expression" in query) == ("MetricStat" in query):
            raise AwsError("ValidationError", f"{where} must have either Expression or MetricStat.")
        if "MetricStat" in query:
            check_period(int(query["MetricStat"]["Period"]), f"{where}.MetricStat.Period")


def _span(params: dict[str, Any]) -> tuple[float, float]:
    start, end = _seconds(params["StartTime"]), _seconds(params["EndTime"])
    if start >= end:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, int | float):
        return float(value)
    parsed: datetime = parse_timestamp(str(value))
    return parsed.timestamp()


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _place(row: dict[str, Any], stat: str, value: float, *, own: bool) -> None:
    row["Unit"] = "None"
    if own:
        row[stat] = value
    else:
        row.setdefault("ExtendedStatistics", {})[stat] = value


def _page(series: list[_Series], most: int, token: str | None) -> dict[str, Any]:
    """Cut the answers, laid end to end, at `most` datapoints; the token says where the next page begins."""
    begin = int(base64.urlsafe_b64decode(token)) if token else 0
    results, offset = [], 0
    for each in series:
        first, last = max(begin - offset, 0), max(begin + most - offset, 0)
        complete = last >= len(each.points)
        results.append(_result(each, each.points[first:last], complete=complete))
        offset += len(each.points)
    page: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
    if offset > begin + most:
        page["NextToken"] = base64.urlsafe_b64encode(str(begin + most).encode()).decode()
    return page


def _result(series: _Series, points: Datapoints, *, complete: bool) -> dict[str, Any]:
    return {
        "Id": series.id,
        "Label": series.label,
        "Timestamps": [_time(second) for second, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete" if complete else "PartialData",
    }
