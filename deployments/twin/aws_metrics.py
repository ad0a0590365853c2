"""Keep the load balancer's and the services' seconds, and read CloudWatch statistics from them."""

from __future__ import annotations

import itertools
import math
import re
import threading
from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEPT_S = 7200
ALB = "AWS/ApplicationELB"
ECS = "AWS/ECS"
CPU = "CPUUtilization"
NAMESPACES = frozenset({ALB, ECS})

_COUNTS = {
    "RequestCount": "requests",
    "HTTPCode_Target_2XX_Count": "2xx",
    "HTTPCode_Target_3XX_Count": "3xx",
    "HTTPCode_Target_4XX_Count": "4xx",
    "HTTPCode_Target_5XX_Count": "5xx",
    "TargetConnectionErrorCount": "connection_errors",
    "HTTPCode_ELB_5XX_Count": "elb_5xx",
}
_HOSTS = {"HealthyHostCount": 0, "UnHealthyHostCount": 1}
_TRIMMED = {0.3: "slow_300ms", 1.0: "slow_1s", 5.0: "slow_5s"}
_PERCENTILES = {50.0: "p50_ms", 95.0: "p95_ms", 99.0: "p99_ms"}
_ADDING = (*(name for name in _COUNTS.values() if name != "elb_5xx"), *_TRIMMED.values(), "sum_s")
_HIGH_RESOLUTION = (1, 5, 10, 30)

Row = dict[str, Any]
Datapoints = list[tuple[int, float]]


@dataclass(frozen=True)
class Metric:
    """Name one series.

    `group` is the dimension TargetGroup, None for the whole load balancer; of a service it is `cluster/service`.
    """

    namespace: str
    name: str
    group: str | None


class MetricStore:
    """Hold two hours of seconds: of each target group, of its hosts, of the load balancer, of each service."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None], dict[int, Row]] = defaultdict(dict)
        self._hosts: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
        self._cpu: dict[str, dict[int, float]] = defaultdict(dict)
        self._lock = threading.Lock()

    def add(self, row: dict[str, Any]) -> None:
        """Keep a finished second; the same second again replaces itself: a repeated post is harmless."""
        second = int(row["start"])
        with self._lock:
            for arn, counts in row["groups"].items():
                group = dimension_of(arn)
                self._put((ALB, group), second, counts)
            self._put((ALB, None), second, _whole(row))

    def add_hosts(self, second: int, counts: dict[str, tuple[int, int]]) -> None:
        """Keep how many hosts of each target group were healthy and unhealthy in a second."""
        with self._lock:
            for arn, hosts in counts.items():
                series = self._hosts[dimension_of(arn)]
                series[second] = hosts
                series.pop(second - KEPT_S, None)

    def add_cpu(self, second: int, percent_by_service: dict[str, float]) -> None:
        """Keep how busy the tasks of each service were in a second."""
        with self._lock:
            for service, percent in percent_by_service.items():
                series = self._cpu[service]
                series[second] = percent
                series.pop(second - KEPT_S, None)

    def read(self, metric: Metric, stat: str, period_s: int, start: float, end: float) -> Datapoints:
        """Read a statistic by period, oldest first; a period without a sample has no datapoint.

        `start` (rounded down to a period) is within, `end` is not. Sums add over seconds. Percentiles do not:
        of a period longer than the posted second the greatest one is given, an upper bound. Raises `AwsError`
        (ValidationError) for a statistic the load balancer's numbers cannot tell.
        """
        rule = _rule(metric, stat)
        with self._lock:
            rows = self._samples(metric)
            chosen = _between(rows, int(start // period_s * period_s), math.ceil(end))
        periods: dict[int, list[Any]] = defaultdict(list)
        for second, row in chosen:
            periods[second - second % period_s].append(row)
        points = ((begin, rule(periods[begin])) for begin in sorted(periods))
        return [(begin, value) for begin, value in points if value is not None]

    def _samples(self, metric: Metric) -> dict[int, Any]:
        if metric.namespace == ECS:
            return dict(self._cpu.get(metric.group or "", {})) if metric.name == CPU else {}
        if metric.name in _HOSTS:
            return dict(self._hosts.get(metric.group or "", {})) if metric.namespace == ALB else {}
        return self._rows.get((metric.namespace, metric.group), {})

    def _put(self, key: tuple[str, str | None], second: int, row: Row) -> None:
        series = self._rows[key]
        if row.get("requests") or row.get("elb_5xx"):
            series[second] = row
        for old in [each for each in itertools.islice(series, 2) if each < second - KEPT_S]:
            del series[old]


def _between(rows: dict[int, Any], first: int, end: int) -> list[tuple[int, Any]]:
    if end - first < len(rows):
        return [(second, rows[second]) for second in range(first, end) if second in rows]
    return sorted(((second, row) for second, row in rows.items() if first <= second < end), key=itemgetter(0))


def dimension_of(arn: str) -> str:
    """Write a target group's or load balancer's ARN as CloudWatch's dimension does."""
    return arn.rsplit(":", 1)[-1].removeprefix("loadbalancer/")


