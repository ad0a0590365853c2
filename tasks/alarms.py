"""Say which alarms an environment has, and in what one that is there differs (guide, "CloudWatch alarms").

Both sides have alarms of their own at all times, so whoever gets the traffic is watched without anything being moved:
a release changes weights, never alarms.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.models import Record, Side
from tasks.settings import Settings

BALANCER = "AWS/ApplicationELB"
CONTAINERS = "AWS/ECS"
WATCHED = "watched"
"""The id of the series that an alarm compares with its bound."""

# A period without a failure has no datapoint of failures: FILL says 0 to that.
RATE = "IF(FILL(requests, 0) >= {least}, 100 * (FILL(failed, 0) + FILL(unreached, 0)) / FILL(requests, 0), 0)"
REFUSED = "IF({all} >= {least}, 100 * FILL(refused, 0) / {all}, 0)"
EVERYTHING = "(FILL(requests, 0) + FILL(refused, 0))"


class Metric(Record):
    """Name one series as CloudWatch does."""

    namespace: str
    name: str
    stat: str
    dimensions: dict[str, str]

    def query(self, name: str, period_s: int, *, watched: bool) -> dict[str, Any]:
        """Ask for this series under an id."""
        dimensions = [{"Name": key, "Value": value} for key, value in sorted(self.dimensions.items())]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": period_s, "Stat": self.stat}
        return {"Id": name, "MetricStat": stat, "ReturnData": watched}


class Alarm(Record):
    """Hold one alarm as it shall be.

    ``side`` is whose numbers it watches, None for the load balancer's own. ``pulse`` is the series that has data
    whenever there is traffic at all: without it the alarm is deaf. ``parameters`` are those of PutMetricAlarm.
    """

    name: str
    side: Side | None
    pulse: Metric
    parameters: dict[str, Any]


def wanted_alarms(settings: Settings) -> tuple[Alarm, ...]:
    """List the alarms of an environment: four a side, and one for answers of the load balancer itself."""
    own = [alarm for side in Side for alarm in _of_side(settings, side)]
    return (*own, _of_balancer(settings))


def difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """Say in what a found alarm is not as wanted, one sentence a parameter; what nobody asked for is left as it is."""
    pairs = ((key, _plain(key, found.get(key)), _plain(key, value)) for key, value in wanted.items())
    return tuple(f"{key}: found {has}, expected {shall}" for key, has, shall in pairs if has != shall)


def _of_side(settings: Settings, side: Side) -> Iterable[Alarm]:
    monitoring, group = settings.monitoring, _target_group(settings, side)
    requests = _balancer_metric(settings, "RequestCount", "Sum", group)
    counted = {
        "requests": requests,
        "failed": _balancer_metric(settings, "HTTPCode_Target_5XX_Count", "Sum", group),
        "unreached": _balancer_metric(settings, "TargetConnectionErrorCount", "Sum", group),
    }
    rate = RATE.format(least=monitoring.least_requests)
    times = _balancer_metric(settings, "TargetResponseTime", "p95", group)
    hosts = _balancer_metric(settings, "UnHealthyHostCount", "Maximum", group)
    cpu = Metric(namespace=CONTAINERS, name="CPUUtilization", stat="Average", dimensions=_service(settings, side))
    return (
        _computed(settings, ("error-rate", side), (rate, monitoring.error_percent), counted, requests),
        _measured(settings, ("latency", side), times, monitoring.p95_ms / 1000),
        _measured(settings, ("unhealthy-hosts", side), hosts, 0),
        _measured(settings, ("cpu", side), cpu, monitoring.cpu_percent),
    )


def _of_balancer(settings: Settings) -> Alarm:
    """Watch what no target group tells: the load balancer's own 5xx when it has nobody to ask."""
    requests = _balancer_metric(settings, "RequestCount", "Sum")
    counted = {"requests": requests, "refused": _balancer_metric(settings, "HTTPCode_ELB_5XX_Count", "Sum")}
    rate = REFUSED.format(all=EVERYTHING, least=settings.monitoring.least_requests)
    return _computed(settings, ("balancer-errors", None), (rate, settings.monitoring.error_percent), counted, requests)


