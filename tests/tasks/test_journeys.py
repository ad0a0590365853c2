"""A user's journey is walked on each side, counted as nobody's, and leaves nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from tasks import journeys
from tasks.errors import TransientError
from tasks.journeys import Walk, left_behind, try_journeys
from tasks.ledger import Ledger, open_ledger
from tasks.models import Check, Evidence, Side
from tasks.settings import Settings
from tests.deployments.twin.data_plane import EXPAND_1_1, REVERT_1_1, ApiProcess, Stores
from tests.deployments.twin.data_plane import wait_until as wait_for
from tests.tasks.stores import new_plan

pytest_plugins = ["tests.deployments.twin.data_plane_fixtures"]

PLAN = new_plan("1.1.0-journey")


@pytest.fixture(scope="module")
def apis(stores: Stores) -> Iterator[dict[str, ApiProcess]]:
    stores.sql(EXPAND_1_1)
    with ExitStack() as stack:
        found = {version: stack.enter_context(stores.api(version)) for version in ("1.0.0", "1.1.0")}
        for api in found.values():
            wait_for(partial(_answers, api))
        yield found
    stores.sql(REVERT_1_1)


def _answers(api: ApiProcess) -> bool:
    try:
        return httpx.get(f"{api.url}/health").status_code == 200
    except httpx.ConnectError:
        return False


@pytest.fixture
def new_target(new_settings: Callable[..., Settings]) -> Callable[[ApiProcess], Settings]:
    return lambda api: new_settings(LOAD_BALANCER__URL=f"http://{api.address}:{api.port}")


@pytest.fixture
def settings(new_target: Callable[[ApiProcess], Settings], apis: dict[str, ApiProcess]) -> Settings:
    return new_target(apis["1.1.0"])


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id=PLAN.release_id, version="1.1.0") as opened:
        yield opened


def counted(stores: Stores) -> tuple[int, int]:
    with psycopg.connect(stores.postgres.url()) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM bids)").fetchone()
    return row or (-1, -1)


def named(evidence: Evidence, name: str) -> Check:
    return next(check for check in evidence.checks if check.name == name)


def test_the_whole_journey_is_walked_timed_and_removed(settings: Settings, release: Ledger, stores: Stores) -> None:
    evidence = try_journeys.fn(settings, PLAN, Side.B, "1.1.0")
    assert evidence.failed == ()
    assert [check.name for check in evidence.checks] == [
        "register",
        "log in",
        "bid",
        "read the bid back",
        "bid as it was made",
        "cookies of the candidate side b",
        "slowest step",
        "journey removed",
    ]
    assert named(evidence, "bid").found == "201 by 1.1.0"
    assert counted(stores) == (0, 0)


def test_the_old_version_walks_on_the_new_schema(
    new_target: Callable[[ApiProcess], Settings], apis: dict[str, ApiProcess], stores: Stores
) -> None:
    settings = new_target(apis["1.0.0"])
    with open_ledger(settings, release_id=PLAN.release_id, version="1.1.0"):
        assert try_journeys.fn(settings, PLAN, Side.A, "1.0.0").failed == ()
    assert counted(stores) == (0, 0)


def test_walking_twice_meets_no_user_of_the_first_time(settings: Settings, release: Ledger) -> None:
    for _ in range(2):
        assert try_journeys.fn(settings, PLAN, Side.B, "1.1.0").failed == ()


def test_nobody_s_business_is_counted(settings: Settings, release: Ledger, apis: dict[str, ApiProcess]) -> None:
    before = httpx.get(f"{apis['1.1.0'].url}/business").json()
    try_journeys.fn(settings, PLAN, Side.B, "1.1.0")
    assert httpx.get(f"{apis['1.1.0'].url}/business").json() == before


def test_an_answer_of_another_version_is_refused(settings: Settings, release: Ledger, stores: Stores) -> None:
    evidence = try_journeys.fn(settings, PLAN, Side.B, "1.2.0")
    assert named(evidence, "register").line == (
        f"register: found 201 by 1.1.0, expected 201 by 1.2.0 ({named(evidence, 'register').note})"
    )
    assert len(evidence.failed) == 4
    assert counted(stores) == (0, 0)


def test_a_journey_that_cannot_begin_ends_as_a_failed_check(
    settings: Settings, release: Ledger, stores: Stores
) -> None:
    balancer = settings.load_balancer.model_copy(update={"url": "http://127.0.0.1:9"})
    evidence = try_journeys.fn(settings.model_copy(update={"load_balancer": balancer}), PLAN, None, "1.1.0")
    (check,) = evidence.failed
    assert check.name == "register"
    assert "no connection to 127.0.0.1:9" in check.found
    assert named(evidence, "journey removed").outcome == "skipped"


def test_a_slow_journey_is_refused_with_both_numbers(settings: Settings, release: Ledger) -> None:
    hasty = settings.model_copy(update={"journey": settings.journey.model_copy(update={"slow_ms": 0.001})})
    (check,) = try_journeys.fn(hasty, PLAN, Side.B, "1.1.0").failed
    assert check.name == "slowest step"
    assert check.found.endswith(" ms")
    assert check.expected == "at most 0 ms"


async def answer_with_a_careless_cookie(request: Request) -> Response:
    status = {"DELETE": 200, "GET": 404}.get(request.method, 200 if request.url.path.endswith("login") else 201)
    response = JSONResponse({"id": "1", "token": "canary-session-token"}, status)
    response.headers["set-cookie"] = "session=canary-session-token; HttpOnly; SameSite=Lax"
    return response


def test_a_session_cookie_without_secure_is_refused_and_not_told(settings: Settings, release: Ledger) -> None:
    routes = [Route("/{path:path}", answer_with_a_careless_cookie, methods=["GET", "POST", "DELETE"])]
    with HttpThread(Starlette(routes=routes), "careless") as careless:
        balancer = settings.load_balancer.model_copy(update={"url": careless.url})
        evidence = try_journeys.fn(settings.model_copy(update={"load_balancer": balancer}), PLAN, None, "1.1.0")
    assert "session without Secure" in named(evidence, "cookies of the public API").found
    assert "canary-session-token" not in evidence.model_dump_json()


def test_what_a_killed_run_left_behind_is_removed_by_the_next(
    settings: Settings, release: Ledger, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(journeys, "_clean_up", lambda _: Check.skipped("journey removed", "the process died"))
        try_journeys.fn(settings, PLAN, Side.B, "1.1.0")
    assert counted(stores) == (1, 1)
    (left,) = left_behind(release.events)
    evidence = try_journeys.fn(settings, PLAN, Side.B, "1.1.0")
    assert evidence.failed == ()
    assert counted(stores) == (0, 0)
    assert left.startswith("gf-")
    assert left_behind(release.events) == []


def test_a_removal_that_fails_is_told(
    settings: Settings, release: Ledger, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Walk, tenant: str) -> bool:
        msg = f"could not remove the test tenant {tenant}: 503"
        raise TransientError(msg)

    with monkeypatch.context() as broken:
        broken.setattr(Walk, "remove", refuse)
        (check,) = try_journeys.fn(settings, PLAN, Side.B, "1.1.0").failed
    assert check.name == "journey removed"
    assert "503" in check.found
    try_journeys.fn(settings, PLAN, Side.B, "1.1.0")
    assert counted(stores) == (0, 0)


def test_neither_password_nor_token_is_kept(
    settings: Settings, release: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Walk] = []
    walk = journeys._walk

    def watched(given: Walk) -> None:
        seen.append(given)
        walk(given)

    monkeypatch.setattr(journeys, "_walk", watched)
    evidence = try_journeys.fn(settings, PLAN, Side.B, "1.1.0")
    token = seen[0].token
    assert token is not None
    kept = evidence.model_dump_json() + "".join(event.model_dump_json() for event in release.events) + repr(seen[0])
    assert token.get_secret_value() not in kept
    assert "Gf1!" not in kept
