"""A small production on the emulated AWS, its tasks tiny HTTP servers, for the tests of the emulator."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from deployments.twin.aws import AwsEmulator, TaskLaunch, Tempo
from deployments.twin.aws_seed import push_image, seed
from deployments.twin.aws_seeded import ImageSpec, Seeded
from deployments.twin.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TASK = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

address, port, version, fault = sys.argv[1:]
if fault == "crash":
    sys.exit(3)

class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"version": version, "database": os.environ.get("DATABASE_URL")}).encode()
        self.send_response(503 if fault == "sick" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer((address, int(port)), Api).serve_forever()
"""

DATABASE_URL = "postgresql://greenflow:canary-secret-7@127.0.0.1/greenflow"
QUICK = Tempo(
    start_delay_s=0.05,
    health_interval_s=0.1,
    health_grace_s=1.5,
    settle_s=0.3,
    drain_s=0.3,
    stop_grace_s=1.0,
    backoff_s=0.1,
    backoff_max_s=1.0,
    reconcile_s=0.05,
    long_poll_s=2.0,
)


@dataclass
class World:
    """The emulator, what was seeded, and short words for what tests do with them."""

    aws: AwsEmulator
    seeded: Seeded

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def service(self, side: str) -> Any:
        answer = self.client("ecs").describe_services(
            cluster=self.seeded.cluster, services=[self.seeded.services[side]]
        )
        return answer["services"][0]

    def tasks(self, side: str, status: str = "RUNNING") -> list[Any]:
        ecs, cluster = self.client("ecs"), self.seeded.cluster
        wanted = {"cluster": cluster, "serviceName": self.seeded.services[side], "desiredStatus": status}
        arns = ecs.list_tasks(**wanted)["taskArns"]
        return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []

    def health(self, side: str) -> list[str]:
        group = self.seeded.target_group_arns[side]
        answer = self.client("elbv2").describe_target_health(TargetGroupArn=group)
        return [each["TargetHealth"]["State"] for each in answer["TargetHealthDescriptions"]]

    def definition(self, image: str, **changes: Any) -> str:
        """Register the running task definition with another image."""
        ecs = self.client("ecs")
        now = ecs.describe_task_definition(taskDefinition=self.seeded.task_definition_arn)["taskDefinition"]
        kept = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "executionRoleArn")
        wanted = {name: now[name] for name in kept}
        wanted["containerDefinitions"] = [{**now["containerDefinitions"][0], "image": image}]
        registered = ecs.register_task_definition(**wanted | changes)
        return str(registered["taskDefinition"]["taskDefinitionArn"])

    def definition_with_fault(self, fault: str) -> str:
        """Push an image with a fault and register it."""
        digest = push_image(self.aws, ImageSpec(f"9.0.0-{fault}", fault.encode().hex(), fault))
        return self.definition(f"{self.seeded.repository_uri}@{digest}")

    def update(self, side: str, **changes: Any) -> Any:
        service = self.seeded.services[side]
        answer = self.client("ecs").update_service(cluster=self.seeded.cluster, service=service, **changes)
        return answer["service"]

    def steady(self, side: str) -> Any:
        """Wait until one deployment is left and all it wants runs; give the service."""

        def settled() -> Any:
            seen = self.service(side)
            done = len(seen["deployments"]) == 1 and seen["deployments"][0]["rolloutState"] != "IN_PROGRESS"
            return seen if done and seen["runningCount"] == seen["desiredCount"] else None

        return eventually(settled)

    def control(self, door: str, document: Any = None, method: str | None = None) -> Any:
        """Ask the twin's own doors."""
        method = method or ("GET" if document is None else "POST")
        url = f"{self.aws.url}/_twin/{door}"
        return httpx.request(method, url, json=document, timeout=10, trust_env=False).raise_for_status().json()


def eventually(ask: Callable[[], Any], within_s: float = 15.0) -> Any:
    """Ask until the answer is truthy."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        pause.wait(0.03)
    return answer


@contextlib.contextmanager
def production(folder: Path, tempo: Tempo = QUICK, account_id: str = "210987654321") -> Iterator[World]:
    """Seed an account whose tasks are tiny servers."""
    script = folder / "task.py"
    script.write_text(TASK)

    def command(launch: TaskLaunch) -> list[str]:
        said = launch.image_annotations
        version, fault = said["org.opencontainers.image.version"], said["dev.greenflow.twin.fault"]
        return [sys.executable, "-I", "-S", str(script), launch.address, str(launch.port), version, fault]

    with Processes() as processes, AwsEmulator(processes, folder, command, account_id, tempo=tempo) as aws:
        stable, candidate = ImageSpec("1.0.0", "a" * 40), ImageSpec("1.1.0", "b" * 40)
        yield World(aws, seed(aws, DATABASE_URL, "redis://x", stable=stable, candidate=candidate))
