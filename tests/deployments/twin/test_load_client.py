"""Users of the twin are honest witnesses: they count every request, and call a failure what a user would."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deployments.twin.load_balancer_bench import BenchControl
from deployments.twin.load_stats import KEPT_SAMPLES, KEPT_SECONDS, Sample, Stats
from deployments.twin.load_users import User, open_session
from deployments.twin.processes import Child, Processes, free_port
from tests.deployments.twin.data_plane import Plane, Stores, group, load_balancer, rule, wait_until

pytest_plugins = ("tests.deployments.twin.data_plane_fixtures",)

RPS = 80


def sample(at: float, reason: str | None = None, version: str = "1.0.0", latency_s: float = 0.01) -> Sample:
    return Sample(at, "bid", latency_s, 500 if reason else 201, reason, "greenflow-api-a", version)


def test_failures_are_told_by_reason_version_group_and_time() -> None:
    stats = Stats(100.0)
    for each in (sample(101.2), sample(102.0, "500", "1.1.0"), sample(103.9, "time-out"), sample(104.0)):
        stats.add(each)
    told = stats.document(105.0)
    assert (told["requests"], told["failed"]) == (4, 2)
    assert told["failures"] == {
        "by_reason": {"500": 1, "time-out": 1},
        "by_served_by": {"greenflow-api-a": 2},
        "by_version": {"1.1.0": 1, "1.0.0": 1},
        "by_step": {"bid": 2},
    }
    assert (told["first_failure_at"], told["last_failure_at"]) == (102.0, 103.9)
    assert [(each["start"], each["requests"], each["failed"]) for each in told["seconds"]] == [
        (101, 1, 0),
        (102, 1, 1),
        (103, 1, 1),
        (104, 1, 0),
    ]
    assert [each["reason"] for each in told["recent_failures"]] == ["500", "time-out"]


def test_stats_without_a_sample_can_be_written() -> None:
    told = json.loads(json.dumps(Stats(1.0).document(2.0)))
    assert [told[name] for name in ("requests", "failed", "p99_ms", "first_failure_at")] == [0, 0, None, None]


def test_stats_stay_small_however_long_the_load_lasts() -> None:
    stats = Stats(0.0)
    for second in range(KEPT_SECONDS + 100):
        for _ in range(5):
            stats.add(sample(float(second), "500"))
    told = stats.document(1000.0)
    assert told["requests"] == 5 * (KEPT_SECONDS + 100)
    assert len(told["seconds"]) == KEPT_SECONDS + 1
    assert told["seconds"][0] == {
        "start": 99,
        "requests": 5,
        "failed": 5,
        "requests_by_version": {"1.0.0": 5},
        "failed_by_version": {"1.0.0": 5},
        "p95_ms": 10.0,
    }
    assert len(told["recent"]) == len(told["recent_failures"]) == KEPT_SAMPLES


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def walked(answer: Answer, steps: int) -> list[Sample]:
    """Let one user take some steps against a server that answers as told."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, open_session(str(server.make_url("/"))) as session:
        user = User(session, "/api/v2")
        return [await user.act() for _ in range(steps)]


def journey(answer: Answer, steps: int) -> list[tuple[str, str | None]]:
    return [(each.step, each.reason) for each in asyncio.run(walked(answer, steps))]


async def told(request: web.Request) -> tuple[int, dict[str, Any]]:
    """Give the right answer to a step."""
    name = request.path.removeprefix("/api/v2")
    if name == "/auth/register":
        return 201, {"id": "1"}
    if name == "/auth/login":
        return 200, {"token": "t"}
    if name == "/order/bids":
        return 200, {"bids": [{"id": "9"}]}
    weight = (await request.json())["cargoWeight"] if request.method == "POST" else 1
    return 201 if request.method == "POST" else 200, {
        "id": "9",
        "origin": "Seoul",
        "destination": "Busan",
        "cargoWeight": weight,
    }


async def honest(request: web.Request) -> web.Response:
    status, document = await told(request)
    return web.json_response(document, status=status)


def test_a_journey_is_to_register_log_in_bid_and_read_back() -> None:
    assert journey(honest, 5) == [(step, None) for step in ("register", "login", "bid", "read", "list")]


def test_an_answer_that_says_something_else_than_was_written_is_a_failure() -> None:
    async def forgetful(request: web.Request) -> web.Response:
        return web.json_response({"bids": []}) if request.path.endswith("/bids") else await honest(request)

    async def mistaken(request: web.Request) -> web.Response:
        status, document = await told(request)
        if request.method == "GET" and "/bid/" in request.path:
            document["destination"] = "Jeju"
        return web.json_response(document, status=status)

    async def a_page(_: web.Request) -> web.Response:
        return web.Response(status=201, text="<html>")

    assert journey(forgetful, 5)[-1] == ("list", "wrong answer")
    assert journey(mistaken, 4)[-1] == ("read", "wrong answer")
    assert journey(a_page, 1) == [("register", "wrong answer")]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 502, 503, 504])
