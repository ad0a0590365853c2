"""The image, the compose file and the task definitions: what each of them names is there, and says the same."""

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from botocore.exceptions import ParamValidationError
from dockerfile_parse import DockerfileParser
from prefect.cli._app import _app as prefect_app
from prefect.settings import Settings
from prefect.settings.legacy import _get_valid_setting_names
from prefect_redis.client import RedisMessagingSettings

from deployments import health_check
from deployments.cli import app
from deployments.twin.aws import AwsEmulator
from tests.pages import commands

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deployments"
COMPOSE: dict[str, Any] = yaml.safe_load((PLACE / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name not in {"postgres", "redis"}}
TASKS = {path.stem: json.loads(path.read_text()) for path in sorted((PLACE / "ecs").glob("*.json"))}
CONTAINERS = {each["name"]: each for task in TASKS.values() for each in task["containerDefinitions"]}


def steps() -> list[tuple[str, str]]:
    parser = DockerfileParser(str(PLACE / "Dockerfile"))
    return [(step["instruction"], step["value"]) for step in parser.structure]


def values(instruction: str) -> list[str]:
    return [value for name, value in steps() if name == instruction]


def test_the_image_copies_what_is_there_and_nothing_that_is_left_out() -> None:
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = {part for value in values("COPY") for part in value.split()[:-1] if not value.startswith("--from")}
    assert copied == sent
    assert all((ROOT / each).exists() for each in copied)


def test_the_image_installs_the_lock_file_as_it_is_with_extras_there_are() -> None:
    installs = [part for value in values("RUN") for part in value.split("&&") if "uv sync" in part]
    assert len(installs) == 2
    assert all("--frozen" in each and "--no-default-groups" in each for each in installs)
    (extras,) = [value for value in values("ARG") if value.startswith("EXTRAS=")]
    wanted = [each for each in shlex.split(extras.removeprefix("EXTRAS="))[0].split() if each != "--extra"]
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(wanted) <= set(known)
    assert "twin" not in wanted


def test_the_image_runs_as_nobody_in_particular_and_asks_its_service_how_it_is() -> None:
    assert [name for name, _ in steps()].count("FROM") == 2
    assert values("USER") == ["greenflow"]
    (check,) = values("HEALTHCHECK")
    command = json.loads(check.partition("CMD")[2])
    assert command == ["python", "-m", health_check.__name__]
    assert any(health_check.DEFAULT_URL in value for value in values("ENV"))
    assert any("PREFECT_LOGGING_SETTINGS_PATH=/app/deployments/json_logs.yml" in value for value in values("ENV"))


def test_the_compose_file_is_one_by_its_specification() -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*argv, str(PLACE / "compose.yaml")], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_compose_waits_for_is_there_and_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            checked = "healthcheck" not in SERVICES[other] or "test" in SERVICES[other]["healthcheck"]
            assert how["condition"] != "service_healthy" or checked, f"{name} waits for {other}, which says nothing"
    built = [service["build"] for service in SERVICES.values() if "build" in service]
    assert built == [{"context": "..", "dockerfile": "deployments/Dockerfile"}]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(each["command"], id=f"{where}-{name}")
        for where, found in (("compose", OURS), ("ecs", CONTAINERS))
        for name, each in found.items()
    ],
)
def test_every_command_of_a_container_is_understood(command: list[str]) -> None:
    program, *arguments = (part for part in command if part != "--no-prompt")  # Prefect's own, before its commands
    parser = {"greenflow": app, "prefect": prefect_app}[program]
    called, bound, *_ = parser.parse_args(arguments, exit_on_error=False, print_error=False)
    assert callable(called)
    assert bound.signature


def told() -> list[str]:
    found = commands("deployments/README.md")
    whole = [each for each in found if len(each.split()) > 2 and "…" not in each]
    return [each for each in whole if each.startswith(("greenflow ", "prefect "))]


@pytest.mark.parametrize("command", told())
def test_every_command_that_the_way_to_production_names_is_understood(command: str) -> None:
    test_every_command_of_a_container_is_understood(shlex.split(command))


def test_compose_and_ecs_run_the_same_commands() -> None:
    shared = set(OURS) & set(CONTAINERS)
    assert shared >= {"server", "services", "worker", "approvals", "guard", "schema"}
    assert {name: OURS[name]["command"] for name in shared} == {name: CONTAINERS[name]["command"] for name in shared}


def settings_of(containers: dict[str, dict[str, Any]], names: tuple[str, ...]) -> Iterator[str]:
    for each in (containers[name] for name in names):
        environment = each.get("environment", {})
        yield from environment if isinstance(environment, dict) else [item["name"] for item in environment]
        yield from (item["name"] for item in each.get("secrets", []))


def test_every_setting_of_prefects_that_is_set_is_one() -> None:
    redis = {f"PREFECT_REDIS_MESSAGING_{name.upper()}" for name in RedisMessagingSettings.model_fields}
    known = _get_valid_setting_names(Settings) | redis
    for containers in (OURS, CONTAINERS):
        found = {name for name in settings_of(containers, tuple(containers)) if name.startswith("PREFECT_")}
        assert found
        assert found <= known, found - known


def test_a_server_has_the_same_settings_on_ecs_as_in_compose() -> None:
    for name in ("server", "services", "schema"):
        assert set(settings_of(OURS, (name,))) == set(settings_of(CONTAINERS, (name,)))


@pytest.mark.parametrize("name", TASKS)
def test_aws_takes_the_task_definition(ledger_aws: AwsEmulator, name: str) -> None:
    task = TASKS[name]
    registered = ledger_aws.client("ecs").register_task_definition(**task)["taskDefinition"]
    assert registered["family"] == f"greenflow-release-{name}"
    assert (int(task["cpu"]), int(task["memory"])) in {(256, 512), (512, 1024), (1024, 2048), (2048, 4096)}
    for container in task["containerDefinitions"]:
        assert container["stopTimeout"] <= 120  # Fargate's longest
        assert not [each for each in container["environment"] if "AUTH" in each["name"] or "URL://" in each["value"]]


def test_a_misspelt_task_definition_would_be_refused(ledger_aws: AwsEmulator) -> None:
    with pytest.raises(ParamValidationError, match='Unknown parameter in input: "taskRole"'):
        ledger_aws.client("ecs").register_task_definition(**TASKS["guard"], taskRole="greenflow-guard")


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_says_what_the_service_says(monkeypatch: pytest.MonkeyPatch, status: int, code: int) -> None:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("HEALTH_URL", f"http://127.0.0.1:{server.server_port}/health")
        assert health_check.main() == code
        server.shutdown()


def test_the_health_check_is_unwell_where_nothing_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEALTH_URL", "http://127.0.0.1:9/health")
    assert health_check.main() == 1
    assert "could not ask http://127.0.0.1:9/health" in capsys.readouterr().err
