"""The emulated AWS refuses what its caller's policies do not allow, in the service's own words."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deployments.twin.aws import AwsEmulator


def policy(action: str, resource: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


def client(aws: AwsEmulator, service: str, caller: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=aws.url,
        region_name=aws.account.region,
        aws_access_key_id=caller,
        aws_secret_access_key="any",
    )


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_caller_with_policies_may_do_what_they_allow_and_nothing_else(ledger_aws: AwsEmulator) -> None:
    aws = ledger_aws
    aws.client("s3").create_bucket(Bucket="allowed")
    aws.permissions.give("narrow", [policy("s3:PutObject", "arn:aws:s3:::allowed/locks/*")])
    s3 = client(aws, "s3", "narrow")
    s3.put_object(Bucket="allowed", Key="locks/one.json", Body=b"{}")
    code, said = refused(s3.put_object, Bucket="allowed", Key="releases/one.json", Body=b"{}")
    assert code == "AccessDenied"
    assert "not authorized to perform: s3:PutObject on resource: arn:aws:s3:::allowed/releases/one.json" in said
    assert refused(s3.list_objects_v2, Bucket="allowed")[0] == "AccessDenied"
    assert refused(client(aws, "ecs", "narrow").list_task_definitions)[0] == "AccessDeniedException"
    assert refused(client(aws, "elbv2", "narrow").describe_rules)[0] == "AccessDenied"
    assert client(aws, "sts", "narrow").get_caller_identity()["Account"] == aws.account.id
    assert aws.permissions.used["narrow"] >= {"s3:PutObject", "s3:ListBucket", "ecs:ListTaskDefinitions"}


def test_each_of_several_resources_is_asked_for(ledger_aws: AwsEmulator) -> None:
    where = f"{ledger_aws.account.region}:{ledger_aws.account.id}"
    ledger_aws.permissions.give("one", [policy("ecs:DescribeServices", f"arn:aws:ecs:{where}:service/live/api-a")])
    _, said = refused(client(ledger_aws, "ecs", "one").describe_services, cluster="live", services=["api-a", "api-b"])
    assert f"arn:aws:ecs:{where}:service/live/api-b" in said


def test_a_role_is_passed_on_only_by_who_may(ledger_aws: AwsEmulator) -> None:
    ledger_aws.permissions.give("registrar", [policy("ecs:RegisterTaskDefinition", "*")])
    role = f"arn:aws:iam::{ledger_aws.account.id}:role/admin"
    container = {"name": "api", "image": "api", "memory": 128}
    given = {"family": "api", "containerDefinitions": [container], "taskRoleArn": role}
    _, said = refused(client(ledger_aws, "ecs", "registrar").register_task_definition, **given)
    assert f"iam:PassRole on resource: {role}" in said
