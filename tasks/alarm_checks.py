"""Look whether the alarms hear and are heard, without a flow around it: before a release, in it and after it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tasks.alarms import Alarm, difference, wanted_alarms
from tasks.clients.aws import cloudwatch, sns, translated
from tasks.models import Check, Side
from tasks.sentences import joined, sentence
from tasks.settings import Settings
from tasks.weights import read_weights

MINUTE_S: Final = 60
MOST_POINTS: Final = 500
PENDING: Final = "PendingConfirmation"
"""What stands in the place of a subscription's ARN until its owner has said yes."""


def check_monitoring(settings: Settings) -> tuple[Check, ...]:
    """Check by reading only that every alarm is there, calls people, and had something to watch in the last day.

    An alarm without data fails, except on a side that carries no traffic: that is skipped, and says so.
    Raises RemoteError when CloudWatch or the load balancer cannot be asked.
    """
    weights = read_weights(settings)
    alarms = wanted_alarms(settings)
    idle = {side for side in Side if weights.of(side) == 0}
    awake = [alarm for alarm in alarms if alarm.side not in idle]
    asleep = [alarm for alarm in alarms if alarm.side in idle]
    found = read_alarms(settings, asleep)
    resting = (_resting(alarm, found.get(alarm.name)) for alarm in asleep)
    return (*check_alarms(settings, awake, settings.monitoring.data_within_s), *resting, check_listeners(settings))


def alarm_differences(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Say by name in what each alarm is not as the settings say; raises RemoteError when CloudWatch cannot be asked."""
    alarms = wanted_alarms(settings)
    found = read_alarms(settings, alarms)
    return {alarm.name: _differs(alarm, found.get(alarm.name)) for alarm in alarms}


def _differs(alarm: Alarm, found: Mapping[str, Any] | None) -> tuple[str, ...]:
    return difference(alarm.parameters, found) if found else (sentence("there was none"),)


def read_alarms(settings: Settings, alarms: Iterable[Alarm]) -> Mapping[str, Mapping[str, Any]]:
    """Return those alarms that are there, by name, as CloudWatch describes them."""
    names = [alarm.name for alarm in alarms]
    if not names:
        return {}
    with translated("read the alarms"):
        found = cloudwatch(settings.aws).describe_alarms(AlarmNames=names, MaxRecords=100).get("MetricAlarms", [])
    return {each["AlarmName"]: dict(each) for each in found}


def check_alarms(settings: Settings, alarms: Sequence[Alarm], within_s: float) -> tuple[Check, ...]:
    """Check that alarms are as the settings say, call people, and had data within so many seconds."""
    found, ages = read_alarms(settings, alarms), _ages(settings, alarms, within_s)
    return tuple(_check(alarm, found.get(alarm.name), ages[alarm.name], within_s) for alarm in alarms)


def _check(alarm: Alarm, found: Mapping[str, Any] | None, age_s: float | None, within_s: float) -> Check:
    name, expected = alarm_title(alarm), sentence("calls people, data within {time}", time=_duration(within_s))
    if wrong := _deaf_or_dumb(alarm, found):
        return Check.of(
            name, ok=False, found=wrong, expected=expected, note=sentence("`greenflow alarms --apply` sets it")
        )
    if age_s is None:
        nothing = sentence("no data of {metric} within {time}", metric=alarm.pulse.name, time=_duration(within_s))
        return Check.of(name, ok=False, found=nothing, expected=expected)
    state = str((found or {}).get("StateValue", "?"))
    seen = sentence("{state}, data {time} ago", state=state, time=_duration(age_s))
    return Check.of(name, ok=True, found=seen, expected=expected)


def _resting(alarm: Alarm, found: Mapping[str, Any] | None) -> Check:
    if wrong := _deaf_or_dumb(alarm, found):
        note = sentence("`greenflow alarms --apply` sets it")
        return Check.of(alarm_title(alarm), ok=False, found=wrong, expected=sentence("calls people"), note=note)
    why = sentence("side {side} carries no traffic, so there is nothing to watch", side=alarm.side or "")
    return Check.skipped(alarm_title(alarm), why)


def alarm_title(alarm: Alarm) -> str:
    """Name the check of one alarm."""
    return sentence("alarm {name}", name=alarm.name)


def _deaf_or_dumb(alarm: Alarm, found: Mapping[str, Any] | None) -> str:
    """Say why an alarm would not call anybody, or nothing."""
    if found is None:
        return sentence("no such alarm")
    if not found.get("ActionsEnabled") or not found.get("AlarmActions"):
        return sentence("an alarm that calls nobody")
    return joined("; ", difference(alarm.parameters, found))


def check_listeners(settings: Settings) -> Check:
    """Check that somebody has subscribed to what the alarms post to."""
    arn = settings.monitoring.topic_arn
    with translated(sentence("look who hears topic {arn}", arn=arn)):
        pages = list(sns(settings.aws).get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn))
    heard = [each for page in pages for each in page.get("Subscriptions", []) if each["SubscriptionArn"] != PENDING]
    name = sentence("people hear {topic}", topic=arn.rpartition(":")[2])
    found = sentence("{count} confirmed subscriptions", count=len(heard))
    return Check.of(name, ok=bool(heard), found=found, expected=">= 1")


def _ages(settings: Settings, alarms: Sequence[Alarm], within_s: float) -> dict[str, float | None]:
    """Return how old the newest datapoint of each alarm's pulse is, in seconds; None for one without any."""
    if not alarms:
        return {}
    now_s = time.time()
    newest: dict[str, float] = {}
    ids = {f"m{place}": alarm.name for place, alarm in enumerate(alarms)}
    period_s = max(settings.monitoring.period_s, _whole_minutes(within_s / MOST_POINTS))
    pages = (
        cloudwatch(settings.aws)
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[
                alarm.pulse.query(name, period_s, watched=True)  # type: ignore[misc]  # a query as boto3 types it
                for name, alarm in zip(ids, alarms, strict=True)
            ],
            StartTime=datetime.fromtimestamp(now_s - within_s, UTC),
            EndTime=datetime.fromtimestamp(now_s, UTC),
            ScanBy="TimestampDescending",
        )
    )
    with translated("read what the alarms watch"):
        for result in (result for page in pages for result in page.get("MetricDataResults", [])):
            times = [moment.timestamp() for moment in result.get("Timestamps", [])]
            name = ids[result["Id"]]
            newest[name] = max([*times, newest.get(name, 0.0)])
    return {name: max(0.0, now_s - at_s) if (at_s := newest.get(name)) else None for name in ids.values()}


def _whole_minutes(seconds: float) -> int:
    return int(-(-seconds // MINUTE_S) * MINUTE_S) if seconds > MINUTE_S else 0


def _duration(seconds: float) -> str:
    for unit, length_s in (("h", 3600), ("min", MINUTE_S)):
        if seconds >= length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