def _computed(
    settings: Settings,
    who: tuple[str, Side | None],
    rule: tuple[str, float],
    counted: Mapping[str, Metric],
    pulse: Metric,
) -> Alarm:
    expression, bound = rule
    period_s = settings.monitoring.period_s
    queries = [metric.query(name, period_s, watched=False) for name, metric in counted.items()]
    watched = {"Id": WATCHED, "Expression": expression, "Label": who[0], "ReturnData": True}
    return _alarm(settings, who, [*queries, watched], bound, pulse)


def _measured(settings: Settings, who: tuple[str, Side | None], metric: Metric, bound: float) -> Alarm:
    query = metric.query(WATCHED, settings.monitoring.period_s, watched=True)
    return _alarm(settings, who, [query], bound, metric)


def _alarm(
    settings: Settings, who: tuple[str, Side | None], queries: Sequence[Mapping[str, Any]], bound: float, pulse: Metric
) -> Alarm:
    kind, side = who
    monitoring = settings.monitoring
    name = "-".join(filter(None, (monitoring.name_prefix, settings.name, kind, side and side.value)))
    parameters = {
        "AlarmName": name,
        "AlarmDescription": f"{kind} > {bound:g}, {whose(side)}; kept by greenflow-release",
        "ActionsEnabled": True,
        "AlarmActions": [monitoring.topic_arn],
        "OKActions": [monitoring.topic_arn],
        "Metrics": list(queries),
        "EvaluationPeriods": monitoring.evaluation_periods,
        "DatapointsToAlarm": monitoring.datapoints_to_alarm,
        "Threshold": float(bound),
        "ComparisonOperator": "GreaterThanThreshold",
        # The idle side has no tasks and no requests: that is its rest, not its failure.
        "TreatMissingData": "notBreaching",
    }
    return Alarm(name=name, side=side, pulse=pulse, parameters=parameters)


def whose(side: Side | None) -> str:
    """Name whom an alarm watches."""
    return f"side {side.value}" if side else "the load balancer"


def _balancer_metric(settings: Settings, name: str, stat: str, group: str = "") -> Metric:
    balancer = settings.load_balancer.load_balancer_arn.rpartition(":")[2].removeprefix("loadbalancer/")
    dimensions = {"LoadBalancer": balancer, **({"TargetGroup": group} if group else {})}
    return Metric(namespace=BALANCER, name=name, stat=stat, dimensions=dimensions)


def _target_group(settings: Settings, side: Side) -> str:
    return settings.sides[side].target_group_arn.rpartition(":")[2]


def _service(settings: Settings, side: Side) -> dict[str, str]:
    cluster = settings.service.cluster.rpartition("/")[2]
    return {"ClusterName": cluster, "ServiceName": settings.sides[side].service.rpartition("/")[2]}


def _plain(key: str, value: Any) -> Any:
    """Bring a parameter into the one form in which two of them compare: AWS keeps no order and adds defaults."""
    if key == "Metrics":
        return json.dumps(sorted((_plain_query(query) for query in value or ()), key=lambda query: query["Id"]))
    return sorted(value) if isinstance(value, list) else value


def _plain_query(query: Mapping[str, Any]) -> dict[str, Any]:
    stat = dict(query.get("MetricStat") or {})
    metric = dict(stat.get("Metric") or {})
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
    return {
        "Id": query["Id"],
        "Expression": query.get("Expression") or "",
        "ReturnData": bool(query.get("ReturnData", True)),
        "Metric": [metric.get("Namespace"), metric.get("MetricName"), sorted(dimensions.items())],
        "Stat": [stat.get("Stat"), stat.get("Period")],
    }
