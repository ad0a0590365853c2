"""prefect.yaml as Prefect reads it and as a real server on PostgreSQL keeps it; two pins without which it would not."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from playwright.sync_api import expect
from prefect import Flow
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import import_object

from deployments.twin.postgres import Postgres
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Child, Processes
from tasks.aftercare_schedule import schedule_aftercare
from tasks.checklist.subject import Subject
from tasks.checklist.window import check_window
from tasks.clients.prefect import find_run
from tasks.ledger import Ledger
from tasks.models import Outcome
from tasks.settings import Settings, load_settings
from tests.tasks.stores import new_plan
from tests.ui.browser import NO_BROWSER, browsing, input_of, machines_browser

ROOT = Path(__file__).parents[2]
SCHEDULER = "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS"
QUERY = "PREFECT_WORKER_QUERY_SECONDS"
YAML = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS = {each["name"]: each for each in YAML["deployments"]}
SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture(scope="module")
def server() -> Iterator[PrefectServer]:
    with Processes() as processes, Postgres(processes, processes.folder) as postgres:
        database = postgres.create_database("prefect")
        with PrefectServer(processes, processes.folder, database, {SCHEDULER: "1"}) as running:
            yield running


@pytest.fixture
def api(server: PrefectServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.ui_url}/api", timeout=30) as client:
        yield client


def run_prefect(server: PrefectServer, *arguments: str) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(ROOT), **server.client_environment, "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def deployed(api: httpx.Client) -> dict[str, Any]:
    found = api.post("/deployments/filter", json={}).raise_for_status().json()
    return {each["name"]: each for each in found if "greenflow" in each["tags"]}


def test_the_five_deployments_are_there() -> None:
    assert set(DEPLOYMENTS) == {"release", "rollback", "rehearsal", "drill", "aftercare"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_entrypoint_loads_and_its_form_explains_each_field(name: str) -> None:
    flow = import_object(DEPLOYMENTS[name]["entrypoint"])
    assert isinstance(flow, Flow)
    assert flow.name == name
    properties = parameter_schema(flow).properties
    assert set(DEPLOYMENTS[name].get("parameters", {})) <= set(properties)
    for parameter, field in properties.items():
        assert field["title"] != parameter
        assert field["description"].strip()
    if "environment" in properties:
        assert set(properties["environment"]["enum"]) >= {"production", "rehearsal", "staging"}


def test_saturday_at_three_in_seoul_is_shipped_inactive_and_comes_every_week() -> None:
    (schedule,) = DEPLOYMENTS["release"]["schedules"]
    assert schedule["active"] is False
    cron = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    friday = datetime(2026, 11, 20, 12, tzinfo=UTC)
    dates = [date.astimezone(SEOUL) for date in asyncio.run(cron.get_dates(5, friday))]
    assert [f"{date:%a %Y-%m-%d %H:%M}" for date in dates] == [
        "Sat 2026-11-21 03:00",
        "Sat 2026-11-28 03:00",
        "Sat 2026-12-05 03:00",
        "Sat 2026-12-12 03:00",
        "Sat 2026-12-19 03:00",
    ]


def test_the_schedules_days_lie_in_productions_window_but_for_holidays() -> None:
    (schedule,) = DEPLOYMENTS["release"]["schedules"]
    cron = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    found = asyncio.run(cron.get_dates(5, datetime(2026, 9, 18, 12, tzinfo=UTC)))
    dates = [datetime.fromtimestamp(date.timestamp(), UTC) for date in found]
    settings = load_settings("production")
    refused = {
        f"{date.astimezone(SEOUL):%m-%d}": [check for check in checks if check.outcome is Outcome.FAILED]
        for date in dates
        for checks in [check_window(settings, Subject(version="", commit="", digest="", folder="", now=date))]
    }
    # 2026-09-26 lies in Chuseok, 10-03 is National Foundation Day.
    assert [day for day, reasons in refused.items() if reasons] == ["09-26", "10-03"]
    assert len(refused) == 5
    late = Subject(version="", commit="", digest="", folder="", now=dates[0] + timedelta(hours=4))
    assert check_window(settings, late)[0].outcome is Outcome.FAILED


def test_a_real_server_starts_and_a_scheduled_run_appears(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "saturday"}).raise_for_status().json()
    cron = {"cron": "0 3 * * 6", "timezone": "Asia/Seoul"}
    deployment = {"name": "saturday", "flow_id": flow["id"], "schedules": [{"schedule": cron, "active": True}]}
    api.post("/deployments/", json=deployment).raise_for_status()
    deadline = time.monotonic() + 60
    runs: list[dict[str, str]] = []
    while not runs and time.monotonic() < deadline:
        runs = api.post("/flow_runs/filter", json={"flows": {"name": {"any_": ["saturday"]}}}).json()
        time.sleep(0.2)
    assert runs
    assert {run["state_type"] for run in runs} == {"SCHEDULED"}
    # Saturday 03:00 in Seoul is Friday 18:00 in UTC.
    assert all(run["expected_start_time"][11:16] == "18:00" for run in runs)


@pytest.fixture(scope="module")
def deployments(server: PrefectServer) -> None:
    """Deploy twice: the second time changes nothing, which the next test sees."""
    run_prefect(server, "work-pool", "create", "greenflow", "--type", "process", "--overwrite")
    run_prefect(server, "deploy", "--all")


def test_deploying_asks_nothing_and_may_be_repeated(
    server: PrefectServer, api: httpx.Client, deployments: None
) -> None:
    first = deployed(api)
    assert set(first) == set(DEPLOYMENTS)
    run_prefect(server, "deploy", "--all")
    again = deployed(api)
    assert {name: each["id"] for name, each in again.items()} == {name: each["id"] for name, each in first.items()}
    (schedule,) = again["release"]["schedules"]
    assert (schedule["active"], schedule["schedule"]["timezone"]) == (False, "Asia/Seoul")
    # With a limit Prefect cancels a run that has paused, at the next renewal of the slot that the pause gave back.
    assert {each["global_concurrency_limit"] for each in again.values()} == {None}
    assert again["release"]["parameters"] == {"environment": "production"}
    assert again["release"]["job_variables"]["stream_output"] is False


@pytest.mark.parametrize("wrong", [{"version": "latest"}, {"version": "1.4.0; rm -rf /"}, {"environment": "prod"}])
def test_the_form_refuses_what_is_not_meant(api: httpx.Client, deployments: None, wrong: dict[str, str]) -> None:
    release = deployed(api)["release"]
    given = {"parameters": {"version": "1.4.0", "environment": "staging", **wrong}}
    refused = api.post(f"/deployments/{release['id']}/create_flow_run", json=given)
    assert refused.status_code == 409
    assert "Validation failed" in refused.text


@pytest.mark.ui
@pytest.mark.skipif(not machines_browser(), reason=NO_BROWSER)
def test_the_run_form_explains_itself_in_a_browser_and_refuses_latest(
    server: PrefectServer, api: httpx.Client, deployments: None
) -> None:
    release = deployed(api)["release"]["id"]
    with browsing(machines_browser()) as page:
        page.goto(f"{server.ui_url}/deployments/deployment/{release}/run")
        input_of(page, "Version (empty: what staging runs)").fill("latest")
        expect(page.get_by_text("why it may begin outside of its window")).to_be_visible()
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_text("Validation failed").first).to_be_visible()
    assert api.post("/flow_runs/count", json={"deployments": {"id": {"any_": [release]}}}).json() == 0


def test_a_release_schedules_its_aftercare_and_finds_it_again(
    server: PrefectServer, api: httpx.Client, deployments: None, settings: Settings, ledger: Ledger
) -> None:
    plan, shipped_at = new_plan(ledger.release_id), datetime.now(UTC).replace(microsecond=0)
    with temporary_settings({PREFECT_API_URL: f"{server.ui_url}/api"}):
        first, again = (schedule_aftercare.fn(settings, plan, shipped_at) for _ in range(2))
        run = find_run(f"{plan.release_id}/7d")
    assert first.checks == again.checks
    assert {check.outcome for check in first.checks} == {Outcome.PASSED}
    assert run
    assert run.due == shipped_at + timedelta(seconds=settings.aftercare.week_s)
    runs = api.post("/flow_runs/filter", json={"flows": {"name": {"any_": ["aftercare"]}}}).json()
    assert sorted(each["parameters"]["after"] for each in runs) == ["1h", "24h", "7d"]


def test_without_that_deployment_a_release_says_how_to_look_by_hand(
    server: PrefectServer, settings: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.aftercare_schedule.DEPLOYMENT", "aftercare/elsewhere")
    with temporary_settings({PREFECT_API_URL: f"{server.ui_url}/api"}):
        found = schedule_aftercare.fn(settings, new_plan(ledger.release_id), datetime.now(UTC))
    assert {check.outcome for check in found.checks} == {Outcome.SKIPPED}
    assert found.checks[0].note.endswith(
        f"greenflow aftercare --environment rehearsal --release {ledger.release_id} --after 1h"
    )


def test_a_prefect_that_is_away_stops_no_release_that_has_shipped(settings: Settings, ledger: Ledger) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        found = schedule_aftercare.fn(settings, new_plan(ledger.release_id), datetime.now(UTC))
    assert [check.outcome for check in found.checks] == [Outcome.FAILED] * 3
    assert "no connection to the Prefect server" in found.checks[0].found


@pytest.fixture
def worker(server: PrefectServer, deployments: None, settings: Settings, tmp_path: Path) -> Iterator[Child]:
    """A worker as prefect.yaml wants one, on an account that has a ledger and nothing else."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(("GREENFLOW_", "AWS_"))}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    told = {**ours, **server.client_environment, "PYTHONPATH": str(ROOT), "PATH": path, QUERY: "1"}
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "greenflow"]
    with Processes() as processes:
        yield processes.start(argv, env=told, log=tmp_path / "worker.log", name="worker")


def run_by(worker: Child, api: httpx.Client, name: str, **parameters: str) -> dict[str, Any]:
    """Start a deployment as the Run button does, and wait for its end."""
    deployment = deployed(api)[name]
    made = api.post(f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters})
    run_id = made.raise_for_status().json()["id"]
    deadline = time.monotonic() + 240
    while True:
        state: dict[str, Any] = api.get(f"/flow_runs/{run_id}").json()["state"]
        if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
            return state
        assert worker.poll() is None, worker.log_tail()
        assert time.monotonic() < deadline, worker.log_tail()
        time.sleep(0.2)


def test_a_worker_runs_a_deployment_to_an_end_that_says_why(worker: Child, api: httpx.Client) -> None:
    release = "1.1.0-20261121T030000-beef"
    state = run_by(worker, api, "aftercare", release_id=release, after="1h", environment="rehearsal")
    assert state["type"] == "FAILED"
    assert "no such release in rehearsal, expected one that shipped" in state["message"]
