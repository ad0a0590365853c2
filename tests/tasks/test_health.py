"""Health is what each side says of itself, and what the public gets."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from deployments.twin.load_balancer_bench import BenchControl
from tasks.health import check_health, check_site
from tasks.ledger import Ledger, open_ledger
from tasks.models import Check, Evidence, Side
from tasks.probes import probe_headers, who
from tasks.settings import Settings
from tests.deployments.twin.data_plane import (
    EXPAND_1_1,
    REVERT_1_1,
    ApiProcess,
    Stores,
    group,
    load_balancer,
    rule,
)
from tests.deployments.twin.data_plane import wait_until as wait_for
from tests.tasks.stores import new_plan

pytest_plugins = ["tests.deployments.twin.data_plane_fixtures"]

PLAN = new_plan("1.1.0-health")


@pytest.fixture(scope="module")
def sides(stores: Stores) -> Iterator[dict[str, ApiProcess]]:
    """1.0.0 on side a and 1.1.0 on side b, both on the expanded schema."""
    stores.sql(EXPAND_1_1)
    with ExitStack() as stack:
        yield {
            "a": stack.enter_context(stores.api("1.0.0")),
            "b": stack.enter_context(stores.api("1.1.0")),
        }
    stores.sql(REVERT_1_1)


@pytest.fixture(scope="module")
def public(stores: Stores, sides: dict[str, ApiProcess]) -> Iterator[str]:
    """A load balancer that gives all users to side a, and a probe to the side it names."""
    control = BenchControl()
    groups = {
        name: each
        for side, api in sides.items()
        for name, each in group(side, (api.address, api.port, "healthy")).items()
    }
    rules = [rule(1, side="a", a=1), rule(2, side="b", b=1), rule(a=100, b=0)]
    version = control.set_routes(rules, groups)
    with (
        control.listening() as url,
        load_balancer(stores.processes, stores.processes.folder, control, url) as plane,
    ):
        wait_for(lambda: control.acknowledged == version)
        wait_for(lambda: _reached(plane.url))
        yield plane.url


def _reached(url: str) -> bool:
    return httpx.get(f"{url}/api/v2/health").status_code == 200


@pytest.fixture
def settings(new_settings: Callable[..., Settings], public: str) -> Settings:
    return new_settings(LOAD_BALANCER__URL=public, HEALTH__ATTEMPTS="3", HEALTH__POLL_S="0.05")


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id=PLAN.release_id, version="1.1.0") as opened:
        yield opened


def at(settings: Settings, url: str) -> Settings:
    balancer = settings.load_balancer.model_copy(update={"url": url})
    return settings.model_copy(update={"load_balancer": balancer})


def failed(evidence: Evidence) -> dict[str, Check]:
    return {check.name: check for check in evidence.failed}


@pytest.mark.parametrize(
    ("side", "version", "name"),
    [
        (Side.A, "1.0.0", "stable side a"),
        (Side.B, "1.1.0", "candidate side b"),
        (None, "1.0.0", "public API"),
    ],
)
def test_each_side_and_the_public_answer_for_themselves(
    settings: Settings, release: Ledger, side: Side | None, version: str, name: str
) -> None:
    evidence = check_health.fn(settings, PLAN, side, version)
    assert evidence.failed == ()
    assert {check.name for check in evidence.checks} == {
        f"{name} answers",
        f"{name} status",
        f"{name} database",
        f"{name} redis",
        f"{name} version",
    }


def test_another_version_than_expected_is_refused_with_both(settings: Settings, release: Ledger) -> None:
    check = failed(check_health.fn(settings, PLAN, Side.A, "1.1.0"))["stable side a version"]
    assert (check.found, check.expected) == ("1.0.0", "1.1.0")


def test_an_api_that_lost_its_redis_says_so(settings: Settings, release: Ledger, stores: Stores) -> None:
    with stores.api("1.1.0") as api:
        own = at(settings, f"http://{api.address}:{api.port}")
        wait_for(lambda: not check_health.fn(own, PLAN, None, "1.1.0").failed)
        stores.valkey.child.stop()
        try:
            found = failed(check_health.fn(own, PLAN, None, "1.1.0"))
        finally:
            stores.valkey.start()
    assert found["public API redis"].found == "down"
    assert found["public API answers"].found == "503"
    assert "public API database" not in found


def test_an_api_that_is_not_there_is_a_failed_check_after_all_attempts(settings: Settings, release: Ledger) -> None:
    found = failed(check_health.fn(at(settings, "http://127.0.0.1:9"), PLAN, None, "1.1.0"))
    assert "no connection to 127.0.0.1:9" in found["public API answers"].found


class Recovering:
    """Answer badly a few times, then well."""

    def __init__(self, bad: int) -> None:
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                well = outer.asked > bad
                body = b'{"status":"ok","version":"1.1.0","database":"ok","redis":{"status":"ok"}}' if well else b"<h1>"
                self.send_response(200 if well else 502)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.mark.parametrize(("bad", "well"), [(2, True), (3, False)])
def test_the_last_of_the_attempts_counts(settings: Settings, release: Ledger, bad: int, *, well: bool) -> None:
    server = Recovering(bad)
    try:
        evidence = check_health.fn(at(settings, server.url), PLAN, None, "1.1.0")
    finally:
        server.close()
    assert (evidence.failed == ()) is well
    assert server.asked == 3


def test_a_site_that_is_not_there_is_a_failed_check(settings: Settings, release: Ledger) -> None:
    away = settings.model_copy(update={"site": settings.site.model_copy(update={"url": "http://127.0.0.1:9"})})
    assert "no connection to 127.0.0.1:9" in failed(check_site.fn(away, PLAN))["site answers"].found


def test_a_probe_is_marked_and_names_its_side(settings: Settings) -> None:
    assert probe_headers(settings, Side.B) == {"x-greenflow-probe": "1", "x-greenflow-side": "b"}
    assert probe_headers(settings, None) == {"x-greenflow-probe": "1"}
    assert who(PLAN, None) == "public API"
