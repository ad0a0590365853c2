"""Say how each of the product's own processes is started, and how it is seen to be ready."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import yaml

from deployments.serving.supervisor import Part
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Child, Processes, free_port

ROOT = Path(__file__).parents[2]
POOL = "greenflow"
ASK_TIMEOUT_S = 2.0
GUARD_GRACE_S = 60.0
"""A guard that is asked to end may be bringing traffic home."""
DEPLOY_WITHIN_S = 180.0
CLOCK_SLACK = timedelta(seconds=1)


@dataclass(frozen=True)
class House:
    """Hold what the parts run in: their processes and folder, what they are told, and Prefect's server."""

    environment: str
    processes: Processes
    folder: Path
    told: Mapping[str, str]
    server: PrefectServer

    @property
    def auth(self) -> tuple[str, str] | None:
        """Return the server's user and password, if it has them."""
        user, _, password = self.told.get("PREFECT_API_AUTH_STRING", "").partition(":")
        return (user, password) if user else None

    def start(self, name: str, *arguments: str) -> Child:
        """Start a module of ours, or Prefect, with this very Python."""
        argv = [sys.executable, "-m", *arguments]
        return self.processes.start(argv, env=self.told, log=self.folder / f"{name}.log", name=f"the {name}")


def server_part(server: PrefectServer) -> Part:
    """Make the part that is Prefect's server."""
    missing = "no run starts and the UI is away; a release under way goes on"
    return Part("the Prefect server", server.launch, missing, server.answers)


class Worker:
    """Start a worker, and ask the server whether it has heard from this very one."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._name = f"serve-{house.environment}"
        self._begun = datetime.now(UTC)

    @property
    def part(self) -> Part:
        """Return the worker as a part."""
        return Part("the worker", self._begin, "no run starts; a release under way goes on", self._is_heard)

    def _begin(self) -> Child:
        self._begun = datetime.now(UTC)
        return self._house.start("worker", "prefect", "worker", "start", "--pool", POOL, "--name", self._name)

    def _is_heard(self) -> bool:
        url = f"{self._house.server.ui_url}/api/work_pools/{POOL}/workers/filter"
        try:
            workers = httpx.post(url, json={}, auth=self._house.auth, timeout=ASK_TIMEOUT_S).raise_for_status().json()
        except httpx.HTTPError:
            return False
        seen = (datetime.fromisoformat(each["last_heartbeat_time"]) for each in workers if each["name"] == self._name)
        return any(at > self._begun - CLOCK_SLACK for at in seen)


def approvals_part(house: House, port: int) -> Part:
    """Make the part that hears what people press in Slack; it listens on the same port for ever."""
    where = ("--environment", house.environment, "--port", str(port))
    return Part(
        "the approvals service",
        lambda: house.start("approvals", "deployments.approvals", *where),
        "nobody's click is heard; greenflow approve works",
        lambda: _is_well(f"http://127.0.0.1:{port}/healthz"),
    )


def guard_part(house: House) -> Part:
    """Make the part that brings traffic home when its release has died."""
    port = free_port()
    where = ("--environment", house.environment, "--port", str(port))
    return Part(
        "the guard",
        lambda: house.start("guard", "deployments.cli", "guard", *where),
        "nobody brings the traffic of a dead release home",
        lambda: _is_well(f"http://127.0.0.1:{port}/"),
        GUARD_GRACE_S,
    )


def deploy(house: House) -> None:
    """Make the work pool and put prefect.yaml into the server; raises RuntimeError with Prefect's words."""
    file = house.folder / "prefect.yaml"
    file.write_text(deployments_for(house.environment))
    for doing, arguments in {
        "make the work pool": ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        "apply the deployments": ("deploy", "--all", "--prefect-file", str(file)),
    }.items():
        child = house.start("deploying", "prefect", "--no-prompt", *arguments)
        if child.wait(DEPLOY_WITHIN_S) != 0:
            msg = f"could not {doing}:\n{child.log_tail()}"
            raise RuntimeError(msg)
        house.processes.forget(child)


def deployments_for(environment: str) -> str:
    """Return prefect.yaml with this environment as what its forms begin with."""
    wanted = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    for deployment in wanted["deployments"]:
        if "environment" in deployment.get("parameters", {}):
            deployment["parameters"]["environment"] = environment
    text: str = yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False)
    return text


def told_to_all(environment: Mapping[str, str]) -> dict[str, str]:
    """Add what every part needs: this very Python first, for a flow's process is started as ``python``."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {**environment, "PYTHONPATH": str(ROOT), "PATH": path, "PREFECT_WORKER_QUERY_SECONDS": "2"}


def _is_well(url: str) -> bool:
    try:
        return httpx.get(url, timeout=ASK_TIMEOUT_S).is_success
    except httpx.HTTPError:
        return False
