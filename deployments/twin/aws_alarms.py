"""Evaluate CloudWatch alarms as AWS does, which moto never does: metric math, M of N, missing data, history.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends

from deployments.twin.aws_calls import AwsError
from deployments.twin.aws_metric_queries import read_queries
from deployments.twin.looping import Looping

if TYPE_CHECKING:
    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Call
    from deployments.twin.aws_layer import Operations
    from deployments.twin.aws_metrics import Datapoints, MetricStore

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2
"""AWS looks a little further back than it must, so that one late datapoint is no missing one."""

_COMPARISONS = {
    "GreaterThanThreshold": lambda value, bound: value > bound,
    "GreaterThanOrEqualToThreshold": lambda value, bound: value >= bound,
    "LessThanThreshold": lambda value, bound: value < bound,
    "LessThanOrEqualToThreshold": lambda value, bound: value <= bound,
}
_TREATMENTS = frozenset({"breaching", "notBreaching", "ignore", "missing"})
_ACTIONS = {ALARM: "AlarmActions", OK: "OKActions", INSUFFICIENT: "InsufficientDataActions"}
_REQUIRED = ("AlarmName", "EvaluationPeriods", "ComparisonOperator", "Threshold", "Metrics")
_MOST_HISTORY = 1000


@dataclass
class Alarm:
    """Hold one alarm: what PutMetricAlarm said, its state, and what happened to it, oldest first."""

    parameters: dict[str, Any]
    arn: str
    updated_at: datetime
    state: str = INSUFFICIENT
    reason: str = "Unchecked: Initial alarm creation"
    state_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def watched(self) -> dict[str, Any]:
        """Give the one query whose data the alarm compares."""
        query: dict[str, Any] = next(each for each in self.parameters["Metrics"] if each.get("ReturnData", True))
        return query

    @property
    def period_s(self) -> int:
        return max(int(each["MetricStat"]["Period"]) for each in self.parameters["Metrics"] if "MetricStat" in each)

    def described(self) -> dict[str, Any]:
        """Write it as DescribeAlarms does."""
        defaults = {"ActionsEnabled": True, "OKActions": [], "AlarmActions": [], "InsufficientDataActions": []}
        return {
            **defaults,
            **self.parameters,
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": self.updated_at,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": self.state_at,
            "StateTransitionedTimestamp": self.state_at,
        }

    def note(self, kind: str, summary: str, data: dict[str, Any], at: datetime | None = None) -> None:
        """Keep something that happened to it."""
        item = {
            "AlarmName": self.parameters["AlarmName"],
            "AlarmType": "MetricAlarm",
            "Timestamp": at or datetime.now(UTC),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps({"version": "1.0", **data}),
        }
        self.history = [*self.history[1 - _MOST_HISTORY :], item]

    def become(self, state: str, reason: str) -> bool:
        """Change the state; say whether it is another one."""
        if state == self.state:
            return False
        before = {"stateValue": self.state, "stateReason": self.reason}
        summary = f"Alarm updated from {self.state} to {state}"
        self.state, self.reason, self.state_at = state, reason, datetime.now(UTC)
        self.note(
            "StateUpdate", summary, {"oldState": before, "newState": {"stateValue": state, "stateReason": reason}}
        )
        return True


class Alarms(Looping):
    """Keep the alarms of the account and evaluate each one every `every_s` from one thread."""

    def __init__(self, account: Account, store: MetricStore, every_s: float) -> None:
        self._account = account
        self._store = store
        self._every_s = every_s
        self._alarms: dict[str, Alarm] = {}
        self._lock = threading.RLock()
        super().__init__("aws-alarms")

    def add_to(self, operations: Operations) -> None:
        """Take the alarms' operations over."""
        for operation, act in {
            "PutMetricAlarm": self.put,
            "DescribeAlarms": self.describe,
            "DescribeAlarmHistory": self.describe_history,
            "DeleteAlarms": self.delete,
            "SetAlarmState": self.set_state,
        }.items():
            operations.own["cloudwatch", operation] = act

    def put(self, call: Call) -> object:
        """Create an alarm or replace it; a replaced one keeps its state and history."""
        parameters = dict(call.params)
        _check(parameters)
        name, now = parameters["AlarmName"], datetime.now(UTC)
        with self._lock:
            known = self._alarms.get(name)
            if known is None:
                arn = f"arn:aws:cloudwatch:{self._account.region}:{self._account.id}:alarm:{name}"
                self._alarms[name] = known = Alarm(parameters, arn, now)
                known.note("ConfigurationUpdate", f'Alarm "{name}" created', {"type": "Create"})
            else:
                known.parameters, known.updated_at = parameters, now
                known.note("ConfigurationUpdate", f'Alarm "{name}" updated', {"type": "Update"})
        return {}

    def describe(self, call: Call) -> object:
        """Describe the alarms asked for by name, by the beginning of a name, or all."""
        names, prefix = call.params.get("AlarmNames"), call.params.get("AlarmNamePrefix", "")
        state = call.params.get("StateValue")
        with self._lock:
            found = [each for name, each in sorted(self._alarms.items()) if name in (names or [name])]
            shown = [each.described() for each in found if each.parameters["AlarmName"].startswith(prefix)]
        chosen = [each for each in shown if state in {None, each["StateValue"]}]
        return {"MetricAlarms": chosen, "CompositeAlarms": []}

    def describe_history(self, call: Call) -> object:
        """Tell what happened to one alarm or to all, the newest first."""
        name, kind = call.params.get("AlarmName"), call.params.get("HistoryItemType")
        start, end = (_moment(call.params.get(key)) for key in ("StartDate", "EndDate"))
        with self._lock:
            items = [item for alarm in self._alarms.values() for item in alarm.history]
        chosen = [
            item
            for item in items
            if name in {None, item["AlarmName"]}
            and kind in {None, item["HistoryItemType"]}
            and (start is None or item["Timestamp"] >= start)
            and (end is None or item["Timestamp"] <= end)
        ]
        newest_first = call.params.get("ScanBy") != "TimestampAscending"
        chosen.sort(key=lambda item: item["Timestamp"], reverse=newest_first)
        return {"AlarmHistoryItems": chosen[: int(call.params.get("MaxRecords") or 100)]}

    def delete(self, call: Call) -> object:
        """Forget alarms; a name nobody knows is no error, as at AWS."""
        with self._lock:
            for name in call.params.get("AlarmNames", []):
                self._alarms.pop(name, None)
        return {}

    def set_state(self, call: Call) -> object:
        """Set a state by hand, until the next evaluation says otherwise."""
        with self._lock:
            alarm = self._alarms.get(call.params["AlarmName"])
            if alarm is None:
                raise AwsError("ResourceNotFound", "Alarm does not exist.", 404)
            self._move(alarm, call.params["StateValue"], call.params["StateReason"])
        return {}

    def remember(self, name: str, state: str, at: datetime) -> None:
        """Give an alarm a past: it came to a state at a moment, and was well again before now."""
        with self._lock:
            alarm = self._alarms[name]
            summary, states = f"Alarm updated from {OK} to {state}", {"newState": {"stateValue": state}}
            alarm.note("StateUpdate", summary, {"oldState": {"stateValue": OK}, **states}, at)

    def forget(self, name: str) -> None:
        """Forget what happened to an alarm."""
        with self._lock:
            self._alarms[name].history = []

    def evaluate(self, now_s: float) -> None:
        """Evaluate every alarm once."""
        with self._account.lock, self._lock:
            for alarm in self._alarms.values():
                decided = decide(alarm, self._points(alarm, now_s), now_s)
                if decided is not None:
                    self._move(alarm, *decided)

    def _run(self) -> None:
        while not self._closing.wait(self._every_s):
            self.evaluate(time.time())

    def _points(self, alarm: Alarm, now_s: float) -> Datapoints:
        period_s = alarm.period_s
        end = now_s // period_s * period_s
        count = int(alarm.parameters["EvaluationPeriods"]) + EXTRA_PERIODS
        queries = alarm.parameters["Metrics"]
        return read_queries(self._account, self._store, queries, end - count * period_s, end)[alarm.watched["Id"]]

    def _move(self, alarm: Alarm, state: str, reason: str) -> None:
        if not alarm.become(state, reason) or not alarm.parameters.get("ActionsEnabled", True):
            return
        for arn in alarm.parameters.get(_ACTIONS[state], []):
            self._publish(alarm, arn)

    def _publish(self, alarm: Alarm, arn: str) -> None:
        """Post to a topic; a topic that is gone shows in the history alone, as at AWS."""
        topics = sns_backends[self._account.id][self._account.region]
        known = arn in topics.topics
        if known:
            message = json.dumps({"AlarmName": alarm.parameters["AlarmName"], "NewStateValue": alarm.state})
            topics.publish(message=message, arn=arn, subject=f"{alarm.state}: {alarm.parameters['AlarmName']}")
        done = "Successfully executed" if known else "Failed to execute"
        alarm.note("Action", f"{done} action {arn}", {"publishedMessage": alarm.state, "error": not known})


