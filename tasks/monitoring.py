"""Monitoring: keep the alarms as the settings say, and prove that each one hears and is heard (guide, monitoring)."""

import logging
from collections.abc import Sequence

from tasks.alarm_checks import alarm_differences, alarm_title, check_alarms, check_listeners, read_alarms
from tasks.alarms import Alarm, difference, wanted_alarms
from tasks.clients.aws import cloudwatch, translated
from tasks.ledger import effect, open_ledger
from tasks.models import Check, Evidence, ReleasePlan
from tasks.retries import REPEATABLE
from tasks.sentences import joined, sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.monitoring")


@stage("monitoring: keep the alarms", REPEATABLE)
def keep_alarms(settings: Settings) -> Evidence:
    """Make every alarm be as the settings say, changing only what differs, and tell what that was.

    Raises RemoteError when CloudWatch fails or refuses, UnknownOutcome when a change is not seen.
    """
    differs = alarm_differences(settings)
    kept = [_kept(settings, alarm, differs[alarm.name]) for alarm in wanted_alarms(settings)]
    return Evidence(checks=(*kept, check_listeners(settings)))


@stage("monitoring: the alarms watch the new side", REPEATABLE)
def watch_new_side(settings: Settings, plan: ReleasePlan) -> Evidence:
    """Check that what the alarms of the new side and of the load balancer watch has fresh data.

    What an alarm says is shown and decides nothing here: the judge has compared the sides, and an alarm also rings
    for what hits both.
    """
    watching = [alarm for alarm in wanted_alarms(settings) if alarm.side in {plan.candidate, None}]
    return Evidence(checks=check_alarms(settings, watching, settings.monitoring.fresh_data_s))


def set_alarms(settings: Settings) -> None:
    """Make every alarm be as the settings say outside of any release, in a chain of its own in the ledger.

    Raises EnvironmentBusy when somebody else is doing the same, and what ``keep_alarms`` raises.
    """
    with open_ledger(settings, release_id="alarms", version="", room="monitoring"):
        keep_alarms.fn(settings)


def _kept(settings: Settings, alarm: Alarm, differs: Sequence[str]) -> Check:
    if differs:
        log.info("alarm %s: %s", alarm.name, "; ".join(differs))
        _put(settings, alarm, differs)
    note = sentence("changed: {what}", what=joined("; ", differs)) if differs else sentence("unchanged")
    right = sentence("as the settings say")
    return Check.of(alarm_title(alarm), ok=True, found=right, expected=right, note=note)


def _put(settings: Settings, alarm: Alarm, differs: Sequence[str]) -> None:
    def observe() -> bool | None:
        now = read_alarms(settings, [alarm]).get(alarm.name)
        return True if now and not difference(alarm.parameters, now) else None

    def act() -> None:
        with translated(sentence("set alarm {name}", name=alarm.name)):
            cloudwatch(settings.aws).put_metric_alarm(**alarm.parameters)

    effect("cloudwatch.put_alarm", alarm.name, observe=observe, act=act, data={"difference": list(differs)})
