"""Numbers of staging count when they are good, many, young, and of the very commit; without them it is measured."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from deployments.twin.staging import autocannon
from tasks.checklist.performance import check_performance
from tasks.errors import SettingsError
from tasks.models import Check
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import COMMIT, NOW, failed, named, subject


def asked(new_settings: NewSettings, folder: Path, body: bytes) -> tuple[Check, ...]:
    file = folder / "performance.json"
    file.write_bytes(body)
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    return check_performance(new_settings(CHECKLIST__PERFORMANCE__FILE=str(file)), subject())


def told(**changes: Any) -> bytes:
    return json.dumps(json.loads(autocannon(COMMIT)) | changes).encode()


def test_good_numbers_of_the_commit_pass(new_settings: NewSettings, tmp_path: Path) -> None:
    assert failed(asked(new_settings, tmp_path, autocannon(COMMIT, p97_5_ms=299))) == []


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (autocannon(COMMIT, p97_5_ms=300), ["performance on staging: P97.5"]),
        (autocannon(COMMIT, p97_5_ms=501), ["performance on staging: P97.5", "performance on staging: P99"]),
        (autocannon(COMMIT, requests=999), ["performance on staging: requests"]),
        (autocannon("e" * 40), ["performance on staging: commit"]),
        (told(non2xx=301), ["performance on staging: errors"]),
        (told(requests={"total": 0}), ["performance on staging: requests"]),
        (b"{}", ["performance on staging"]),
        (b"[1]", ["performance on staging"]),
        (b"Error: connect ECONNREFUSED", ["performance on staging"]),
    ],
)
def test_each_bad_number_is_refused_by_its_name(
    new_settings: NewSettings, tmp_path: Path, body: bytes, refused: list[str]
) -> None:
    assert failed(asked(new_settings, tmp_path, body)) == refused


class Staging:
    """Answer as the API on staging does, and count what is asked of it."""

    version = "1.1.0"

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def answer(self, request: Request) -> JSONResponse:
        self.paths.append(request.url.path)
        return JSONResponse({"status": "ok", "version": self.version})


@pytest.fixture
def staging() -> Iterator[tuple[Staging, str]]:
    api = Staging()
    with HttpThread(Starlette(routes=[Route("/{path:path}", api.answer)]), "staging") as server:
        yield api, server.url


def at(url: str, file: str = "") -> dict[str, str]:
    given = {"FILE": file, "STAGING_URL": url, "LEAST_REQUESTS": "20", "P95_MS": "2000", "P99_MS": "4000"}
    load = {"PERFORMANCE__DURATION_S": "1", "PERFORMANCE__REQUESTS_PER_S": "30", "PERFORMANCE__CONNECTIONS": "4"}
    return {f"CHECKLIST__PERFORMANCE__{key}": value for key, value in given.items()} | load


def test_without_results_of_this_commit_staging_is_measured_now(
    new_settings: NewSettings, tmp_path: Path, staging: tuple[Staging, str]
) -> None:
    api, url = staging
    (tmp_path / "performance.json").write_bytes(autocannon("e" * 40))
    checks = check_performance(new_settings(**at(url, str(tmp_path / "performance.json"))), subject())
    assert failed(checks) == []
    assert named(checks, "performance on staging: P97.5").note == f"measured now at {url}"
    assert api.paths.count("/api/v2/order/bids") >= 20


def test_a_young_file_of_this_commit_counts_although_it_is_bad_and_nothing_is_loaded(
    new_settings: NewSettings, tmp_path: Path, staging: tuple[Staging, str]
) -> None:
    api, url = staging
    file = tmp_path / "performance.json"
    file.write_bytes(autocannon(COMMIT, p97_5_ms=2500))
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    checks = check_performance(new_settings(**at(url, str(file))), subject())
    assert failed(checks) == ["performance on staging: P97.5", "performance on staging: P99"]
    assert api.paths == []


def test_a_staging_that_runs_another_version_is_not_measured(
    new_settings: NewSettings, tmp_path: Path, staging: tuple[Staging, str]
) -> None:
    api, url = staging
    api.version = "1.0.9"
    (check,) = check_performance(new_settings(**at(url, str(tmp_path / "none.json"))), subject())
    assert check.line == "performance on staging: version: found 1.0.9, expected 1.1.0"
    assert len(api.paths) == 1


def test_production_is_never_taken_for_staging(new_settings: NewSettings) -> None:
    with pytest.raises(SettingsError, match="found production's own http://api, expected staging's"):
        new_settings(LOAD_BALANCER__URL="http://api/", **at("http://api"))
