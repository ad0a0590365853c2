"""Status tells who holds an environment, whether they live, and what comes next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO

import httpx
import pytest
import respx
from rich.console import Console

from deployments.standing import API, NextRun, Standing, next_runs, shown
from tasks.ledger import note, open_ledger
from tasks.settings import Settings

ASKED = {"version": "1.1.0", "environment": "rehearsal", "requested_by": "kim"}


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Iterator[respx.MockRouter]:
    monkeypatch.setenv(API, "http://prefect.test/api")
    with respx.mock() as router:
        yield router


def text(standing: Standing) -> str:
    console = Console(width=160, file=StringIO())
    with console.capture() as captured:
        console.print(shown(standing.look(), standing.state))
    return captured.get()


def test_an_environment_without_a_release_is_free(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API, raising=False)
    told = text(Standing(settings))
    assert "rehearsal is free" in told
    assert "rehearsal has seen no release yet" in told
    assert "next: not known, no Prefect server answers" in told


def test_who_holds_it_is_named_and_told_to_live(settings: Settings) -> None:
    standing = Standing(settings)
    with open_ledger(settings, release_id="1.1.0-test", version="1.1.0"):
        note("release.opened", ASKED)
        told = text(standing)
        assert "rehearsal is held by release 1.1.0-test" in told
        assert ": alive" in told
        assert standing.look().is_alive
    assert "rehearsal is free" in text(standing)
    assert standing.look().version == "1.1.0"


def test_what_comes_next_is_told_in_order(prefect: respx.MockRouter) -> None:
    run = {"name": "bold-otter", "parameters": {"release_id": "1.1.0-test", "after": "1h", "environment": "production"}}
    answer = [{**run, "expected_start_time": "2026-11-21T04:00:00+00:00"}]
    prefect.post("http://prefect.test/api/flow_runs/filter").mock(return_value=httpx.Response(200, json=answer))
    due = datetime(2026, 11, 21, 4, tzinfo=UTC)
    assert next_runs() == (NextRun(name="bold-otter 1.1.0-test 1h production", due=due),)


@pytest.mark.parametrize(
    "answer", [httpx.Response(401), httpx.Response(200, text="no json"), httpx.ConnectError("away")]
)
def test_a_prefect_that_does_not_answer_hides_nothing_else(
    prefect: respx.MockRouter, answer: httpx.Response | httpx.ConnectError
) -> None:
    route = prefect.post("http://prefect.test/api/flow_runs/filter")
    route.mock(**({"side_effect": answer} if isinstance(answer, Exception) else {"return_value": answer}))
    assert next_runs() is None
