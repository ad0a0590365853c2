"""Refuse what AWS refuses and moto lets through: listener rules, task definitions, uploads."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Call
    from deployments.twin.aws_layer import Operations

BUCKET_CALLS = ("HeadBucket", "ListObjectsV2", "GetObject", "HeadObject", "DeleteObject", "CreateMultipartUpload")
MOST_WEIGHT = 999
MOST_GROUPS = 5
_LONGEST_STICKINESS_S = 604_800
_ROUTED_FIELDS = frozenset({"http-header", "path-pattern"})


class Rules:
    """Check calls before they reach moto."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def add_to(self, operations: Operations) -> None:
        """Put the checks in front of the operations they belong to."""
        for operation in ("CreateRule", "ModifyRule"):
            operations.checks["elbv2", operation] = self.check_rule
        for operation in ("CreateListener", "ModifyListener"):
            operations.checks["elbv2", operation] = self.check_listener
        for operation in BUCKET_CALLS:
            operations.checks["s3", operation] = self.check_owner
        for operation in ("PutObject", "UploadPart"):
            operations.checks["s3", operation] = self.check_write
        operations.checks["ecs", "RegisterTaskDefinition"] = check_task_definition

    def check_write(self, call: Call) -> None:
        """Refuse an object for somebody else's bucket, or one that does not match its checksum."""
        self.check_owner(call)
        check_upload(call)

    def check_owner(self, call: Call) -> None:
        """Refuse a bucket of another account, and one that is not the expected owner's."""
        _partition, owner = s3_backends.bucket_accounts.get(str(call.params.get("Bucket")), ("", self._account.id))
        expected = call.header("x-amz-expected-bucket-owner") or owner
        if owner != self._account.id or expected != owner:
            raise AwsError("AccessDenied", "Access Denied", 403)

    def check_rule(self, call: Call) -> None:
        """Refuse a rule's actions and conditions; those of the default rule are the listener's to change."""
        arn = call.params.get("RuleArn")
        if arn and arn in self._default_rules():
            raise AwsError("OperationNotPermitted", f"Default rule '{arn}' cannot be modified")
        for condition in call.params.get("Conditions", []):
            _check_condition(condition)
        self._check_actions(call.params.get("Actions", []))

    def check_listener(self, call: Call) -> None:
        """Refuse a listener's default actions."""
        self._check_actions(call.params.get("DefaultActions", []))

    def _check_actions(self, actions: list[dict[str, Any]]) -> None:
        for action in actions:
            config = action.get("ForwardConfig")
            if action.get("Type") != "forward":
                continue
            if config is None and "TargetGroupArn" not in action:
                raise AwsError("ValidationError", "A target group ARN must be specified")
            if config is not None:
                self._check_forward(config)

    def _check_forward(self, config: dict[str, Any]) -> None:
        groups = config.get("TargetGroups") or []
        if not 1 <= len(groups) <= MOST_GROUPS:
            raise AwsError("ValidationError", f"A forward action must have 1 to {MOST_GROUPS} target groups")
        arns = [group.get("TargetGroupArn") for group in groups]
        if len(set(arns)) != len(arns):
            raise AwsError("ValidationError", "A target group can be specified only once in a forward action")
        for group in groups:
            self._check_group(group, alone=len(groups) == 1)
        _check_stickiness(config.get("TargetGroupStickinessConfig") or {})

    def _check_group(self, group: dict[str, Any], *, alone: bool) -> None:
        arn, weight = group.get("TargetGroupArn"), group.get("Weight")
        if arn not in self._account.elbv2.target_groups:
            raise AwsError("TargetGroupNotFound", f"Target groups '{arn}' not found")
        if weight is None and not alone:
            raise AwsError("ValidationError", f"A weight must be specified for target group '{arn}'")
        if weight is not None and not 0 <= int(weight) <= MOST_WEIGHT:
            raise AwsError(
                "ValidationError",
                f"The weight '{weight}' of target group '{arn}' must be between 0 and {MOST_WEIGHT}",
            )

    def _default_rules(self) -> set[str]:
        balancers = self._account.elbv2.load_balancers.values()
        listeners = [listener for balancer in balancers for listener in balancer.listeners.values()]
        return {rule.arn for listener in listeners for rule in listener.rules.values() if rule.is_default}


def check_task_definition(call: Call) -> None:
    """Refuse, as ECS does, what needs an execution role where there is none."""
    params = call.params
    containers = params.get("containerDefinitions") or []
    if params.get("executionRoleArn"):
        return
    if any(container.get("secrets") for container in containers):
        raise AwsError(
            "ClientException",
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        )
    if "FARGATE" not in (params.get("requiresCompatibilities") or []):
        return
    needs = "Fargate requires task definition to have execution role ARN to support"
    for container in containers:
        if ".dkr.ecr." in container.get("image", ""):
            raise AwsError("ClientException", f"{needs} ECR images.")
        if (container.get("logConfiguration") or {}).get("logDriver") == "awslogs":
            raise AwsError("ClientException", f"{needs} log driver awslogs.")


def check_upload(call: Call) -> None:
    """Refuse a body that is not the one its checksum was made of."""
    if call.header("x-amz-copy-source") or "aws-chunked" in (call.header("content-encoding") or ""):
        return
    if (given := call.header("content-md5")) and _digest(given, "Content-MD5", "InvalidDigest") != _md5(call.body):
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    for name, compute in _CHECKSUMS.items():
        given = call.header(f"x-amz-checksum-{name}")
        if not given:
            continue
        # moto keeps a checksum only where its algorithm is named as well.
        call.environ.setdefault("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", name.upper())
        if _digest(given, f"x-amz-checksum-{name}", "InvalidRequest") != compute(call.body):
            raise AwsError("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


def _check_condition(condition: dict[str, Any]) -> None:
    field = condition.get("Field")
    if field not in _ROUTED_FIELDS:
        raise AwsError("ValidationError", f"The twin's load balancer routes by header and path only, not by '{field}'")


def _check_stickiness(config: dict[str, Any]) -> None:
    seconds = config.get("DurationSeconds")
    if config.get("Enabled") and not (seconds and 1 <= int(seconds) <= _LONGEST_STICKINESS_S):
        raise AwsError(
            "ValidationError",
            f"Target group stickiness duration must be between 1 and {_LONGEST_STICKINESS_S} seconds",
        )


def _digest(text: str, header: str, code: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise AwsError(code, f"Value for {header} header is invalid.") from error


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "sha256": lambda body: hashlib.sha256(body).digest(),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
}
