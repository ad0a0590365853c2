"""Fill the emulated account with what production has, by the same API calls."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_seed_data import create_data_stores, protect_backups
from deployments.twin.aws_seed_network import HEALTH_PATH, NAME, PORT, SIDES, create_balancing, create_network
from deployments.twin.aws_seeded import ImageSpec, Seeded, Tokens

if TYPE_CHECKING:
    from deployments.twin.aws import AwsEmulator

CLUSTER = "greenflow"
LEDGER = "greenflow-ledger"
BACKUPS = "greenflow-backups"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def seed(
    emulator: AwsEmulator,
    database_url: str,
    redis_url: str,
    tokens: Tokens | None = None,
    *,
    stable: ImageSpec,
    candidate: ImageSpec,
    wait_s: float = 30.0,
) -> Seeded:
    """Create production with `stable` running twice on side a, and `candidate` only in the registry.

    Waits up to `wait_s` for side a to be steady (0: does not); raises `TimeoutError` when it is not by then.
    """
    tokens = tokens or Tokens()
    network = create_network(emulator)
    balancing = create_balancing(emulator, network)
    repository = _repository(emulator)
    digests = {spec.version: push_image(emulator, spec) for spec in (stable, candidate)}
    secrets = _secrets(emulator, _values(database_url, redis_url, tokens))
    roles = _roles(emulator)
    definition = _task_definition(emulator, f"{repository}@{digests[stable.version]}", secrets, roles)
    services = _services(emulator, definition, network, balancing)
    _autoscaling(emulator, services)
    _buckets(emulator)
    create_data_stores(emulator)
    if wait_s:
        _wait_steady(emulator, services["a"], wait_s)
    return Seeded(
        account_id=emulator.account.id,
        region=emulator.account.region,
        **network,
        **balancing,
        **roles,
        cluster=CLUSTER,
        services=services,
        task_definition_arn=definition,
        repository=NAME,
        repository_uri=repository,
        digests=digests,
        ledger_bucket=LEDGER,
        backup_bucket=BACKUPS,
        secret_arns=secrets,
        **_topic(emulator),
    )


def _topic(emulator: AwsEmulator) -> dict[str, Any]:
    """Create the topic that alarms post to, and the queue of those on call, who have subscribed to it."""
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name="greenflow-alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="greenflow-on-call")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return {"topic_arn": topic, "on_call_queue_url": queue}


def push_image(emulator: AwsEmulator, spec: ImageSpec) -> str:
    """Put an image under its version's tag and give its digest; the same image again is an error of ECR's."""
    answer = emulator.client("ecr").put_image(
        repositoryName=NAME,
        imageManifest=_manifest(spec),
        imageTag=spec.version,
        imageManifestMediaType=_MANIFEST,
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def _manifest(spec: ImageSpec) -> str:
    layer = {"mediaType": _LAYER, "digest": f"sha256:{spec.revision:0>64.64}", "size": 50_000_000}
    annotations = {
        "org.opencontainers.image.version": spec.version,
        "org.opencontainers.image.revision": spec.revision,
        "dev.greenflow.twin.fault": spec.fault,
    }
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": f"sha256:{spec.revision:0<64.64}", "size": 4_096},
            "layers": [layer],
            "annotations": annotations,
        },
        indent=2,
    )


def _repository(emulator: AwsEmulator) -> str:
    repository = emulator.client("ecr").create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    return str(repository["repository"]["repositoryUri"])


def _values(database_url: str, redis_url: str, tokens: Tokens) -> dict[str, str]:
    return {
        "greenflow/database-url": database_url,
        "greenflow/redis-url": redis_url,
        "greenflow/vercel-token": tokens.vercel,
        "greenflow/slack-token": tokens.slack,
        "greenflow/slack-signing-secret": tokens.slack_signing_secret,
        "greenflow/sentry-token": tokens.sentry,
        "greenflow/analytics-secret": tokens.analytics_secret,
    }


def _secrets(emulator: AwsEmulator, values: dict[str, str]) -> dict[str, str]:
    manager = emulator.client("secretsmanager")
    made = {name: manager.create_secret(Name=name, SecretString=value) for name, value in values.items()}
    return {name: answer["ARN"] for name, answer in made.items()}


def _roles(emulator: AwsEmulator) -> dict[str, Any]:
    iam = emulator.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return {
        f"{name}_role_arn": iam.create_role(RoleName=f"greenflow-{name}", AssumeRolePolicyDocument=policy)["Role"][
            "Arn"
        ]
        for name in ("execution", "task", "release")
    }


def _task_definition(emulator: AwsEmulator, image: str, secret_arns: dict[str, str], roles: dict[str, Any]) -> str:
    environment = {"NODE_ENV": "production", "PORT": str(PORT), "API_PREFIX": "/api/v2"}
    held = {"DATABASE_URL": "greenflow/database-url", "REDIS_URL": "greenflow/redis-url"}
    region = emulator.account.region
    logs = {"awslogs-group": f"/ecs/{NAME}", "awslogs-region": region, "awslogs-stream-prefix": "api"}
    probe = f"wget -qO- http://127.0.0.1:{PORT}{HEALTH_PATH} || exit 1"
    container = {
        "name": NAME,
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": PORT, "protocol": "tcp"}],
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "secrets": [{"name": name, "valueFrom": secret_arns[secret]} for name, secret in held.items()],
        "healthCheck": {"command": ["CMD-SHELL", probe], "interval": 10, "timeout": 5, "retries": 3},
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
    }
    definition = emulator.client("ecs").register_task_definition(
        family=NAME,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="512",
        memory="1024",
        executionRoleArn=roles["execution_role_arn"],
        taskRoleArn=roles["task_role_arn"],
        containerDefinitions=[container],
    )
    return str(definition["taskDefinition"]["taskDefinitionArn"])


def _services(
    emulator: AwsEmulator, definition: str, network: dict[str, Any], balancing: dict[str, Any]
) -> dict[str, str]:
    ecs = emulator.client("ecs")
    ecs.create_cluster(clusterName=CLUSTER)
    desired = {"a": 2, "b": 0}
    for side in SIDES:
        group = balancing["target_group_arns"][side]
        ecs.create_service(
            cluster=CLUSTER,
            serviceName=f"{NAME}-{side}",
            taskDefinition=definition,
            desiredCount=desired[side],
            launchType="FARGATE",
            healthCheckGracePeriodSeconds=60,
            loadBalancers=[{"targetGroupArn": group, "containerName": NAME, "containerPort": PORT}],
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": network["subnet_ids"],
                    "securityGroups": [network["security_group_id"]],
                    "assignPublicIp": "DISABLED",
                }
            },
            deploymentConfiguration={
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            },
        )
    return {side: f"{NAME}-{side}" for side in SIDES}


def _autoscaling(emulator: AwsEmulator, services: dict[str, str]) -> None:
    scaling = emulator.client("application-autoscaling")
    for service in services.values():
        scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=f"service/{CLUSTER}/{service}",
            ScalableDimension="ecs:service:DesiredCount",
            MinCapacity=0,
            MaxCapacity=6,
        )


def _buckets(emulator: AwsEmulator) -> None:
    s3 = emulator.client("s3")
    elsewhere = emulator.account.region != "us-east-1"
    place = {"CreateBucketConfiguration": {"LocationConstraint": emulator.account.region}} if elsewhere else {}
    for bucket in (LEDGER, BACKUPS):
        s3.create_bucket(Bucket=bucket, **place)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    protect_backups(emulator, BACKUPS)


def _wait_steady(emulator: AwsEmulator, service: str, wait_s: float) -> None:
    ecs = emulator.client("ecs")
    deadline = time.monotonic() + wait_s
    pause = threading.Event()
    while True:
        seen = ecs.describe_services(cluster=CLUSTER, services=[service])["services"][0]
        if seen["deployments"][0]["rolloutState"] == "COMPLETED":
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} is not steady after {wait_s} s: {seen['events'][:3]}")
        pause.wait(0.05)
