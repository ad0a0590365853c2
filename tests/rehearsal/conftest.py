"""One twin for all rehearsals of a module, and a stage hand that releases versions to it."""

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import deployments.twin
from deployments.follow import Follower
from deployments.twin.processes import Child
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish
from flows.core.record import ReleaseState
from flows.core.report import ReleaseReport, report_of
from tasks.clients.node import Project
from tasks.event_store import EventStore, read_events
from tasks.models import Event, Side, Weights
from tasks.scaling import read_scaling
from tasks.settings import Settings, load_settings
from tasks.weights import read_weights

PATIENCE_S = 150.0
PERSON = Person("U0TWINPERSON", decision="approve", delay_s=0.2)


QUICK = {
    # Linting the same site a dozen times shows nothing new, nor do longer bakes of the same fault.
    "GREENFLOW_BUILD__LINT": '["node", "--version"]',
    "GREENFLOW_BUILD__TYPECHECK": '["node", "--version"]',
    "GREENFLOW_JUDGE__MIN_PERIODS": "6",
    "GREENFLOW_JUDGE__LAST_PHASE_MIN_PERIODS": "4",
    # Nor does asking npm about the same packages again.
    "GREENFLOW_CHECKLIST__AUDIT__PROJECTS": "[]",
    "GREENFLOW_CHECKLIST__TOLERATE": '["monitoring", "drills", "recovery", "training", "window", "audit"]',
}
INSTALL = ("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund")
PARTS = Path(deployments.twin.__file__).parent
WHOLE = dict.fromkeys((*QUICK, "GREENFLOW_BUILD__INSTALL", "GREENFLOW_MIGRATION__INSTALL"), "")
"""An empty override is none: the release as it is shipped."""


@dataclass(frozen=True)
class Ended:
    """How a rehearsed release ended, and what its users met meanwhile."""

    code: int
    report: ReleaseReport
    state: ReleaseState
    events: list[Event]
    failed: int
    requests: int
    said: str


class Stage:
    """Release versions to the twin and look at what came of it."""

    def __init__(self, twin: Twin, numbers: Iterator[int], quick: Mapping[str, str]) -> None:
        self.twin = twin
        self._numbers = numbers
        self.quick = quick

    @property
    def settings(self) -> Settings:
        return load_settings("rehearsal")

    def publish(self, fault: str = "") -> str:
        """Make a new version with a fault of its own and return it."""
        version = f"2.{next(self._numbers)}.0"
        self.twin.publish(version, fault)
        return version

    def start(self, version: str, **environment: str) -> Child:
        argv = [sys.executable, "-m", "deployments.run_flow", "rehearsal", "--version", version]
        return self.twin.start([*argv, "--requested-by", "tests"], f"{version}.log", {**self.quick, **environment})

    def release(self, fault: str = "", **environment: str) -> Ended:
        """Release a new version with a fault and wait for its end."""
        return self.finish(self.start(self.publish(fault), **environment), self.users())

    def finish(self, child: Child, before: dict[str, Any]) -> Ended:
        code = self._code_of(child)
        time.sleep(0.6)  # the load client writes what it has seen twice a second
        after, follower = self.users(), Follower(self.settings)
        state = follower.look()
        return Ended(
            code=code,
            report=report_of(state),
            state=state,
            events=read_events(EventStore(self.settings), state.release_id),
            failed=after["failed"] - before["failed"],
            requests=after["requests"] - before["requests"],
            said=child.log.read_text(errors="replace"),
        )

    def _code_of(self, child: Child) -> int:
        try:
            return child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return pytest.fail(f"the release still runs after {PATIENCE_S:g} s:\n{child.log_tail()}")

    def users(self) -> dict[str, Any]:
        return self.twin.users()

    def weights(self) -> Weights:
        return read_weights(self.settings)

    def held_back(self) -> list[str]:
        """List the services whose autoscaling a release has not given back."""
        return [name for name, found in read_scaling(self.settings).items() if found.scale_in_suspended]

    def stable(self) -> Side:
        return Side.A if self.weights().a == 100 else Side.B

    def until(self, what: str, seen: Callable[[ReleaseState], bool], version: str) -> ReleaseState:
        """Wait until the ledger shows something of a version's release."""
        found: list[ReleaseState] = []

        def looked() -> bool:
            found[:] = [Follower(self.settings).look()]
            return found[0].version == version and seen(found[0])

        self.eventually(f"{what} of {version}", looked)
        return found[0]

    def eventually(self, what: str, seen: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            if time.monotonic() > deadline:
                pytest.fail(f"never saw {what}")
            time.sleep(0.2)

    def shifts(self, ended: Ended) -> list[list[int]]:
        """List the weights the load balancer was asked for since the release began, in order, as (a, b)."""
        opened = ended.state.opened_at
        assert opened is not None
        calls = httpx.get(f"{self.twin.emulator.url}/_twin/calls").json()["calls"]
        return [call for call in calls if call["operation"] == "ModifyRule" and call["at"] >= opened.timestamp()]


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(Wish(version="1.1.0", person=PERSON)) as twin:
        yield twin


@pytest.fixture(scope="module")
def installed(twin: Twin, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install once what the site and the backend need, for the releases that share it.

    The release as it is shipped (WHOLE) installs by itself, from the lock file into its own checkout.
    """
    commands = {}
    for project, section in (("website", "BUILD"), ("backend", "MIGRATION")):
        folder = tmp_path_factory.mktemp(project)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PARTS / project / name, folder)
        Project(folder, json.loads(twin.environment["GREENFLOW_BUILD__PATH"])).run(
            INSTALL, timeout_s=PATIENCE_S, on_line=lambda _: None
        )
        commands[f"GREENFLOW_{section}__INSTALL"] = json.dumps(["ln", "-s", str(folder / "node_modules"), "."])
    return commands


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Every release of a session has a version of its own."""
    return itertools.count(1)


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder through which PostgreSQL's user may pass; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="greenflow-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def stage(
    twin: Twin,
    installed: dict[str, str],
    numbers: Iterator[int],
    _no_foreign_settings: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    for name, value in twin.environment.items():
        monkeypatch.setenv(name, value)
    twin.emulator.faults.clear()
    twin.slack.person = PERSON
    yield Stage(twin, numbers, QUICK | installed)
    twin.heal()
