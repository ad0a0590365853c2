"""Alarms are kept as the settings say, and each must hear something and be heard."""

import time
from typing import Any

import pytest

from deployments.commands.alarms import alarms
from tasks.alarm_checks import check_monitoring
from tasks.alarms import difference, wanted_alarms
from tasks.event_store import EventStore, read_events
from tasks.ledger import Ledger
from tasks.models import Check, Outcome, Side
from tasks.monitoring import keep_alarms, watch_new_side
from tests.tasks.production import Production

KINDS = {"error-rate", "latency", "unhealthy-hosts", "cpu"}


@pytest.fixture(autouse=True)
def no_alarms(production: Production) -> None:
    """Begin without alarms and without anything for them to see."""
    names = [alarm.name for alarm in wanted_alarms(production.settings)]
    production.aws.client("cloudwatch").delete_alarms(AlarmNames=names)
    production.aws.metrics._rows.clear()


def serve(production: Production, side: str) -> None:
    """Let a side have had traffic, healthy tasks and work a moment ago."""
    second, arn = int(time.time()) - 5, production.seeded.target_group_arns[side]
    counts = {"requests": 50, "2xx": 50, "p95_ms": 30.0, "sum_s": 1.0}
    production.aws.metrics.add({"start": second, "elb_5xx": 0, "groups": {arn: counts}})
    production.aws.metrics.add_hosts(second, {arn: (2, 0)})
    production.aws.metrics.add_cpu(second, {f"{production.seeded.cluster}/{production.seeded.services[side]}": 12.0})


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name.removeprefix("alarm greenflow-rehearsal-"): check for check in checks}


def puts(production: Production) -> int:
    return production.calls("PutMetricAlarm")


def test_every_side_and_the_balancer_get_their_alarms_once(production: Production, release: Ledger) -> None:
    before = puts(production)
    first = by_name(keep_alarms.fn(production.settings).checks)
    sides = {f"{kind}-{side}" for kind in KINDS for side in "ab"}
    assert {name for name in first if name != "people hear greenflow-alerts"} == sides | {"balancer-errors"}
    assert puts(production) == before + 9
    again = keep_alarms.fn(production.settings).checks
    assert puts(production) == before + 9
    assert {check.note for check in again if check.name.startswith("alarm")} == {"unchanged"}


def test_only_what_differs_is_written_and_the_difference_is_shown(production: Production, release: Ledger) -> None:
    keep_alarms.fn(production.settings)
    cloudwatch, name = production.aws.client("cloudwatch"), "greenflow-rehearsal-cpu-a"
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    wanted = {key: found[key] for key in by_alarm(production, name)}
    cloudwatch.put_metric_alarm(**{**wanted, "Threshold": 99.0, "AlarmActions": []})
    before = puts(production)
    checks = by_name(keep_alarms.fn(production.settings).checks)
    assert puts(production) == before + 1
    assert "Threshold: found 99.0, expected 80.0" in checks["cpu-a"].note
    assert checks["cpu-b"].note == "unchanged"
    (written,) = (event for event in release.events if is_intent(event.data, name) and "found 99.0" in str(event.data))
    assert written.kind == "effect.intended"


def is_intent(data: dict[str, Any], name: str) -> bool:
    return data.get("effect") == "cloudwatch.put_alarm" and data.get("key") == name and "already" not in data


def by_alarm(production: Production, name: str) -> dict[str, Any]:
    return next(alarm.parameters for alarm in wanted_alarms(production.settings) if alarm.name == name)


def test_alarms_with_data_pass_and_those_of_the_idle_side_say_that_it_is_idle(
    production: Production, release: Ledger
) -> None:
    keep_alarms.fn(production.settings)
    serve(production, "a")
    checks = by_name(check_monitoring(production.settings))
    assert {name: check.outcome for name, check in checks.items() if check.outcome is Outcome.FAILED} == {}
    assert {name for name, check in checks.items() if check.outcome is Outcome.SKIPPED} == {f"{k}-b" for k in KINDS}
    assert "side b carries no traffic" in checks["cpu-b"].note


def test_an_alarm_without_data_fails_and_says_what_it_misses(production: Production, release: Ledger) -> None:
    keep_alarms.fn(production.settings)
    check = by_name(check_monitoring(production.settings))["error-rate-a"]
    assert check.outcome is Outcome.FAILED
    assert check.line.startswith(
        "alarm greenflow-rehearsal-error-rate-a: found no data of RequestCount within 24 h, expected calls people"
    )


def test_a_missing_alarm_and_one_that_calls_nobody_fail(production: Production, release: Ledger) -> None:
    keep_alarms.fn(production.settings)
    serve(production, "a")
    cloudwatch = production.aws.client("cloudwatch")
    cloudwatch.delete_alarms(AlarmNames=["greenflow-rehearsal-latency-a"])
    silent = by_alarm(production, "greenflow-rehearsal-cpu-b") | {"ActionsEnabled": False}
    cloudwatch.put_metric_alarm(**silent)
    checks = by_name(check_monitoring(production.settings))
    assert checks["latency-a"].found == "no such alarm"
    assert checks["cpu-b"].found == "an alarm that calls nobody"


def test_a_topic_that_nobody_hears_fails(production: Production, release: Ledger) -> None:
    deaf = production.aws.client("sns").create_topic(Name="nobody-listens")["TopicArn"]
    monitoring = production.settings.monitoring.model_copy(update={"topic_arn": deaf})
    checks = check_monitoring(production.settings.model_copy(update={"monitoring": monitoring}))
    assert by_name(checks)["people hear nobody-listens"].line.endswith("found 0 confirmed subscriptions, expected >= 1")


def test_after_the_release_the_new_sides_alarms_must_have_fresh_data(production: Production, release: Ledger) -> None:
    keep_alarms.fn(production.settings)
    serve(production, "a")
    failed = {check.name for check in watch_new_side.fn(production.settings, production.plan).failed}
    assert failed == {f"alarm greenflow-rehearsal-{kind}-b" for kind in KINDS}
    serve(production, "b")
    assert not watch_new_side.fn(production.settings, production.plan).failed


def test_an_alarm_follows_its_own_side_only(production: Production) -> None:
    for alarm in wanted_alarms(production.settings):
        told = str(alarm.parameters["Metrics"])
        for side in Side:
            names = (production.seeded.target_group_arns[side].rpartition(":")[2], production.seeded.services[side])
            assert any(name in told for name in names) == (alarm.side is side)


def test_what_aws_adds_or_reorders_is_no_difference(production: Production) -> None:
    alarm = wanted_alarms(production.settings)[0]
    found = {**alarm.parameters, "Metrics": alarm.parameters["Metrics"][::-1], "StateValue": "OK", "Unit": None}
    assert difference(alarm.parameters, found) == ()
    assert difference(alarm.parameters, {**found, "Threshold": 2.0}) == ("Threshold: found 2.0, expected 1.0",)


def test_the_command_shows_the_difference_and_ends_it_outside_of_any_release(
    production: Production, capsys: pytest.CaptureFixture[str]
) -> None:
    assert alarms(environment="rehearsal") == 3
    assert "greenflow-rehearsal-cpu-a: there was none" in capsys.readouterr().out
    assert alarms(environment="rehearsal", apply=True) == 0
    assert "9 alarms set and read back" in capsys.readouterr().out
    assert alarms(environment="rehearsal") == 0
    assert capsys.readouterr().out == "all alarms are as the settings say\n"
    events = read_events(EventStore(production.settings), "alarms", room="monitoring")
    assert [event.kind for event in events].count("effect.done") == 9
