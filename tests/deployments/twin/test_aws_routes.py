"""What the load balancer is told, and what it tells."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployments.twin.aws_world import World, eventually, production

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws")) as running:
        yield running


def shift(world: World, a: int, b: int) -> None:
    arns = world.seeded.target_group_arns
    groups = [{"TargetGroupArn": arns["a"], "Weight": a}, {"TargetGroupArn": arns["b"], "Weight": b}]
    world.client("elbv2").modify_rule(
        RuleArn=world.seeded.listener_rule_arn,
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )


def counted(world: World, start: int, version: int, a: int, b: int) -> dict[str, Any]:
    arns = world.seeded.target_group_arns
    group = {
        arns[side]: {"requests": requests, "2xx": requests - (side == "b"), "5xx": int(side == "b")}
        for side, requests in (("a", a), ("b", b))
        if requests
    }
    split = {
        "weights_version": version,
        "requests": {arn: counts["requests"] for arn, counts in group.items()},
        "failed": {arn: counts["5xx"] for arn, counts in group.items()},
    }
    row = {"start": start, "period_s": 1, "elb_5xx": 0, "weights_version": version, "groups": group}
    return {**row, "by_version": [split]}


def test_rules_are_told_in_the_order_they_are_tried(world: World) -> None:
    rules = world.control("routes")["rules"]
    arns = world.seeded.target_group_arns
    assert [rule["priority"] for rule in rules] == [1, 2, 100, "default"]
    assert rules[0]["header"] == {"name": "x-greenflow-side", "values": ["a"]}
    assert rules[1]["forward"] == [{"group": arns["b"], "weight": 1}]
    assert rules[2]["paths"] == ["/*"]
    assert rules[3]["forward"] == []


def test_targets_are_told_with_their_address_and_health(world: World) -> None:
    group = world.control("routes")["groups"][world.seeded.target_group_arns["a"]]
    assert group["name"] == "greenflow-api-a"
    assert [(target["port"], target["health"]) for target in group["targets"]] == [(3000, "healthy")] * 2
    assert all(target["address"].startswith("127.") for target in group["targets"])


def test_a_long_poll_ends_as_soon_as_the_weights_change(world: World) -> None:
    before = world.control("routes")["version"]
    threading.Timer(0.3, shift, (world, 90, 10)).start()
    begun = time.monotonic()
    after = world.control(f"routes?after={before}")
    assert 0.2 < time.monotonic() - begun < 1.5
    assert after["version"] > before
    assert [entry["weight"] for entry in after["rules"][2]["forward"]] == [90, 10]


def test_a_long_poll_without_news_ends_with_the_same_version(world: World) -> None:
    before = world.control("routes")["version"]
    assert world.control(f"routes?after={before}")["version"] == before


def test_a_call_that_changes_nothing_raises_no_version(world: World) -> None:
    shift(world, 90, 10)
    before = world.control("routes")["version"]
    shift(world, 90, 10)
    assert world.control("routes")["version"] == before


def test_traffic_is_counted_by_the_weights_the_load_balancer_had(world: World) -> None:
    shift(world, 90, 10)
    ten = world.control("routes")["version"]
    shift(world, 50, 50)
    fifty = world.control("routes")["version"]
    a, b = world.seeded.target_group_arns.values()
    mixed = counted(world, 1002, fifty, 50, 50)
    mixed["by_version"] = [*counted(world, 1002, ten, 8, 2)["by_version"], *mixed["by_version"]]
    late = counted(world, 1003, ten, 1, 0)
    told_twice = counted(world, 1001, ten, 90, 10)
    for row in (counted(world, 1000, ten, 90, 10), told_twice, told_twice, mixed, late):
        world.control("metrics", row)
    first, second = world.control("traffic")["phases"][-2:]
    assert (first["weights"], first["since"], first["requests"]) == ({a: 90, b: 10}, 1000, {a: 189, b: 22})
    assert (second["weights"], second["since"]) == ({a: 50, b: 50}, 1002)
    assert (second["requests"], second["failed"]) == ({a: 50, b: 50}, {a: 0, b: 1})


def test_a_target_that_stops_answering_becomes_unhealthy_with_a_reason(world: World) -> None:
    elbv2, group = world.client("elbv2"), world.seeded.target_group_arns["b"]
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.77.66.55", "Port": 3000}])
    first = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert first["TargetHealth"]["Reason"] == "Elb.InitialHealthChecking"

    def unhealthy() -> Any:
        seen = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
        return seen["TargetHealth"] if seen["TargetHealth"]["State"] == "unhealthy" else None

    assert eventually(unhealthy)["Reason"] == "Target.FailedHealthChecks"
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.77.66.55", "Port": 3000}])
    assert world.health("b") == ["draining"]
    eventually(lambda: world.health("b") == [])


def test_a_group_no_rule_forwards_to_is_not_checked(world: World) -> None:
    elbv2 = world.client("elbv2")
    group = elbv2.create_target_group(
        Name="aside", Protocol="HTTP", Port=80, VpcId=world.seeded.vpc_id, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.77.66.54"}])

    def seen() -> Any:
        health = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
        return health["TargetHealth"] if health["TargetHealth"]["State"] == "unused" else None

    assert eventually(seen)["Reason"] == "Target.NotInUse"


def test_the_idle_group_keeps_its_health_checks_at_weight_0(world: World) -> None:
    shift(world, 100, 0)
    world.update("b", desiredCount=1)
    eventually(lambda: world.health("b") == ["healthy"])
    world.update("b", desiredCount=0)
    world.steady("b")
