"""The guard as its supervisor runs it: real processes, without a Prefect to import."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deployments.twin.aws import FaultRule
from deployments.twin.processes import Processes
from deployments.unlocking import break_lock
from flows.core.record import Ending
from tasks.errors import EnvironmentBusy, GateRefused
from tasks.ledger import open_ledger
from tasks.models import Weights
from tasks.waits import wait_until
from tests.deployments.guard.scene import HOME, Scene

ROOT = Path(__file__).parents[3]
QUICK = {"GUARD__EVERY_S": "0.3", "LEDGER__LEASE_S": "3", "LEDGER__HEARTBEAT_S": "0.5"}


@pytest.fixture
def no_prefect(tmp_path: Path) -> str:
    """Make a folder in which Prefect is broken: whoever imports it dies."""
    package = tmp_path / "path" / "prefect"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('the guard imported Prefect')")
    return str(package.parent)


def environment(no_prefect: str) -> dict[str, str]:
    wanted = {name: value for name, value in os.environ.items() if name.startswith(("GREENFLOW_", "AWS_", "SLACK_"))}
    return {**wanted, "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join((no_prefect, str(ROOT)))}


def guard(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "deployments.cli", "guard", "--environment", "rehearsal", *arguments]


def eventually(what: str, seen: Callable[[], bool]) -> None:
    wait_until(lambda: seen() or None, what=what, deadline_s=90, poll_s=0.1)


def test_two_guards_bring_a_dead_release_home_once_and_end_it(
    new_scene: Callable[..., Scene], no_prefect: str, tmp_path: Path
) -> None:
    scene = new_scene(**QUICK, GUARD__WATCH_S="1")
    scene.die(weight=50)
    before = scene.production.calls("ModifyRule")
    with Processes() as processes:
        started = [
            processes.start(guard(), env=environment(no_prefect), cwd=ROOT, log=tmp_path / f"guard-{number}.log")
            for number in (1, 2)
        ]
        eventually("the end of the release", lambda: scene.state().ended)
        eventually("a free environment", lambda: scene.lock().state == "free")
        codes = [child.stop(grace_s=20) for child in started]
    assert scene.weights() == HOME
    assert scene.production.calls("ModifyRule") == before + 1
    assert scene.kinds().count("guard.came") == 1
    assert scene.state().ending is Ending.ROLLED_BACK
    assert len([text for text in scene.texts() if "The guard brought the traffic home" in text]) == 1
    assert codes == [0, 0], [child.log_tail() for child in started]


def test_a_single_look_brings_home_and_says_by_its_code_when_it_could_not_see(scene: Scene, no_prefect: str) -> None:
    scene.die(weight=50)
    scene.production.aws.faults.add(FaultRule("500_before", "s3", "GetObject", count=None))
    argv, env = guard("--once"), environment(no_prefect)
    blind = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert blind.returncode == 1, blind.stderr
    assert "could not guard rehearsal: could not read locks/rehearsal.json" in blind.stderr
    scene.production.aws.faults.clear()
    looked = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert looked.returncode == 0, looked.stderr
    assert scene.weights() == HOME
    assert scene.lock().yields


def test_a_supervisor_prometheus_and_a_collector_of_logs_can_ask_how_the_guard_is(
    new_scene: Callable[..., Scene], no_prefect: str, tmp_path: Path
) -> None:
    scene = new_scene(**QUICK)
    scene.die(weight=50)
    port, log = tmp_path / "port", tmp_path / "guard.log"
    with Processes() as processes:
        argv = guard("--port-file", str(port), "--log-format", "json")
        child = processes.start(argv, env=environment(no_prefect), cwd=ROOT, log=log)
        child.await_ready(port.exists, 90)
        url = f"http://127.0.0.1:{port.read_text()}"
        eventually("traffic at home", lambda: scene.weights() == HOME)
        eventually("the look being counted", lambda: measured(url, "looks_total", result="well") > 0)
        answer = httpx.get(f"{url}/")
        found = {name: measured(url, name) for name in ("takeovers_total", "blocked", "drifts", "look_seconds_count")}
        assert child.stop(grace_s=20) == 0
    assert answer.status_code == 200
    assert json.loads(answer.text)["environment"] == "rehearsal"
    assert found.pop("look_seconds_count") >= 1
    assert found == {"takeovers_total": 1, "blocked": 0, "drifts": 0}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (took_over,) = [line for line in lines if line["message"].startswith("took over release")]
    assert (took_over["environment"], took_over["level"]) == ("rehearsal", "WARNING")
    assert {line.get("release_id") for line in lines} == {None, scene.production.plan.release_id}


def measured(url: str, name: str, **labels: str) -> float:
    """Scrape the guard as Prometheus does."""
    wanted = {"environment": "rehearsal", **labels}
    for family in text_string_to_metric_families(httpx.get(f"{url}/metrics").raise_for_status().text):
        for sample in family.samples:
            if sample.name == f"greenflow_guard_{name}" and sample.labels == wanted:
                return sample.value
    raise LookupError(name)


def test_a_release_that_was_stopped_and_wakes_up_after_its_guard_applies_nothing(
    new_scene: Callable[..., Scene], no_prefect: str, tmp_path: Path
) -> None:
    scene = new_scene(**QUICK)
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version):
        scene.tell("baking", 50, 1)
    zombie_argv = [sys.executable, "-m", "tests.deployments.guard.zombie_run", plan.release_id, str(tmp_path)]
    with Processes() as processes:
        env = {**environment(no_prefect), "PYTHONPATH": str(ROOT)}
        zombie = processes.start(zombie_argv, env=env, cwd=ROOT, log=tmp_path / "zombie.log")
        zombie.await_ready((tmp_path / "ready").exists, 90)
        os.kill(zombie.pid, signal.SIGSTOP)
        watching = processes.start(guard(), env=environment(no_prefect), cwd=ROOT, log=tmp_path / "guard.log")
        eventually("traffic at home", lambda: scene.weights() == HOME)
        eventually("a guard that watches", lambda: scene.lock().yields)
        before = scene.production.calls("ModifyRule")
        (tmp_path / "go").touch()
        os.kill(zombie.pid, signal.SIGCONT)
        assert zombie.wait(60) == 6, zombie.log_tail()
        assert "touching nothing" in zombie.log_tail()
        watching.stop(grace_s=20)
    assert scene.production.calls("ModifyRule") == before
    assert scene.weights() == HOME


def test_unlocking_is_refused_while_the_holder_lives(scene: Scene) -> None:
    scene.die(weight=50, lease_s=60)
    with pytest.raises(EnvironmentBusy, match=r"held by release 1\.1\.0.* baking in phase 2; wait for it to end"):
        break_lock(scene.settings, "in a hurry")


def test_unlocking_is_refused_while_traffic_is_away(scene: Scene) -> None:
    scene.die(weight=50)
    with pytest.raises(GateRefused, match="found traffic at a 50 % / b 50 %, expected a 100 % / b 0 %"):
        break_lock(scene.settings, "in a hurry")
    assert scene.weights() == Weights(a=50, b=50)


def test_unlocking_ends_a_dead_release_and_records_who_and_why(scene: Scene) -> None:
    scene.die(weight=50)
    scene.production.set_weights(100, 0)
    assert "rehearsal is free" in break_lock(scene.settings, "moved home by hand")
    assert scene.lock().state == "free"
    (broken,) = [event.data for event in scene.events() if event.kind == "lease.broken"]
    assert broken["reason"] == "moved home by hand"
    assert "arn:aws:" in broken["by"]
    assert scene.state().ending is Ending.REJECTED


def test_there_is_nothing_to_unlock_where_nothing_is_held(scene: Scene) -> None:
    with pytest.raises(GateRefused, match="rehearsal is free"):
        break_lock(scene.settings, "in a hurry")
