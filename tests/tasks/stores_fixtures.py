"""A real PostgreSQL for the stages' tests, a database of its own for each; a plugin of the tests that name it."""

import secrets
from collections.abc import Iterator

import pytest

from deployments.twin.postgres import Postgres
from deployments.twin.processes import Processes
from tests.tasks.stores import URL_VARIABLE


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Processes() as processes, Postgres(processes, processes.folder) as started:
        yield started


@pytest.fixture
def database(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database of the test's own; settings find it by URL_VARIABLE."""
    url = postgres.create_database(f"glec_{secrets.token_hex(4)}")
    monkeypatch.setenv(URL_VARIABLE, url)
    return url
