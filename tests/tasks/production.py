"""Be a small production for the stages to act on: the emulated AWS, seeded, with tasks that really answer."""

import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployments.twin.aws import AwsEmulator, TaskLaunch, Tempo
from deployments.twin.aws_seed import push_image
from deployments.twin.aws_seeded import ImageSpec, Seeded
from tasks.live import observe_live
from tasks.models import ImageProof, ReleasePlan, RestorePoint, Side
from tasks.settings import Settings
from tasks.waits import wait_until
from tasks.weights import read_actions

STABLE_COMMIT = "a" * 40
CANDIDATE_COMMIT = "b" * 40
TEMPO = Tempo(start_delay_s=0.05, health_interval_s=0.05, settle_s=0.3, drain_s=0.1, health_grace_s=2)

# A task that is healthy, or ends at once where its image says so.
TASK = """
import http.server, sys
if sys.argv[3] == "crash-on-start":
    sys.exit(3)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Health).serve_forever()
"""


@dataclass(frozen=True)
class Production:
    """Hold the seeded account, and the settings and the plan of one release to it."""

    aws: AwsEmulator
    seeded: Seeded
    settings: Settings
    plan: ReleasePlan

    def weights(self) -> dict[str, int]:
        """Return the live weights by side, as AWS tells them."""
        groups = {arn: side for side, arn in self.seeded.target_group_arns.items()}
        forward = self.actions()[-1]["ForwardConfig"]["TargetGroups"]
        return {groups[each["TargetGroupArn"]]: each["Weight"] for each in forward}

    def actions(self) -> list[dict[str, Any]]:
        """Return the weighted rule's actions, as AWS tells them."""
        rules = self.aws.client("elbv2").describe_rules(RuleArns=[self.seeded.listener_rule_arn])["Rules"]
        actions: list[dict[str, Any]] = rules[0]["Actions"]
        return actions

    def set_weights(self, a: int, b: int) -> None:
        """Move traffic behind the release's back."""
        groups = [
            {"TargetGroupArn": self.seeded.target_group_arns[side], "Weight": weight}
            for side, weight in (("a", a), ("b", b))
        ]
        forward = {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": False}}
        self.set_actions([{"Type": "forward", "Order": 1, "ForwardConfig": forward}])

    def set_actions(self, actions: list[dict[str, Any]]) -> None:
        """Replace the weighted rule's actions behind the release's back."""
        self.aws.client("elbv2").modify_rule(RuleArn=self.seeded.listener_rule_arn, Actions=actions)

    def service(self, side: str) -> dict[str, Any]:
        """Return a side's service, as AWS tells it."""
        names = [self.seeded.services[side]]
        found = self.aws.client("ecs").describe_services(cluster=self.seeded.cluster, services=names)
        service: dict[str, Any] = found["services"][0]
        return service

    def run(self, side: str, task_definition_arn: str, count: int) -> None:
        """Run tasks on a side behind the release's back, and wait until all are healthy."""
        name, group = self.seeded.services[side], self.seeded.target_group_arns[side]
        self.aws.client("ecs").update_service(
            cluster=self.seeded.cluster, service=name, taskDefinition=task_definition_arn, desiredCount=count
        )

        def steady() -> bool | None:
            found = self.aws.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            states = [each["TargetHealth"]["State"] for each in found]
            done = self.service(side)["deployments"][0]["rolloutState"] == "COMPLETED"
            return True if done and states.count("healthy") == len(states) == count else None

        wait_until(steady, what=f"{count} tasks on side {side}", deadline_s=20, poll_s=0.05)

    def register_image(self, image: str) -> str:
        """Register the seeded task definition with another image, and return its ARN."""
        ecs = self.aws.client("ecs")
        source = ecs.describe_task_definition(taskDefinition=self.seeded.task_definition_arn)["taskDefinition"]
        kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn", "taskRoleArn")
        container = {**source["containerDefinitions"][0], "image": image}
        made = ecs.register_task_definition(**{name: source[name] for name in kept}, containerDefinitions=[container])
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def calls(self, operation: str) -> int:
        """Count the calls of an operation since the account was seeded."""
        return len([call for call in self.aws.calls.since() if call.operation == operation])

    def push(self, fault: str = "") -> ImageProof:
        """Push another image of the candidate's, and return it as proved."""
        version = f"1.1.{secrets.randbelow(900_000) + 1}"
        digest = push_image(self.aws, ImageSpec(version, CANDIDATE_COMMIT, fault))
        uri = f"{self.seeded.repository_uri}@{digest}"
        return ImageProof(digest=digest, uri=uri, revision=CANDIDATE_COMMIT, version=version)

    def restore_point(self) -> RestorePoint:
        """Record what AWS runs now, without what other systems add to it."""
        return RestorePoint(
            stable=Side.A,
            live=observe_live(self.settings),
            vercel_deployment_id="dpl_before",
            schema_version="001",
            stable_version="1.0.0",
            commit=STABLE_COMMIT,
            rule_actions=read_actions(self.settings),
            recorded_at=datetime.now(UTC),
        )

    def reset(self) -> None:
        """Bring everything back to where it was seeded, and wait until it is so."""
        self.aws.faults.clear()
        self.set_weights(100, 0)
        self.run("a", self.seeded.task_definition_arn, 2)
        self.run("b", self.seeded.task_definition_arn, 0)


def start_task(launch: TaskLaunch) -> list[str]:
    fault = launch.image_annotations.get("dev.greenflow.twin.fault", "")
    return [sys.executable, "-S", "-c", TASK, launch.address, str(launch.port), fault]


def new_plan() -> ReleasePlan:
    return ReleasePlan(
        release_id=f"1.1.0-{secrets.token_hex(4)}",
        version="1.1.0",
        environment="rehearsal",
        requested_by="somebody",
        commit=CANDIDATE_COMMIT,
        stable=Side.A,
        candidate=Side.B,
        phases=(10, 50, 100),
    )


def overrides_for(aws: AwsEmulator, seeded: Seeded, bucket: str) -> dict[str, str]:
    return {
        "AWS__ENDPOINT_URL": aws.url,
        "LEDGER__BUCKET": bucket,
        "LEDGER__READ_BACK_S": "2",
        "LEDGER__POLL_S": "0.02",
        "SERVICE__DEADLINE_S": "20",
        "SERVICE__POLL_S": "0.05",
        "SIDES__A__TARGET_GROUP_ARN": seeded.target_group_arns["a"],
        "SIDES__B__TARGET_GROUP_ARN": seeded.target_group_arns["b"],
        "LOAD_BALANCER__LISTENER_RULE_ARN": seeded.listener_rule_arn,
        "LOAD_BALANCER__LOAD_BALANCER_ARN": seeded.load_balancer_arn,
        "MONITORING__TOPIC_ARN": seeded.topic_arn,
        "LOAD_BALANCER__READ_BACK_S": "1",
        "LOAD_BALANCER__POLL_S": "0.02",
    }
