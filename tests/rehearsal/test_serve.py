"""Everything on one machine, as its users have it: pieces that die and come back, an end that leaves nothing."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.twin.processes import survivors
from deployments.twin.slack import SlackStandIn
from tasks.settings import FOLDER_VARIABLE, Settings
from tests.rehearsal.served import ROOT, Served, serving

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(900)]

PIECES = {
    "prefect server start": "the Prefect server",
    "cli guard": "the guard",
    "deployments.approvals": "the approvals service",
    "worker start": "the worker",
}
LONGER_THAN_A_SLOT_S = 240
LOOKS = {"flows": {"name": {"any_": ["aftercare"]}}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve"), "--environment", "rehearsal") as served:
        yield served


def left_of(mark: str) -> list[int]:
    """Give what is left of a serve once its reaper has had its time."""
    deadline = time.monotonic() + 30
    while (left := survivors(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


@pytest.mark.parametrize(("command", "name"), PIECES.items())
def test_each_piece_that_is_killed_comes_back(served: Served, command: str, name: str) -> None:
    before = served.pid_of(command)
    os.kill(before, signal.SIGKILL)
    served.until(f"{name} again", lambda: f"{name} is back" in served.said)
    assert served.pid_of(command) != before
    assert f"{name} ended by SIGKILL; starting it again in 1 s" in served.said
    assert f"serve | {name} is back" in served.log.read_text()


def test_a_release_by_the_run_button_ships_and_status_tells_it_all(served: Served) -> None:
    run = served.run("release", version="1.1.0", requested_by="a newcomer")
    for phase, weight in enumerate((10, 50)):
        served.await_pause(run)
        stand = json.loads(served.status("--json"))
        assert (stand["phase"], stand["is_alive"]) == (phase, True)
        assert stand["open_ask"].startswith(f"{weight} % -> ")
        assert f"{weight} % -> " in served.status()
        if phase == 0:
            time.sleep(LONGER_THAN_A_SLOT_S)  # people take their time, and no engine takes the run from them
        served.approve()
        served.until("that it goes on", lambda: served.state(run) != "PAUSED")
    assert served.ended(run) == "COMPLETED", served.message(run)
    stand = json.loads(served.status("--json"))
    assert (stand["is_held"], stand["ending"], stand["open_ask"]) == (False, "shipped", "")
    assert len(stand["next_runs"]) > 0  # its aftercare
    served.until("three looks", lambda: [look["state_type"] for look in looks(served)] == ["COMPLETED"] * 3)
    assert "next: nothing is scheduled" in served.status()


def looks(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.api("POST", "/flow_runs/filter", json=LOOKS)
    return found


def test_killing_it_leaves_no_process(served: Served) -> None:
    mark = served.mark()
    served.process.kill()
    served.process.wait()
    assert left_of(mark) == []


def test_asked_to_stop_it_first_brings_the_release_home(tmp_path: Path) -> None:
    with serving(tmp_path, "--environment", "rehearsal") as served:
        mark, run = served.mark(), served.run("release", version="1.1.0")
        served.await_pause(run)
        assert served.end() == 0
        assert "is under way and comes home first" in served.said
        assert "has not come home" not in served.said
        assert left_of(mark) == []


def test_what_lasts_is_there_again_and_only_with_its_password(settings: Settings, passable: Path) -> None:
    """Serve an environment that is no rehearsal: its own PostgreSQL is kept, and so is what Prefect knows."""
    known = []
    with SlackStandIn() as slack:
        given = surroundings(settings, slack, passable)
        for _ in range(2):
            with serving(passable, "--environment", "staging", "--home", str(passable / "home"), given=given) as served:
                assert httpx.get(f"{served.ui}/api/flows/count").status_code in {401, 405}
                served.auth = ("greenflow", (passable / "home" / "prefect.password").read_text())
                release = served.api("GET", "/deployments/name/release/release")
                known.append((release["id"], release["parameters"], release["schedules"][0]["active"]))
                assert "next: nothing is scheduled" in served.status(environment="staging", given=given)
                mark = served.mark()
                assert served.end() == 0
                assert left_of(mark) == []
    first, again = known
    assert first == again
    assert first[1:] == ({"environment": "staging"}, False)


def surroundings(settings: Settings, slack: SlackStandIn, folder: Path) -> dict[str, str]:
    """Say where staging is: the emulated account, a Slack, and values as the twin has them."""
    values = (ROOT / "deployments" / "environments" / "rehearsal.toml").read_text()
    (folder / "staging.toml").write_text(values.replace('name = "rehearsal"', 'name = "staging"', 1))
    return {
        **{name: value for name, value in os.environ.items() if name.startswith(("GREENFLOW_", "AWS_"))},
        FOLDER_VARIABLE: str(folder),
        "TOKEN_OF_SLACK": slack.token,
        "SECRET_OF_SLACK": slack.signing_secret,
        "GREENFLOW_SLACK__API_URL": slack.url,
        "GREENFLOW_SLACK__TOKEN": "env:TOKEN_OF_SLACK",
        "GREENFLOW_SLACK__SIGNING_SECRET": "env:SECRET_OF_SLACK",
    }
