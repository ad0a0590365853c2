"""Saturday 03:00 in Seoul comes by itself: the very schedule of prefect.yaml, on a machine whose clock is moved.

All processes of one `greenflow serve` (server, scheduler, worker, flow, guard, PostgreSQL, the twin) read the same
moved clock; nothing in them knows of it. Only monotonic clocks go on as they are: a second is a second.
"""

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tasks.checklist.subject import Subject
from tasks.checklist.window import check_window, next_opening
from tasks.checklist_settings import WindowSettings
from tasks.models import Outcome
from tasks.settings import load_settings
from tests.rehearsal.conftest import QUICK
from tests.rehearsal.served import Served, serving

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler on this machine, which moving a clock takes"),
    pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD moves the clock"),
]

SOURCE = Path(__file__).with_name("moved_clock.c")
SECONDS = "=q"
SEOUL = ZoneInfo("Asia/Seoul")
EARLY = timedelta(minutes=25)
SHORTLY = timedelta(seconds=40)
WINDOW = {"GREENFLOW_CHECKLIST__WINDOW__CRON": "0 3 * * 6", "GREENFLOW_CHECKLIST__WINDOW__DURATION_H": "3"}


class Clock:
    """Hold the file that says how far the clock is moved; it may be moved at any time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "moved-by"
        self._library = folder / "moved_clock.so"
        build = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(build, check=True, timeout=60)
        self._file.write_bytes(bytes(struct.calcsize(SECONDS)))

    def show(self, moment: datetime) -> None:
        """Move the clock to a moment; it goes on from there."""
        with self._file.open("r+b") as file:
            file.write(struct.pack(SECONDS, round((moment - datetime.now(UTC)).total_seconds())))

    @property
    def environment(self) -> Mapping[str, str]:
        return {"LD_PRELOAD": str(self._library), "MOVED_CLOCK": str(self._file)}


@pytest.fixture
def saturday() -> datetime:
    """The next Saturday 03:00 in Seoul that is neither a holiday nor in a freeze."""
    settings, at = load_settings("production"), datetime.now(UTC) + 2 * EARLY
    window = WindowSettings(cron="0 3 * * 6", duration_h=3)
    while True:
        at = next_opening(window, at.astimezone(SEOUL)).astimezone(UTC)
        checks = check_window(settings, Subject(version="", commit="", digest="", folder="", now=at))
        if all(check.outcome is not Outcome.FAILED for check in checks):
            return at


@pytest.fixture
def clock(passable: Path, saturday: datetime) -> Clock:
    clock = Clock(passable)
    clock.show(saturday - EARLY)
    return clock


@pytest.fixture
def served(tmp_path: Path, clock: Clock) -> Iterator[Served]:
    given = {**clock.environment, **QUICK, **WINDOW}
    with serving(tmp_path, "--environment", "rehearsal", given=given, program="tests.rehearsal.clockwork") as served:
        yield served


def test_the_schedule_fires_by_itself_and_the_release_judges_the_hour(
    served: Served, clock: Clock, saturday: datetime
) -> None:
    early = served.run("release", version="1.1.0")
    assert served.ended(early) == "FAILED"
    assert "release window" in served.message(early)

    switch_on(served, "release")
    run = served.until("a run on the list", lambda: scheduled(served))[0]
    assert datetime.fromisoformat(run["expected_start_time"]) == saturday
    assert json.loads(served.status("--json"))["next_runs"][0]["due"].startswith(f"{saturday:%Y-%m-%dT%H:%M}")

    clock.show(saturday - SHORTLY)
    for _ in range(2):
        served.await_pause(run["id"])
        assert "asked for by the schedule" in httpx.get(served.address("Slack")).text
        served.approve()
        served.until("that it goes on", lambda: served.state(run["id"]) != "PAUSED")
    assert served.ended(run["id"]) == "COMPLETED", served.message(run["id"])
    begun = datetime.fromisoformat(served.api("GET", f"/flow_runs/{run['id']}")["start_time"])
    assert timedelta() <= begun - saturday < timedelta(minutes=2)


def switch_on(served: Served, name: str) -> None:
    """Switch the schedule on, as its switch in the UI does."""
    deployment = served.api("GET", f"/deployments/name/{name}/{name}")
    (schedule,) = deployment["schedules"]
    served.patch(f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": True})


def scheduled(served: Served) -> list[dict[str, Any]]:
    """Give the runs that the server's own scheduler has put on its list, the next one first."""
    asked = {
        "sort": "EXPECTED_START_TIME_ASC",
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        "deployments": {"name": {"any_": ["release"]}},
    }
    found: list[dict[str, Any]] = served.api("POST", "/flow_runs/filter", json=asked)
    return [run for run in found if run["auto_scheduled"]]
