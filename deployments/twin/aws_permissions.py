"""Allow a caller what its policies allow, and refuse the rest as IAM does; remember which actions each caller used.

Who calls is told by the access key. Callers without policies are the twin's own hand and may do everything. Only what
the shipped policies say is understood: Allow, actions, resources; their conditions narrow what no call of the twin
tells.
"""

from __future__ import annotations

import re
from collections import defaultdict
from fnmatch import fnmatchcase
from itertools import product
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.aws_layer import Operations

_ACCESS_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_PREFIXES = {"elbv2": "elasticloadbalancing"}
_ACTIONS = {
    # S3 names its permissions by what they protect; https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html
    "HeadBucket": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
BY_EVERYBODY = frozenset({"sts:GetCallerIdentity"})
_EVERYTHING = "*"
_RESOURCES = {
    "application-autoscaling:RegisterScalableTarget": "arn:aws:application-autoscaling:{where}:scalable-target/*",
    "cloudwatch:DescribeAlarmHistory": "arn:aws:cloudwatch:{where}:alarm:{AlarmName}",
    "cloudwatch:PutMetricAlarm": "arn:aws:cloudwatch:{where}:alarm:{AlarmName}",
    "ecr:BatchGetImage": "arn:aws:ecr:{where}:repository/{repositoryName}",
    "ecr:DescribeRepositories": "arn:aws:ecr:{where}:repository/{repositoryNames}",
    "ecr:PutImage": "arn:aws:ecr:{where}:repository/{repositoryName}",
    "ecs:DescribeServices": "arn:aws:ecs:{where}:service/{cluster}/{services}",
    "ecs:RegisterTaskDefinition": "arn:aws:ecs:{where}:task-definition/{family}:*",
    "ecs:TagResource": "arn:aws:ecs:{where}:task-definition/{family}:*",
    "ecs:UpdateService": "arn:aws:ecs:{where}:service/{cluster}/{service}",
    "elasticache:CreateReplicationGroup": "arn:aws:elasticache:{where}:replicationgroup:{ReplicationGroupId}",
    "elasticache:IncreaseReplicaCount": "arn:aws:elasticache:{where}:replicationgroup:{ReplicationGroupId}",
    "elasticache:ModifyReplicationGroup": "arn:aws:elasticache:{where}:replicationgroup:{ReplicationGroupId}",
    "elasticloadbalancing:ModifyRule": "{RuleArn}",
    "iam:PassRole": "{roles}",
    "rds:ModifyDBInstance": "arn:aws:rds:{where}:db:{DBInstanceIdentifier}",
    "rds:RestoreDBInstanceToPointInTime": "arn:aws:rds:{where}:db:{TargetDBInstanceIdentifier}",
    "s3:ListBucket": "arn:aws:s3:::{Bucket}",
    "secretsmanager:GetSecretValue": "arn:aws:secretsmanager:{where}:secret:{SecretId}-AbCdEf",
    "sts:AssumeRole": "{RoleArn}",
    "sns:ListSubscriptionsByTopic": "{TopicArn}",
}
"""What an action is done to, by the call's own parameters; an action that is not here is done to everything."""


class Permissions:
    """Hold what each access key may do, and what it did."""

    def __init__(self, account: Account, moto: Callable[[Call], Answer]) -> None:
        self._account = account
        self._moto = moto
        self._policies: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._taken_up: dict[str, str] = {}
        self.used: defaultdict[str, set[str]] = defaultdict(set)

    def give(self, access_key: str, policies: Iterable[Mapping[str, Any]]) -> None:
        """Let a caller do what these policies allow, and nothing else from now on."""
        self._policies[access_key] = [statement for policy in policies for statement in policy["Statement"]]

    def forget(self, access_key: str) -> None:
        """Let a caller do everything again."""
        self._policies.pop(access_key, None)

    def add_to(self, operations: Operations) -> None:
        """Take the operation over by which a caller becomes another."""
        operations.own["sts", "AssumeRole"] = self.take_up

    def take_up(self, call: Call) -> Answer:
        """Give temporary credentials of a role: who calls with them is that role."""
        answer = self._moto(call)
        key = _ACCESS_KEY.search(answer.body)
        if key:
            self._taken_up[key[1].decode()] = str(call.params["RoleArn"]).rpartition("/")[2]
        return answer

    def check(self, call: Call) -> None:
        """Refuse a call that its caller's policies do not allow; raises `AwsError`."""
        caller = self._taken_up.get(call.caller, call.caller)
        statements = self._policies.get(caller)
        if statements is None:
            return
        for action in _actions(call):
            self.used[caller].add(action)
            for resource in self._resources(call, action):
                if not any(_allows(statement, action, resource) for statement in statements):
                    raise self._refusal(call, caller, action, resource)

    def _resources(self, call: Call, action: str) -> list[str]:
        if call.service == "s3":
            params = call.params
            object_arn = f"arn:aws:s3:::{params['Bucket']}/{params.get('Key', '')}".rstrip("/")
            return [_RESOURCES[action].format(**params) if action in _RESOURCES else object_arn]
        template = _RESOURCES.get(action, _EVERYTHING)
        where = f"{self._account.region}:{self._account.id}"
        return [template.format(where=where, **given) for given in _each({**call.params, "roles": _roles(call)})]

    def _refusal(self, call: Call, caller: str, action: str, resource: str) -> AwsError:
        who = f"arn:aws:sts::{self._account.id}:assumed-role/{caller}/twin"
        refused = f"User: {who} is not authorized to perform: {action} on resource: {resource}"
        message = f"{refused} because no identity-based policy allows the {action} action"
        if call.protocol == "json":
            return AwsError("AccessDeniedException", message)
        return AwsError("AccessDenied", message, 403)


def action_of(service: str, operation: str) -> str:
    """Name the permission that an operation takes, such as ``s3:ListBucket``."""
    name = _ACTIONS.get(operation, operation) if service == "s3" else operation
    return f"{_PREFIXES.get(service, service)}:{name}"


def _actions(call: Call) -> tuple[str, ...]:
    """Name the permissions that a call takes: its own, and those of what it does beside."""
    action = action_of(call.service, call.operation)
    if action in BY_EVERYBODY:
        return ()
    if action == "ecs:RegisterTaskDefinition":
        beside = ("ecs:TagResource",) if call.params.get("tags") else ()
        return (action, *beside, *(("iam:PassRole",) if _roles(call) else ()))
    return (action,)


def _roles(call: Call) -> list[str]:
    """Return the roles that a task definition hands on."""
    if call.operation != "RegisterTaskDefinition":
        return []
    return [call.params[name] for name in ("taskRoleArn", "executionRoleArn") if call.params.get(name)]


def _each(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the parameters once for each item of those that are lists of names."""
    lists = {name: value for name, value in params.items() if value and isinstance(value, list) and _names(value)}
    return [{**params, **dict(zip(lists, chosen, strict=True))} for chosen in product(*lists.values())]


def _names(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)


def _allows(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    return _matches(statement["Action"], action) and _matches(statement["Resource"], resource)


def _matches(patterns: str | list[str], name: str) -> bool:
    found = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(name, pattern) for pattern in found)
