"""What AWS refuses and moto would let through."""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.deployments.twin.aws_world import World, production

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws")) as running:
        yield running


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refusal:
        call()
    return str(refusal.value.response["Error"]["Code"])


def shift(world: World, groups: list[dict[str, Any]], **more: Any) -> None:
    forward = {"TargetGroups": groups, **more}
    world.client("elbv2").modify_rule(
        RuleArn=world.seeded.listener_rule_arn, Actions=[{"Type": "forward", "ForwardConfig": forward}]
    )


def weights(world: World, a: int, b: int) -> list[dict[str, Any]]:
    arns = world.seeded.target_group_arns
    return [{"TargetGroupArn": arns["a"], "Weight": a}, {"TargetGroupArn": arns["b"], "Weight": b}]


@pytest.mark.parametrize(("a", "b"), [(-1, 101), (1000, 0)])
def test_a_weight_out_of_0_to_999_is_refused_and_changes_nothing(world: World, a: int, b: int) -> None:
    before = world.control("routes")
    assert code_of(lambda: shift(world, weights(world, a, b))) == "ValidationError"
    assert world.control("routes") == before


def test_an_unknown_target_group_is_refused(world: World) -> None:
    groups = weights(world, 90, 10)
    groups[1]["TargetGroupArn"] += "0"
    assert code_of(lambda: shift(world, groups)) == "TargetGroupNotFound"


def test_six_target_groups_a_repeated_one_and_a_missing_weight_are_refused(world: World) -> None:
    groups = weights(world, 90, 10)
    assert code_of(lambda: shift(world, groups * 3)) == "ValidationError"
    assert code_of(lambda: shift(world, [groups[0], groups[0]])) == "ValidationError"
    assert code_of(lambda: shift(world, [groups[0], {"TargetGroupArn": groups[1]["TargetGroupArn"]}])) == (
        "ValidationError"
    )


def test_what_waits_for_a_change_happens_after_it_and_once(world: World) -> None:
    seen: list[str] = []
    world.aws.once_after("ModifyRule", lambda: seen.append("shifted"))
    code_of(lambda: shift(world, weights(world, 0, 1000)))
    assert seen == []
    for _ in range(2):
        shift(world, weights(world, 100, 0))
    assert seen == ["shifted"]


def test_stickiness_without_a_duration_is_refused(world: World) -> None:
    sticky = {"TargetGroupStickinessConfig": {"Enabled": True}}
    assert code_of(lambda: shift(world, weights(world, 90, 10), **sticky)) == "ValidationError"


def test_the_default_rule_cannot_be_modified_as_a_rule(world: World) -> None:
    elbv2 = world.client("elbv2")
    rules = elbv2.describe_rules(ListenerArn=world.seeded.listener_arn)["Rules"]
    default = next(rule for rule in rules if rule["IsDefault"])
    code = code_of(lambda: elbv2.modify_rule(RuleArn=default["RuleArn"], Actions=default["Actions"]))
    assert code == "OperationNotPermitted"


def test_valid_weights_are_kept_and_read_back(world: World) -> None:
    shift(world, weights(world, 90, 10))
    elbv2 = world.client("elbv2")
    rule = elbv2.describe_rules(RuleArns=[world.seeded.listener_rule_arn])["Rules"][0]
    assert [group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]] == [90, 10]


def test_a_fargate_task_definition_with_secrets_or_ecr_images_needs_an_execution_role(world: World) -> None:
    ecs = world.client("ecs")
    ecr = {"name": "x", "image": f"{world.seeded.repository_uri}:1.0.0", "memory": 128}
    secret = {"name": "x", "image": "x", "memory": 128, "secrets": [{"name": "A", "valueFrom": "arn:x"}]}
    for container, words in ((ecr, "support ECR images"), (secret, "container secrets")):
        with pytest.raises(ClientError, match=words):
            ecs.register_task_definition(
                family="x", requiresCompatibilities=["FARGATE"], containerDefinitions=[container]
            )


def test_a_body_that_does_not_match_its_checksum_is_refused_and_not_stored(world: World) -> None:
    s3, bucket = world.client("s3"), world.seeded.backup_bucket
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    md5 = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    for given in ({"ChecksumSHA256": wrong}, {"ContentMD5": md5}):
        code = code_of(lambda given=given: s3.put_object(Bucket=bucket, Key="dump", Body=b"dump", **given))  # type: ignore[misc]
        assert code == "BadDigest"
    assert code_of(lambda: s3.head_object(Bucket=bucket, Key="dump")) == "404"


def test_a_body_that_matches_its_checksum_is_stored_with_it(world: World) -> None:
    s3, bucket = world.client("s3"), world.seeded.backup_bucket
    right = base64.b64encode(hashlib.sha256(b"dump").digest()).decode()
    s3.put_object(Bucket=bucket, Key="good", Body=b"dump", ChecksumSHA256=right)
    assert s3.head_object(Bucket=bucket, Key="good", ChecksumMode="ENABLED")["ChecksumSHA256"] == right


def test_of_twenty_who_create_a_lock_at_once_one_succeeds(world: World) -> None:
    bucket, outcomes = world.seeded.ledger_bucket, []
    clients = [world.client("s3") for _ in range(20)]

    def take(s3: Any) -> None:
        try:
            s3.put_object(Bucket=bucket, Key="lock", Body=b"mine", IfNoneMatch="*")
            outcomes.append("taken")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=take, args=(s3,)) for s3 in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PreconditionFailed"] * 19 + ["taken"]


def test_a_lock_is_renewed_released_and_taken_again_by_its_etag_only(world: World) -> None:
    s3 = world.client("s3")
    lock = {"Bucket": world.seeded.ledger_bucket, "Key": "locks/production.json"}
    first = s3.put_object(**lock, Body=b"1", IfNoneMatch="*")["ETag"]
    second = s3.put_object(**lock, Body=b"2", IfMatch=first)["ETag"]
    assert code_of(lambda: s3.put_object(**lock, Body=b"3", IfMatch=first)) == "PreconditionFailed"
    assert code_of(lambda: s3.delete_object(**lock, IfMatch=first)) == "PreconditionFailed"
    s3.delete_object(**lock, IfMatch=second)
    assert s3.put_object(**lock, Body=b"4", IfNoneMatch="*")["ETag"]