def decide(alarm: Alarm, points: Datapoints, now_s: float) -> tuple[str, str] | None:
    """Say which state the newest whole periods mean, and why; None keeps the state.

    Of the range it looks at, AWS takes the newest N datapoints that are there, and fills up with missing ones as
    TreatMissingData says.
    """
    parameters = alarm.parameters
    count, least = int(parameters["EvaluationPeriods"]), _least(parameters)
    treatment = parameters.get("TreatMissingData", "missing")
    first = int(now_s // alarm.period_s - count - EXTRA_PERIODS) * alarm.period_s
    values = [value for period, value in points if period >= first][-count:]
    lacking = count - len(values)
    if lacking == count and treatment in {"missing", "ignore"}:
        return (INSUFFICIENT, "Insufficient Data: no datapoints were received") if treatment == "missing" else None
    over = [value for value in values if _COMPARISONS[parameters["ComparisonOperator"]](value, parameters["Threshold"])]
    breaching = len(over) + (lacking if treatment == "breaching" else 0)
    verb = "Threshold Crossed" if breaching >= least else "Threshold not crossed"
    told = ", ".join(f"{value:.6g}" for value in values) or "none"
    reason = f"{verb}: {breaching} of the last {count} datapoints [{told}], bound {parameters['Threshold']:g}"
    return (ALARM if breaching >= least else OK), reason


def _least(parameters: dict[str, Any]) -> int:
    return int(parameters.get("DatapointsToAlarm") or parameters["EvaluationPeriods"])


def _check(parameters: dict[str, Any]) -> None:
    missing = [key for key in _REQUIRED if key not in parameters]
    if missing:
        raise AwsError("ValidationError", f"The parameter {missing[0]} is required; the twin's alarms have Metrics.")
    if sum(bool(query.get("ReturnData", True)) for query in parameters["Metrics"]) != 1:
        raise AwsError("ValidationError", "Exactly one element of the metrics list should return data.")
    if _least(parameters) > int(parameters["EvaluationPeriods"]):
        raise AwsError("ValidationError", "DatapointsToAlarm must not be greater than EvaluationPeriods.")
    if parameters["ComparisonOperator"] not in _COMPARISONS:
        raise AwsError("ValidationError", f"The twin does not compare by {parameters['ComparisonOperator']}.")
    if parameters.get("TreatMissingData", "missing") not in _TREATMENTS:
        raise AwsError("ValidationError", f"TreatMissingData {parameters['TreatMissingData']} is not valid.")


def _moment(value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromtimestamp(float(str(value)), UTC)
