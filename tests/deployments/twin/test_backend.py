"""The twin's API project migrates a real database with a real tool, and its exit codes are honest."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployments.twin.postgres import Postgres
from deployments.twin.processes import Processes
from deployments.twin.repository import BACKEND, Repository

Npm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def backend(repository: Repository, npm: Npm) -> Path:
    project = repository.path / BACKEND
    installed = npm(project, "ci")
    assert installed.returncode == 0, installed.stderr
    return project


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Processes() as processes, Postgres(processes, processes.folder) as server:
        yield server


@pytest.fixture
def database(postgres: Postgres, request: pytest.FixtureRequest) -> str:
    return postgres.create_database(request.node.name[:60])


def status(npm: Npm, backend: Path, database: str) -> Any:
    asked = npm(backend, "run", "--silent", "db:status", DATABASE_URL=database)
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


def test_it_migrates_says_so_and_goes_one_step_back(backend: Path, npm: Npm, database: str) -> None:
    env = {"DATABASE_URL": database}
    base, currency = "001_base-schema", "002_bid-currency"
    assert status(npm, backend, database) == {"applied": [], "pending": [base, currency], "unknown": []}
    assert npm(backend, "run", "db:migrate", **env).returncode == 0
    assert status(npm, backend, database) == {"applied": [base, currency], "pending": [], "unknown": []}
    assert npm(backend, "run", "db:migrate:revert", **env).returncode == 0
    assert status(npm, backend, database) == {"applied": [base], "pending": [currency], "unknown": []}


def test_the_old_version_goes_on_writing_on_the_new_schema(backend: Path, npm: Npm, database: str) -> None:
    assert npm(backend, "run", "db:migrate", DATABASE_URL=database).returncode == 0
    with psycopg.connect(database) as connection:
        user = connection.execute(
            "INSERT INTO users (id, email, password_hash, role)"
            " VALUES (gen_random_uuid(), 'a@greenflow.dev', 'x', 'SHIPPER') RETURNING id"
        ).fetchone()
        assert user is not None
        connection.execute(
            "INSERT INTO bids (id, user_id, origin, destination, cargo_weight)"
            " VALUES (gen_random_uuid(), %s, 'Seoul', 'Busan', 10)",
            user,
        )


def test_a_lock_time_out_in_pgoptions_is_honoured(backend: Path, npm: Npm, database: str) -> None:
    env = {"DATABASE_URL": database, "PGOPTIONS": "-c lock_timeout=200ms"}
    assert npm(backend, "run", "db:migrate", **env).returncode == 0
    assert npm(backend, "run", "db:migrate:revert", **env).returncode == 0
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE bids IN SHARE MODE")
        refused = npm(backend, "run", "db:migrate", **env)
    assert refused.returncode == 1
    assert "55P03" in refused.stderr, "lock_not_available"
    assert status(npm, backend, database)["pending"] == ["002_bid-currency"]


def test_two_migrations_at_once_are_refused(backend: Path, npm: Npm, database: str) -> None:
    env = {"DATABASE_URL": database}
    with psycopg.connect(database) as connection:
        connection.execute("SELECT pg_advisory_lock(7241865325823964)")
        refused = npm(backend, "run", "db:migrate", **env)
    assert refused.returncode == 1
    assert "already running" in refused.stderr


@pytest.mark.parametrize("script", ["db:migrate", "db:migrate:revert", "db:status"])
@pytest.mark.parametrize("url", ["postgresql://nobody:wrong@127.0.0.1:1/none", ""])
def test_without_a_database_each_command_fails(backend: Path, npm: Npm, script: str, url: str) -> None:
    assert npm(backend, "run", script, DATABASE_URL=url).returncode == 1
