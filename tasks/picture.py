"""Hold what people may change by hand, as it was seen: the listener rule, both services, the alarms (safety I11)."""

from typing import Any

from tasks.models import Record


class ServicePicture(Record):
    """Hold what one service is told to run; its size is None where autoscaling decides it."""

    task_definition_arn: str
    desired_count: int | None


class Picture(Record):
    """Hold everything that was looked at, as AWS tells it."""

    rule_actions: tuple[dict[str, Any], ...]
    services: dict[str, ServicePicture]
    alarms: dict[str, dict[str, Any]]
