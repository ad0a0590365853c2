"""Lay the emulated account's network and load balancer, as production has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployments.twin.aws import AwsEmulator

NAME = "greenflow-api"
SIDES = ("a", "b")
PORT = 3000
SIDE_HEADER = "x-greenflow-side"
HEALTH_PATH = "/api/v2/health"


def create_network(emulator: AwsEmulator) -> dict[str, Any]:
    """Create the VPC, two subnets and the tasks' security group."""
    ec2 = emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [f"{emulator.account.region}{letter}" for letter in "ab"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    group = ec2.create_security_group(GroupName=NAME, Description="the API's tasks", VpcId=vpc)["GroupId"]
    return {"vpc_id": vpc, "subnet_ids": subnets, "security_group_id": group}


def create_balancing(emulator: AwsEmulator, network: dict[str, Any]) -> dict[str, Any]:
    """Create the load balancer, its listener, both sides' target groups and the three rules."""
    elbv2 = emulator.client("elbv2")
    balancer = elbv2.create_load_balancer(
        Name="greenflow", Subnets=network["subnet_ids"], SecurityGroups=[network["security_group_id"]]
    )["LoadBalancers"][0]
    groups = {side: _target_group(elbv2, side, network["vpc_id"]) for side in SIDES}
    nowhere = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "no rule"}
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": nowhere}],
    )["Listeners"][0]["ListenerArn"]
    for number, side in enumerate(SIDES, 1):
        condition = {"HttpHeaderName": SIDE_HEADER, "Values": [side]}
        elbv2.create_rule(
            ListenerArn=listener,
            Priority=number,
            Conditions=[{"Field": "http-header", "HttpHeaderConfig": condition}],
            Actions=[{"Type": "forward", "TargetGroupArn": groups[side]}],
        )
    return {
        "load_balancer_arn": balancer["LoadBalancerArn"],
        "load_balancer_dns": balancer["DNSName"],
        "listener_arn": listener,
        "listener_rule_arn": _weighted_rule(elbv2, listener, groups),
        "target_group_arns": groups,
    }


def _target_group(elbv2: Any, side: str, vpc_id: str) -> str:
    group = elbv2.create_target_group(
        Name=f"{NAME}-{side}",
        Protocol="HTTP",
        Port=PORT,
        VpcId=vpc_id,
        TargetType="ip",
        HealthCheckPath=HEALTH_PATH,
        HealthCheckIntervalSeconds=15,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
        Matcher={"HttpCode": "200"},
    )
    return str(group["TargetGroups"][0]["TargetGroupArn"])


def _weighted_rule(elbv2: Any, listener: str, groups: dict[str, str]) -> str:
    weights = {"a": 100, "b": 0}
    forward = {
        "TargetGroups": [{"TargetGroupArn": groups[side], "Weight": weights[side]} for side in SIDES],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    rule = elbv2.create_rule(
        ListenerArn=listener,
        Priority=100,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
        Actions=[{"Type": "forward", "Order": 1, "ForwardConfig": forward}],
    )
    return str(rule["Rules"][0]["RuleArn"])
