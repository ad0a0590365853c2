"""Watch two pins that Prefect needs and does not state: without them its server or scheduler fails in silence."""

import time
from collections.abc import Iterator

import httpx
import pytest

from deployments.twin.postgres import Postgres
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Processes

SCHEDULER = "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS"


@pytest.fixture
def server() -> Iterator[PrefectServer]:
    with Processes() as processes, Postgres(processes, processes.folder) as postgres:
        database = postgres.create_database("prefect")
        with PrefectServer(processes, processes.folder, database, {SCHEDULER: "1"}) as running:
            yield running


def test_a_real_server_starts_and_a_scheduled_run_appears(server: PrefectServer) -> None:
    with httpx.Client(base_url=f"{server.ui_url}/api") as api:
        flow = api.post("/flows/", json={"name": "saturday"}).raise_for_status().json()
        cron = {"cron": "0 3 * * 6", "timezone": "Asia/Seoul"}
        deployment = {"name": "release", "flow_id": flow["id"], "schedules": [{"schedule": cron, "active": True}]}
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
