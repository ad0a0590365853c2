"""Checklist: the very image has run on staging, unchanged and without an alarm (guide: 24 hours of staging)."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tasks.checklist.subject import Subject
from tasks.checklist_settings import StagingSettings
from tasks.clients.aws import cloudwatch, translated
from tasks.ecs_services import find_service, find_tasks, running_digest
from tasks.models import Check
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
        return (Check.skipped("staging stable", "checklist.staging is not set: nobody knows what staging runs"),)
    service = find_service(settings.aws, staging.cluster, staging.service)
    tasks = find_tasks(settings.aws, staging.cluster, staging.service)
    digests = {running_digest(task, settings.service.container) or "an image it still pulls" for task in tasks}
    return (
        _same_image(staging, digests, subject),
        _unchanged(staging, primary_deployment(service), subject.now),
        _steady(service, tasks),
        *_alarms(settings.aws, staging, subject.now),
    )


def _same_image(staging: StagingSettings, digests: set[str], subject: Subject) -> Check:
    found = ", ".join(sorted(digests)) or "no task"
    expected = subject.digest or f"an image tagged {subject.version}, which the registry does not have"
    ok = bool(subject.digest) and digests == {subject.digest}
    return Check.of("image on staging", ok=ok, found=found, expected=expected, note=f"service {staging.service}")


def _unchanged(staging: StagingSettings, deployment: "DeploymentTypeDef", now: datetime) -> Check:
    began = deployment["createdAt"]
    ran_h = (now - began).total_seconds() / 3600
    state = deployment.get("rolloutState", "?")
    return Check.of(
        "staging unchanged",
        ok=ran_h >= staging.stable_h and state == "COMPLETED",
        found=f"{ran_h:.1f} h since {began:%Y-%m-%d %H:%M} UTC, {state}",
        expected=f"at least {staging.stable_h:g} h, COMPLETED",
        note="" if ran_h >= staging.stable_h else f"wait another {staging.stable_h - ran_h:.1f} h",
    )


def _steady(service: "ServiceTypeDef", tasks: tuple["TaskTypeDef", ...]) -> Check:
    running, wanted = service.get("runningCount", 0), service.get("desiredCount", 0)
    starts = [task["startedAt"] for task in tasks if "startedAt" in task]
    note = f"the youngest since {max(starts):%Y-%m-%d %H:%M} UTC" if starts else ""
    ok = running == wanted > 0
    return Check.of("staging tasks", ok=ok, found=f"{running} running", expected=f"{wanted} running", note=note)


def _alarms(aws: AwsSettings, staging: StagingSettings, now: datetime) -> tuple[Check, ...]:
    alarms = _read_alarms(aws, staging.alarm_prefix)
    names = [alarm["AlarmName"] for alarm in alarms]
    exist = Check.of(
        "staging alarms",
        ok=bool(names),
        found=", ".join(names) or "none",
        expected=f"at least one named {staging.alarm_prefix}…",
    )
    since = now - timedelta(hours=staging.stable_h)
    rang = [f"{name} at {at:%Y-%m-%d %H:%M} UTC" for name in names for at in _rang(aws, name, since, now)]
    rings = [f"{alarm['AlarmName']} now" for alarm in alarms if alarm.get("StateValue") == ALARM]
    found = "; ".join((*rings, *rang)) or "silence"
    quiet = Check.of(
        "staging quiet", ok=not (rings or rang), found=found, expected=f"silence for {staging.stable_h:g} h"
    )
    return (exist, quiet) if names else (exist,)


def _read_alarms(aws: AwsSettings, prefix: str) -> list["MetricAlarmTypeDef"]:
    with translated(f"read the alarms named {prefix}"):
        pages = cloudwatch(aws).get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        return [alarm for page in pages for alarm in page.get("MetricAlarms", [])]


def _rang(aws: AwsSettings, name: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """Give when an alarm went off, oldest first."""
    with translated(f"read the history of alarm {name}"):
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