def test_a_status_that_a_right_client_does_not_expect_is_a_failure_and_ends_the_journey(status: int) -> None:
    async def broken_at_bids(request: web.Request) -> web.Response:
        return web.Response(status=status) if request.path.endswith("/order/bid") else await honest(request)

    assert journey(broken_at_bids, 4)[2:] == [("bid", str(status)), ("register", None)]


@pytest.mark.parametrize("step", ["register", "read"])
def test_a_lost_connection_is_a_failure_and_is_not_tried_again(step: str) -> None:
    asked = []

    async def lost(request: web.Request) -> web.Response:
        if request.path.endswith({"register": "/register", "read": "/bid/9"}[step]):
            asked.append(request.path)
            assert request.transport is not None
            request.transport.abort()
        return await honest(request)

    found = journey(lost, {"register": 1, "read": 4}[step])[-1]
    assert found[0] == step
    assert found[1] in {"ServerDisconnectedError", "ClientOSError"}
    assert len(asked) == 1


def test_a_user_waits_for_ten_seconds_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.twin.load_users.PATIENCE_S", 0.05)

    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return await honest(request)

    found = asyncio.run(walked(silent, 1))[0]
    assert (found.reason, found.status) == ("time-out", None)
    assert 0.05 <= found.latency_s < 0.5


class Pressed:
    """A load client at work, and what it last wrote."""

    def __init__(self, child: Child, file: Path) -> None:
        self.child = child
        self._file = file

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._file.read_text())
        return found

    def at_least(self, requests: int) -> None:
        wait_until(lambda: self._file.exists() and self.told["requests"] >= requests, within_s=15)


def press(processes: Processes, folder: Path, url: str) -> Pressed:
    file = folder / "stats.json"
    argv = [sys.executable, "-m", "deployments.twin.load_client", "--url", url, "--rps", str(RPS), "--stats", str(file)]
    return Pressed(processes.start(argv, log=folder / "load.log", name="load"), file)


@pytest.fixture
def traffic(stores: Stores, processes: Processes, tmp_path: Path) -> Iterator[tuple[Plane, Callable[[int], None]]]:
    """Version 1.0.0 on side a, one with errors on side b, and the way to shift weight to b."""
    control = BenchControl()
    with stores.api("1.0.0") as old, stores.api("1.1.0", "errors-30") as new, control.listening() as url:
        groups = group("a", (old.address, old.port, "healthy")) | group("b", (new.address, new.port, "healthy"))
        wait_until(lambda: all(_answers(each.url) for each in (old, new)))

        def shift(weight: int) -> None:
            version = control.set_routes([rule(a=100 - weight, b=weight)], groups)
            wait_until(lambda: control.acknowledged == version)

        with load_balancer(processes, tmp_path, control, url) as plane:
            shift(0)
            yield plane, shift


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").is_success
    except httpx.TransportError:
        return False


def test_users_see_no_failure_of_a_sound_version_and_every_failure_of_a_bad_one(
    traffic: tuple[Plane, Callable[[int], None]], processes: Processes, tmp_path: Path
) -> None:
    plane, shift = traffic
    users = press(processes, tmp_path, plane.url)
    users.at_least(150)
    assert users.told["failed"] == 0
    shift(50)
    users.at_least(users.told["requests"] + 250)
    shift(0)
    assert users.child.stop() == 0
    told = users.told
    by_version = told["served"]["by_version"]
    failures = told["failures"]
    assert failures["by_version"] == {"1.1.0": told["failed"]}
    assert failures["by_served_by"] == {"greenflow-api-b": told["failed"]}
    assert failures["by_reason"] == {"500": told["failed"]}
    assert told["failed"] / by_version["1.1.0"] == pytest.approx(0.3, abs=0.12)
    wait_until(lambda: plane.counted("arn:a", "requests") + plane.counted("arn:b", "requests") == told["requests"])
    assert plane.counted("arn:b", "5xx") == told["failed"]


def test_the_rate_is_kept_at_little_cost_and_the_last_word_is_written(
    traffic: tuple[Plane, Callable[[int], None]], processes: Processes, tmp_path: Path
) -> None:
    plane, _ = traffic
    users = press(processes, tmp_path, plane.url)
    users.at_least(1)
    first = users.told
    users.at_least(first["requests"] + 3 * RPS)
    last = users.told
    took_s = last["now"] - first["now"]
    assert (last["requests"] - first["requests"]) / took_s == pytest.approx(RPS, rel=0.3)
    assert (last["cpu_s"] - first["cpu_s"]) / took_s < 0.2
    assert not last["finished"]
    assert users.child.stop() == 0
    assert (users.told["finished"], users.told["unfinished"], users.told["failed"]) == (True, 0, 0)


def test_users_without_a_load_balancer_tell_of_lost_connections(processes: Processes, tmp_path: Path) -> None:
    users = press(processes, tmp_path, f"http://127.0.0.1:{free_port()}")
    users.at_least(20)
    users.child.stop()
    assert users.told["failures"]["by_reason"] == {"ClientConnectorError": users.told["requests"]}
    assert users.told["failures"]["by_version"] == {"-": users.told["requests"]}
