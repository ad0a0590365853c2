"""Take a picture of what people may change by hand (safety I11)."""

from typing import Any

from tasks.clients.aws import cloudwatch, translated
from tasks.picture import Picture, ServicePicture
from tasks.scaling import Scaling, read_scaling
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.sides import read_service
from tasks.weights import read_actions

ALARM_FIELDS = (
    "Metrics",
    "Namespace",
    "MetricName",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "ActionsEnabled",
    "AlarmActions",
)


def take_picture(settings: Settings) -> Picture:
    """Look at an environment; changes nothing. Raises RemoteError."""
    scaling = read_scaling(settings)
    services = {}
    for side, section in settings.sides.items():
        service, size = read_service(settings, side), scaling.get(section.service)
        wanted = service.get("desiredCount", 0)
        services[section.service] = ServicePicture(
            task_definition_arn=service.get("taskDefinition", ""),
            desired_count=None if size and _decides(size, wanted) else wanted,
        )
    return Picture(rule_actions=read_actions(settings), services=services, alarms=_alarms(settings))


def _decides(scaling: Scaling, wanted: int) -> bool:
    """Tell whether autoscaling may have chosen this size; one outside of its bounds somebody else has chosen."""
    return not scaling.scale_in_suspended and scaling.least <= wanted <= scaling.most


def _alarms(settings: Settings) -> dict[str, dict[str, Any]]:
    prefix = settings.monitoring.name_prefix
    with translated(sentence("read the alarms named {prefix}…", prefix=prefix)):
        pages = cloudwatch(settings.aws).get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        alarms: list[Any] = [alarm for page in pages for alarm in page.get("MetricAlarms", [])]
    return {alarm["AlarmName"]: {name: alarm[name] for name in ALARM_FIELDS if name in alarm} for alarm in alarms}
