"""Give the twin a staging: the candidate has run there since yesterday, and a pipeline has left its results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from deployments.twin.aws import AwsEmulator
    from deployments.twin.aws_seeded import Seeded

CLUSTER = SERVICE = "greenflow-staging"
RESULTS = "greenflow-results"
ALARMS = ("greenflow-staging-errors", "greenflow-staging-latency")
RAN_H = 30.0
_BALANCER = [{"Name": "LoadBalancer", "Value": "app/greenflow-staging/0"}]
_METRIC = {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count", "Dimensions": _BALANCER}
_FAILURES: Any = {"Id": "failures", "MetricStat": {"Metric": _METRIC, "Period": 60, "Stat": "Sum"}, "ReturnData": True}
TESTS = ("sees the front page", "registers", "logs in", "bids", "reads the bid back")


@dataclass(frozen=True)
class Staged:
    """Say what staging has been through: the version, its commit and image, since when, which tests failed."""

    version: str
    commit: str
    digest: str
    ran_h: float = RAN_H
    failing: tuple[str, ...] = ()
    p97_5_ms: float = 41


class Staging:
    """Keep a staging service, its alarms and its results in the account of production."""

    def __init__(self, emulator: AwsEmulator, seeded: Seeded) -> None:
        self._emulator = emulator
        self._seeded = seeded
        self._create()

    def show(self, staged: Staged) -> None:
        """Have staging run a version, and the pipeline have tried it there."""
        began = datetime.now(UTC) - timedelta(hours=staged.ran_h)
        self._emulator.past.ran(SERVICE, self.definition(staged.digest), began)
        self.put(f"e2e/{staged.commit}.xml", junit(staged.commit, staged.failing))
        self.put(f"performance/{staged.commit}.json", autocannon(staged.commit, staged.p97_5_ms))

    def put(self, key: str, body: bytes, age_h: float = 0) -> None:
        """Leave a file where the pipeline leaves its results, now or some hours ago."""
        self._emulator.client("s3").put_object(Bucket=RESULTS, Key=key, Body=body)
        if age_h:
            self._emulator.past.wrote(RESULTS, key, datetime.now(UTC) - timedelta(hours=age_h))

    def _create(self) -> None:
        emulator = self._emulator
        emulator.client("s3").create_bucket(Bucket=RESULTS)
        emulator.client("ecs").create_cluster(clusterName=CLUSTER)
        emulator.client("ecs").create_service(
            cluster=CLUSTER,
            serviceName=SERVICE,
            taskDefinition=self._seeded.task_definition_arn,
            desiredCount=0,
            launchType="FARGATE",
        )
        for name in ALARMS:
            emulator.client("cloudwatch").put_metric_alarm(
                AlarmName=name,
                Metrics=[_FAILURES],
                EvaluationPeriods=3,
                Threshold=10,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
                AlarmActions=[self._seeded.topic_arn],
            )

    def definition(self, digest: str) -> str:
        """Register production's task definition with another image, as staging has it."""
        ecs = self._emulator.client("ecs")
        source = ecs.describe_task_definition(taskDefinition=self._seeded.task_definition_arn)["taskDefinition"]
        kept = ("networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn", "taskRoleArn")
        container = {**source["containerDefinitions"][0], "image": f"{self._seeded.repository_uri}@{digest}"}
        made = ecs.register_task_definition(
            family=SERVICE, **{name: source[name] for name in kept}, containerDefinitions=[container]
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])


def junit(commit: str, failing: tuple[str, ...] = (), tests: tuple[str, ...] = TESTS) -> bytes:
    """Write what Playwright's JUnit reporter writes, its commit among the properties."""
    suite = ET.Element("testsuite", name="e2e", tests=str(len(tests)), failures=str(len(failing)), errors="0")
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="commit", value=commit)
    for test in tests:
        case = ET.SubElement(suite, "testcase", name=test, classname="e2e", time="1.2")
        if test in failing:
            ET.SubElement(case, "failure", message="expected 201, received 500")
    whole = ET.Element("testsuites")
    whole.append(suite)
    return ET.tostring(whole)


def autocannon(commit: str, p97_5_ms: float = 41, requests: int = 30_000) -> bytes:
    """Write what `autocannon --json --title COMMIT` writes, as far as anybody reads it."""
    latency = {
        "average": p97_5_ms / 3,
        "p50": p97_5_ms / 3,
        "p97_5": p97_5_ms,
        "p99": 2 * p97_5_ms,
        "max": 9 * p97_5_ms,
    }
    told = {"requests": {"total": requests}, "errors": 0, "timeouts": 0, "non2xx": 0, "duration": 30}
    return json.dumps({"title": commit, "url": "https://api.staging", "latency": latency, **told}).encode()
