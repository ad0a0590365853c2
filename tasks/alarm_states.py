"""After: read how the alarms are (guide, "monitoring and alarms", "after the deployment")."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.alarms import wanted_alarms
from tasks.clients.aws import cloudwatch, translated
from tasks.models import Check, Evidence, Side
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage
from tasks.weights import read_weights

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

NAME = "alarms"
SHOWN = 3


@stage("after: alarms", REPEATABLE)
def read_alarm_states(settings: Settings) -> Evidence:
    """Check that every alarm of a side with traffic, and of the load balancer, is there and does not ring.

    Raises RemoteError when CloudWatch or the load balancer cannot be asked.
    """
    weights = read_weights(settings)
    idle = {side for side in Side if weights.of(side) == 0}
    names = [alarm.name for alarm in wanted_alarms(settings) if alarm.side not in idle]
    with translated("read the alarms"):
        found = cloudwatch(settings.aws).describe_alarms(AlarmNames=names, MaxRecords=100).get("MetricAlarms", [])
    return Evidence(checks=(check_alarms(names, found),))


def check_alarms(names: Sequence[str], alarms: "Sequence[MetricAlarmTypeDef]") -> Check:
    """Check what CloudWatch says of the alarms that there should be; one without data is named."""
    ringing = [_told(alarm) for alarm in alarms if alarm.get("StateValue") == "ALARM"]
    blind = [alarm.get("AlarmName", "?") for alarm in alarms if alarm.get("StateValue") == "INSUFFICIENT_DATA"]
    missing = sorted(set(names) - {alarm.get("AlarmName", "") for alarm in alarms})
    wrong = [*ringing, *(f"{name} is missing" for name in missing)]
    return Check.of(
        NAME,
        ok=bool(names) and not wrong,
        found="; ".join(wrong[:SHOWN]) or sentence("{count} alarms, none ringing", count=len(alarms)),
        expected=sentence("{count} alarms, none ringing", count=len(names)),
        note=sentence("without data: {names}", names=", ".join(blind[:SHOWN])) if blind else "",
    )


def _told(alarm: "MetricAlarmTypeDef") -> str:
    name, since = alarm.get("AlarmName", "?"), alarm.get("StateUpdatedTimestamp")
    return f"{name} rings since {since:%Y-%m-%d %H:%M} UTC" if since else f"{name} rings"
