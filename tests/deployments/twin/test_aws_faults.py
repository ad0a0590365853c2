"""Calls that break on purpose, and the log that tells of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from deployments.twin.aws import FaultRule
from tests.deployments.twin.aws_world import DATABASE_URL, World, production

if TYPE_CHECKING:
    from collections.abc import Iterator

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws")) as world:
        yield world


@pytest.fixture
def world(running: World) -> Iterator[World]:
    yield running
    running.aws.faults.clear()


def weigh(world: World, a: int) -> None:
    arns = world.seeded.target_group_arns
    groups = [{"TargetGroupArn": arns["a"], "Weight": a}, {"TargetGroupArn": arns["b"], "Weight": 100 - a}]
    world.aws.client("elbv2", config=ONCE).modify_rule(
        RuleArn=world.seeded.listener_rule_arn,
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )


def live_weight(world: World) -> int:
    rule = next(rule for rule in world.control("routes")["rules"] if rule["priority"] == 100)
    return int(rule["forward"][0]["weight"])


def refusal(call: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call()
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "expected"),
    [
        ("ecs", "list_clusters", {}, ("ThrottlingException", 400)),
        ("elbv2", "describe_load_balancers", {}, ("Throttling", 400)),
        ("s3", "list_buckets", {}, ("SlowDown", 503)),
        ("cloudwatch", "list_metrics", {}, ("Throttling", 400)),
    ],
)
def test_a_service_throttles_with_its_own_code_once(
    world: World, service: str, operation: str, arguments: dict[str, Any], expected: tuple[str, int]
) -> None:
    world.aws.faults.add(FaultRule("throttle", service=service))
    client = world.aws.client(service, config=ONCE)
    assert refusal(lambda: getattr(client, operation)(**arguments)) == expected
    getattr(client, operation)(**arguments)


@pytest.mark.parametrize("kind", ["500_before", "reset_before", "throttle"])
def test_before_faults_leave_the_world_as_it_was(world: World, kind: str) -> None:
    weigh(world, 100)
    world.aws.faults.add(FaultRule(kind, service="elbv2", operation="ModifyRule"))
    with pytest.raises((ClientError, ConnectionClosedError)):
        weigh(world, 90)
    assert live_weight(world) == 100


@pytest.mark.parametrize("kind", ["503_after", "lost_answer"])
def test_after_faults_have_their_effect_and_hide_it(world: World, kind: str) -> None:
    weigh(world, 100)
    world.aws.faults.add(FaultRule(kind, service="elbv2", operation="ModifyRule"))
    with pytest.raises((ClientError, ConnectionClosedError)):
        weigh(world, 90)
    assert live_weight(world) == 90


def test_an_empty_200_looks_like_a_success(world: World) -> None:
    world.aws.faults.add(FaultRule("empty_200", service="ecs", operation="UpdateService"))
    answer = world.aws.client("ecs", config=ONCE).update_service(
        cluster=world.seeded.cluster, service=world.seeded.services["b"]
    )
    assert "service" not in answer


def test_a_delay_waits_and_then_performs(world: World) -> None:
    world.aws.faults.add(FaultRule("delay", service="sts", delay_s=0.3))
    begun = time.monotonic()
    assert world.client("sts").get_caller_identity()["Account"] == "210987654321"
    assert time.monotonic() - begun >= 0.3


def test_a_rule_hits_every_second_matching_call_from_the_third_on(world: World) -> None:
    world.control("faults", {"kind": "throttle", "service": "ecs", "every": 2, "skip": 1, "count": 2})
    ecs, outcomes = world.aws.client("ecs", config=ONCE), []
    for _ in range(8):
        try:
            ecs.list_clusters()
            outcomes.append(".")
        except ClientError:
            outcomes.append("x")
    assert "".join(outcomes) == "..x.x..."


def test_a_rule_chooses_by_parameter(world: World) -> None:
    world.aws.faults.add(FaultRule("throttle", service="ecs", match={"service": "*-b"}))
    ecs, cluster = world.aws.client("ecs", config=ONCE), world.seeded.cluster
    ecs.update_service(cluster=cluster, service=world.seeded.services["a"])
    assert refusal(lambda: ecs.update_service(cluster=cluster, service=world.seeded.services["b"]))


def test_rules_are_listed_and_taken_away_over_http(world: World) -> None:
    number = world.control("faults", {"kind": "throttle", "service": "ecs"})["id"]
    assert [rule["id"] for rule in world.control("faults")["faults"]] == [number]
    world.control(f"faults?id={number}", method="DELETE")
    assert world.control("faults")["faults"] == []


@pytest.mark.parametrize("document", [{}, {"kind": "nonsense"}, {"kind": "throttle", "typo": 1}])
def test_a_rule_that_is_none_is_refused(world: World, document: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        world.control("faults", document)
    assert refused.value.response.status_code == 400


def test_the_log_tells_of_every_call_its_outcome_and_its_fault(world: World) -> None:
    last = world.control("calls")["last"]
    world.aws.faults.add(FaultRule("lost_answer", service="elbv2", operation="ModifyRule"))
    with pytest.raises(ConnectionClosedError):
        weigh(world, 100)
    world.client("ecs").list_clusters()
    cut, listed = world.control(f"calls?after={last}")["calls"]
    assert (cut["operation"], cut["mutating"], cut["status"], cut["fault"]) == (
        "ModifyRule",
        True,
        0,
        "lost_answer",
    )
    assert "Weight=100" in cut["params"]
    assert (listed["operation"], listed["mutating"], listed["status"], listed["error"]) == (
        "ListClusters",
        False,
        200,
        None,
    )


def test_the_log_knows_s3s_operations_and_error_codes(world: World) -> None:
    last = world.control("calls")["last"]
    s3, bucket = world.client("s3"), world.seeded.ledger_bucket
    s3.put_object(Bucket=bucket, Key="releases/1/0001.json", Body=b"{}", IfNoneMatch="*")
    s3.list_objects_v2(Bucket=bucket, Prefix="releases/")
    refusal(lambda: s3.put_object(Bucket=bucket, Key="releases/1/0001.json", Body=b"{}", IfNoneMatch="*"))
    calls = world.control(f"calls?after={last}")["calls"]
    assert [(call["operation"], call["error"]) for call in calls] == [
        ("PutObject", None),
        ("ListObjectsV2", None),
        ("PutObject", "PreconditionFailed"),
    ]
    assert "Key=releases/1/0001.json" in calls[0]["params"]


def test_no_secret_is_in_the_log(world: World) -> None:
    world.client("secretsmanager").get_secret_value(SecretId="greenflow/database-url")
    told = str(world.control("calls"))
    assert "CreateSecret" in told
    assert DATABASE_URL not in told
    assert "twin-signing-secret" not in told