def check_period(period_s: int, where: str) -> None:
    """Refuse a period CloudWatch refuses."""
    if period_s not in _HIGH_RESOLUTION and (period_s < 1 or period_s % 60):
        raise AwsError("ValidationError", f"The parameter {where} must be 1, 5, 10, 30, or a multiple of 60.")


def _whole(row: dict[str, Any]) -> Row:
    """Add the groups up to the load balancer's own row; percentiles do not add and are left out."""
    groups = list(row["groups"].values())
    added = {name: sum(counts.get(name) or 0 for counts in groups) for name in _ADDING}
    return {**added, "max_s": max((counts.get("max_s") or 0 for counts in groups), default=0)} | {
        "elb_5xx": row.get("elb_5xx", 0)
    }


def _rule(metric: Metric, stat: str) -> Callable[[list[Any]], float | None]:
    if metric.namespace == ECS:
        return lambda percents: _plain(stat, percents)
    if metric.name in _HOSTS:
        column = _HOSTS[metric.name]
        return lambda rows: _plain(stat, [hosts[column] for hosts in rows])
    if metric.name in _COUNTS:
        column_name = _COUNTS[metric.name]
        return lambda rows: _of_counts(stat, (row.get(column_name, 0) for row in rows))
    if metric.name == "TargetResponseTime":
        return _rule_of_times(stat)
    return lambda _: None


def _plain(stat: str, values: list[float]) -> float:
    rules: dict[str, Callable[[list[float]], float]] = {
        "Sum": sum,
        "Average": lambda each: sum(each) / len(each),
        "Maximum": max,
        "Minimum": min,
        "SampleCount": len,
    }
    if stat not in rules:
        raise _unknown(stat)
    return float(rules[stat](values))


def _of_counts(stat: str, counts: Iterable[float]) -> float | None:
    # The load balancer reports each counted request as a sample of 1, and nothing where there was none.
    if stat not in ("Sum", "SampleCount", "Average", "Maximum", "Minimum"):
        raise _unknown(stat)
    total = sum(counts)
    if not total:
        return None
    return float(total) if stat in ("Sum", "SampleCount") else 1.0


def _rule_of_times(stat: str) -> Callable[[list[Row]], float | None]:
    if found := re.fullmatch(r"TC\((\d+(?:\.\d+)?):\)", stat):
        bound = float(found[1])
        if bound in _TRIMMED:
            return lambda rows: _sum(rows, _TRIMMED[bound]) if _answered(rows) else None
    elif found := re.fullmatch(r"p(\d+(?:\.\d+)?)", stat):
        percent = float(found[1])
        if percent in _PERCENTILES:
            return lambda rows: _greatest(rows, _PERCENTILES[percent], 1000)
    elif stat in ("Sum", "Average", "Maximum", "SampleCount"):
        return lambda rows: _of_times(stat, rows)
    raise _unknown(stat)


def _of_times(stat: str, rows: list[Row]) -> float | None:
    answered = _answered(rows)
    if not answered:
        return None
    if stat == "SampleCount":
        return answered
    if stat == "Maximum":
        return _greatest(rows, "max_s", 1)
    total = _sum(rows, "sum_s")
    return total if stat == "Sum" else total / answered


def _answered(rows: list[Row]) -> float:
    return _sum(rows, "requests") - _sum(rows, "connection_errors")


def _sum(rows: list[Row], column: str) -> float:
    return float(sum(row.get(column) or 0 for row in rows))


def _greatest(rows: list[Row], column: str, unit: int) -> float | None:
    values = [row[column] for row in rows if row.get(column) is not None]
    return max(values) / unit if values else None


def _unknown(stat: str) -> AwsError:
    known = "Sum, Average, Maximum, SampleCount, p50, p95, p99, TC(0.3:), TC(1:), TC(5:)"
    return AwsError("ValidationError", f"The twin has no numbers for the statistic {stat}; it has {known}.")
