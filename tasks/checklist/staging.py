"""Checklist: the very image has run on staging, unchanged and without an alarm (guide: 24 hours of staging)."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tasks.checklist.subject import Subject
from tasks.checklist_settings import StagingSettings
from tasks.clients.aws import cloudwatch, translated
from tasks.ecs_services import find_serving, find_tasks, running_digest
from tasks.models import Check
from tasks.sentences import joined, sentence
from tasks.settings import AwsSettings, Settings
from tasks.sides import primary_deployment

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef, TaskTypeDef

ALARM = "ALARM"


def check_staging(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Check what staging runs, since when, and its alarms of that time.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    """
    staging = settings.checklist.staging
    if staging is None:
        why = sentence("{key} is not set: nobody knows what staging runs", key="checklist.staging")
        return (Check.skipped("staging stable", why),)
    services = find_serving(settings.aws, staging.cluster, staging.services)
    running = [check for service in services for check in _runs(settings, staging, service, subject)]
    return (*running, *_alarms(settings.aws, staging, subject.now))


def _runs(
    settings: Settings, staging: StagingSettings, service: "ServiceTypeDef", subject: Subject
) -> tuple[Check, ...]:
    """Check which image a service runs, since when, and that all its tasks do."""
    name = service["serviceName"]
    tasks = find_tasks(settings.aws, staging.cluster, name)
    digests = {running_digest(task, settings.service.container) or "an image it still pulls" for task in tasks}
    return (
        _same_image(name, digests, subject),
        _unchanged(staging, primary_deployment(service), subject.now),
        _steady(service, tasks),
    )


def _same_image(service: str, digests: set[str], subject: Subject) -> Check:
    found = ", ".join(sorted(digests)) or sentence("no task")
    nowhere = sentence("an image tagged {version}, which the registry does not have", version=subject.version)
    expected = subject.digest or nowhere
    ok = bool(subject.digest) and digests == {subject.digest}
    note = sentence("service {name}", name=service)
    return Check.of("image on staging", ok=ok, found=found, expected=expected, note=note)


def _unchanged(staging: StagingSettings, deployment: "DeploymentTypeDef", now: datetime) -> Check:
    began = deployment["createdAt"]
    ran_h = (now - began).total_seconds() / 3600
    left_h, state = staging.stable_h - ran_h, deployment.get("rolloutState", "?")
    return Check.of(
        "staging unchanged",
        ok=ran_h >= staging.stable_h and state == "COMPLETED",
        found=sentence("{hours:.1f} h since {at} UTC, {state}", hours=ran_h, at=f"{began:%Y-%m-%d %H:%M}", state=state),
        expected=sentence("at least {hours:g} h, COMPLETED", hours=staging.stable_h),
        note="" if left_h <= 0 else sentence("wait another {hours:.1f} h", hours=left_h),
    )


def _steady(service: "ServiceTypeDef", tasks: tuple["TaskTypeDef", ...]) -> Check:
    running, wanted = service.get("runningCount", 0), service.get("desiredCount", 0)
    starts = [task["startedAt"] for task in tasks if "startedAt" in task]
    note = sentence("the youngest since {at} UTC", at=f"{max(starts):%Y-%m-%d %H:%M}") if starts else ""
    found, expected = (sentence("{count} running", count=count) for count in (running, wanted))
    return Check.of("staging tasks", ok=running == wanted > 0, found=found, expected=expected, note=note)


def _alarms(aws: AwsSettings, staging: StagingSettings, now: datetime) -> tuple[Check, ...]:
    alarms = _read_alarms(aws, staging.alarm_prefix)
    names = [alarm["AlarmName"] for alarm in alarms]
    exist = Check.of(
        "staging alarms",
        ok=bool(names),
        found=", ".join(names) or sentence("none"),
        expected=sentence("at least one named {prefix}…", prefix=staging.alarm_prefix),
    )
    since = now - timedelta(hours=staging.stable_h)
    heard = [sentence("{name} now", name=alarm["AlarmName"]) for alarm in alarms if alarm.get("StateValue") == ALARM]
    for name in names:
        rang = _rang(aws, name, since, now)
        heard += [sentence("{name} at {at} UTC", name=name, at=f"{at:%Y-%m-%d %H:%M}") for at in rang]
    found = joined("; ", heard) if heard else sentence("silence")
    expected = sentence("silence for {hours:g} h", hours=staging.stable_h)
    quiet = Check.of("staging quiet", ok=not heard, found=found, expected=expected)
    return (exist, quiet) if names else (exist,)


def _read_alarms(aws: AwsSettings, prefix: str) -> list["MetricAlarmTypeDef"]:
    with translated(sentence("read the alarms named {prefix}", prefix=prefix)):
        pages = cloudwatch(aws).get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        return [alarm for page in pages for alarm in page.get("MetricAlarms", [])]


def _rang(aws: AwsSettings, name: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """Give when an alarm went off, oldest first."""
    with translated(sentence("read the history of alarm {name}", name=name)):
        pages = (
            cloudwatch(aws)
            .get_paginator("describe_alarm_history")
            .paginate(
                AlarmName=name,
                HistoryItemType="StateUpdate",
                StartDate=since,
                EndDate=until,
                ScanBy="TimestampAscending",
            )
        )
        items = [item for page in pages for item in page.get("AlarmHistoryItems", [])]
    yield from (item["Timestamp"] for item in items if _new_state(item) == ALARM)


def _new_state(item: Any) -> str:
    try:
        return str(json.loads(item.get("HistoryData", "{}"))["newState"]["stateValue"])
    except (ValueError, KeyError, TypeError):
        # Without its data an entry still has its sentence: "Alarm updated from OK to ALARM".
        return str(item.get("HistorySummary", "")).rpartition(" to ")[2]
