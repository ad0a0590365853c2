"""The load test loads for real and keeps its budgets; Lighthouse runs where a browser is."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from tasks.clients.lighthouse import PageAudit, find_browser
from tasks.clients.load import Load
from tasks.errors import PermanentError
from tasks.models import Check, Outcome
from tasks.performance import check_performance, judge_load, judge_page
from tasks.settings import Settings
from tasks.verification_settings import LighthouseSettings, PerformanceSettings

LOAD = Load(
    url="http://api/health",
    requests=1500,
    server_errors=0,
    unanswered=0,
    statuses={"200": 1500},
    p50_ms=20,
    p97_5_ms=90,
    p99_ms=140,
    max_ms=300,
)
PAGE = PageAudit(
    url="http://site",
    performance=0.98,
    accessibility=1,
    largest_contentful_paint_ms=1200,
    total_blocking_time_ms=0,
    layout_shift=0,
    page_kb=20,
)


PAGE_TEXT = """<!doctype html><html lang="ko"><head><title>GreenFlow</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>GreenFlow</h1></main></body></html>"""


class Api:
    """Answer well, and at some paths late or with an error; remember what each request said of itself."""

    url = ""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        if request.url.path == "/slow":
            await asyncio.sleep(0.15)
        if request.url.path == "/page":
            return HTMLResponse(PAGE_TEXT)
        return PlainTextResponse("ok", 503 if request.url.path == "/broken" else 200)


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    server = HttpThread(Starlette(routes=[Route("/{path:path}", api.answer)]), "api-under-load")
    server.start()
    api.url = server.url
    yield api
    server.stop()


@pytest.fixture
def loaded(new_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("LOAD_TOKEN", "canary-token-of-the-load")
    return new_settings(
        PERFORMANCE__PATHS='["/fast", "/slow", "/broken"]',
        PERFORMANCE__TOKEN="env:LOAD_TOKEN",
        PERFORMANCE__DURATION_S="1",
        PERFORMANCE__REQUESTS_PER_S="40",
        PERFORMANCE__CONNECTIONS="6",
        PERFORMANCE__LEAST_REQUESTS="10",
        PERFORMANCE__P97_5_MS="120",
        PERFORMANCE__P99_MS="2000",
    )


def failed(checks: tuple[Check, ...]) -> set[str]:
    return {check.name for check in checks if check.outcome is Outcome.FAILED}


def test_a_slow_path_and_a_broken_one_are_found_under_load_and_the_good_one_passes(loaded: Settings, api: Api) -> None:
    proof = check_performance(loaded, api_url=api.url, site_url="http://nobody.invalid")
    fast, slow, broken = proof.loads
    assert f"P97.5 of {api.url}/slow, which P95 cannot exceed" in failed(proof.checks)
    assert f"errors of {api.url}/broken" in failed(proof.checks)
    assert not {name for name in failed(proof.checks) if name.endswith("/fast")}
    assert slow.p97_5_ms >= 150
    assert fast.server_errors == fast.unanswered == 0
    assert broken.server_errors == broken.requests > 0
    assert {headers["x-greenflow-probe"] for headers in api.headers} == {"1"}
    assert {headers["authorization"] for headers in api.headers} == {"Bearer canary-token-of-the-load"}
    assert "canary-token" not in proof.model_dump_json()
    (skipped,) = (check for check in proof.checks if check.outcome is Outcome.SKIPPED)
    assert skipped.line == "Lighthouse: skipped (off in this environment: performance.lighthouse.enabled is false)"


def test_an_api_that_does_not_answer_fails_and_without_a_browser_lighthouse_says_what_to_do(loaded: Settings) -> None:
    nowhere = LighthouseSettings(chromium="/nowhere/chromium")
    settings = loaded.model_copy(update={"performance": loaded.performance.model_copy(update={"lighthouse": nowhere})})
    proof = check_performance(settings, api_url="http://127.0.0.1:9", site_url="http://nobody.invalid")
    assert {"errors of http://127.0.0.1:9/fast", "requests to http://127.0.0.1:9/fast"} <= failed(proof.checks)
    assert proof.page is None
    assert "there is no /nowhere/chromium here: install it" in proof.checks[-1].note


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"p97_5_ms": 300}, "P97.5 of http://api/health, which P95 cannot exceed: found 300 ms, expected < 300 ms"),
        ({"p99_ms": 1200}, "P99 of http://api/health: found 1200 ms, expected < 1000 ms"),
        ({"server_errors": 1}, "errors of http://api/health: found 1 of 1500: 1 of 5xx, 0 without an answer"),
        ({"unanswered": 2}, "errors of http://api/health: found 2 of 1500: 0 of 5xx, 2 without an answer"),
        ({"requests": 99}, "requests to http://api/health: found 99, expected >= 100"),
    ],
)
def test_every_bound_of_the_load_has_both_numbers_in_its_no(change: dict[str, int], refused: str) -> None:
    checks = judge_load(LOAD.model_copy(update=change), PerformanceSettings())
    (check,) = (check for check in checks if check.outcome is Outcome.FAILED)
    assert check.line.startswith(refused)


def test_a_good_measurement_passes_every_bound() -> None:
    assert not failed(judge_load(LOAD, PerformanceSettings()))
    assert not failed(judge_page(PAGE, LighthouseSettings()))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"performance": 0.89}, "Lighthouse performance"),
        ({"accessibility": 0.5}, "Lighthouse accessibility"),
        ({"largest_contentful_paint_ms": 2500}, "largest contentful paint"),
        ({"total_blocking_time_ms": 300}, "total blocking time"),
        ({"layout_shift": 0.11}, "layout shift"),
        ({"page_kb": 1001}, "page weight"),
    ],
)
def test_every_budget_of_the_page_can_be_broken(change: dict[str, float], name: str) -> None:
    assert failed(judge_page(PAGE.model_copy(update=change), LighthouseSettings())) == {name}


def test_a_folder_that_cannot_be_written_is_named(
    new_settings: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> None:
    blocked = tmp_path_factory.mktemp("tools") / "a-file"
    blocked.write_text("in the way")
    with pytest.raises(PermanentError, match=r"could not install load in .*a-file: .*set performance\.tools"):
        check_performance(
            new_settings(PERFORMANCE__TOOLS=str(blocked)), api_url="http://127.0.0.1:9", site_url="http://127.0.0.1:9"
        )


@pytest.mark.slow
@pytest.mark.skipif(find_browser("") is None, reason="no Chromium on this machine")
def test_lighthouse_audits_a_page_in_a_real_browser(new_settings: Callable[..., Settings], api: Api) -> None:
    settings = new_settings(PERFORMANCE__LIGHTHOUSE__ENABLED="true", PERFORMANCE__DURATION_S="1")
    page = check_performance(settings, api_url=api.url, site_url=f"{api.url}/page").page
    assert page is not None
    assert 0 < page.performance <= 1
