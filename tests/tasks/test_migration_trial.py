"""The migration is tried on the restored backup: timed, its locks listed, and what the old version would miss."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest
from pydantic import SecretStr

from tasks.clients.node import Project
from tasks.ledger import Ledger
from tasks.migration_tool import Backend
from tasks.migration_trial import try_pending
from tasks.models import Check, MigrationTrial, TableProof
from tasks.settings import Settings
from tests.tasks.stores import run_sql

pytest_plugins = ["tests.tasks.stores_fixtures"]

TABLES = MappingProxyType({"public.bids": TableProof(rows=1000, sha256="0" * 64)})
SCHEMA = """
    CREATE TABLE done (name text PRIMARY KEY);
    CREATE TABLE bids (id integer PRIMARY KEY, origin text NOT NULL);
    INSERT INTO bids SELECT n, 'Seoul' FROM generate_series(1, 1000) n"""
# A migration tool in ten lines: each file in a transaction of its own, as many tools have it.
TOOL = """
import json, os, pathlib, sys
import psycopg
files = sorted(pathlib.Path("migrations").glob("*.sql"))
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    applied = [row[0] for row in connection.execute("SELECT name FROM done ORDER BY 1")]
    pending = [file for file in files if file.stem not in applied]
    if sys.argv[1] == "status":
        names = [file.stem for file in pending]
        print(json.dumps({"applied": applied, "pending": names, "unknown": []}))
    else:
        for file in pending:
            with connection.transaction():
                connection.execute(file.read_bytes())
                connection.execute("INSERT INTO done VALUES (%s)", (file.stem,))
"""

Try = Callable[..., MigrationTrial]


@pytest.fixture
def backend(settings: Settings, database: str, tmp_path: Path) -> Backend:
    run_sql(database, SCHEMA)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "tool.py").write_text(TOOL)
    given = {"status": (sys.executable, "tool.py", "status"), "migrate": (sys.executable, "tool.py", "migrate")}
    migration = settings.migration.model_copy(update=given)
    url = SecretStr(database)
    project = Project(tmp_path, secret_env={"DATABASE_URL": url})
    return Backend(settings.model_copy(update={"migration": migration}), project, url)


@pytest.fixture
def tried(backend: Backend, ledger: Ledger) -> Try:
    """Try statements, one migration each, on the restored database."""

    def run(*migrations: str, longest_lock_s: float = 3) -> MigrationTrial:
        names = tuple(f"{number:03}_it" for number, _ in enumerate(migrations, 1))
        for name, text in zip(names, migrations, strict=True):
            (backend.folder / f"{name}.sql").write_text(text)
        limited = backend.settings.migration.model_copy(update={"longest_lock_s": longest_lock_s})
        settings = backend.settings.model_copy(update={"migration": limited})
        return try_pending(Backend(settings, backend.project, backend.url), names, TABLES)

    return run


def named(trial: MigrationTrial, name: str) -> Check:
    return next(check for check in trial.checks if check.name == name)


def columns(backend: Backend) -> set[str]:
    with psycopg.connect(backend.url.get_secret_value()) as connection:
        found = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'bids'")
        return {str(row[0]) for row in found}


def test_an_expansion_is_applied_timed_and_its_locks_are_listed(tried: Try, backend: Backend, ledger: Ledger) -> None:
    trial = tried("ALTER TABLE bids ADD COLUMN currency text", "CREATE TABLE fresh (id integer)")
    assert trial.failed == ()
    assert [step.locks for step in trial.steps] == [
        ("AccessExclusiveLock on public.bids",),
        ("AccessExclusiveLock on public.bids",),  # held to the end of the one transaction they were measured in
    ]
    assert trial.took_s > 0
    assert named(trial, "rows after the tried migrations").found == "1000 rows"
    assert "currency" in columns(backend)
    assert json.loads(trial.model_dump_json())["steps"][0]["name"] == "001_it"
    kinds = [event.data["effect"] for event in ledger.events if event.kind == "effect.done"]
    assert kinds == ["postgres.try_migration"]


def test_a_migration_that_fails_in_the_middle_is_a_failed_check_that_says_why(tried: Try, backend: Backend) -> None:
    trial = tried("ALTER TABLE bids ADD COLUMN a text", "UPDATE bids SET id = 1")
    (check,) = trial.failed
    assert check.name == "migrations on the restored backup"
    assert check.found == '002_it: duplicate key value violates unique constraint "bids_pkey"'
    assert check.note == "nothing of it was run on the live database"
    assert "a" not in columns(backend)


def test_a_tool_that_fails_where_the_sql_alone_did_not_is_a_failed_check(tried: Try) -> None:
    # In a transaction of its own it works; after its own COMMIT the second statement is on its own.
    trial = tried("BEGIN; ALTER TABLE bids ADD COLUMN a text; COMMIT; SELECT 1 / 0")
    (check,) = trial.failed
    assert "division by zero" in check.found


def test_a_migration_that_holds_writers_too_long_is_refused_with_both_times(tried: Try) -> None:
    trial = tried("ALTER TABLE bids ADD COLUMN a text; SELECT pg_sleep(0.2)", longest_lock_s=0.1)
    (check,) = trial.failed
    assert check.name == "locks of the migrations on the restored data"
    assert "AccessExclusiveLock on public.bids" in check.found
    assert check.expected == "writers kept away for <= 0.1 s"


def test_what_the_text_hides_shows_in_the_catalogue(tried: Try) -> None:
    hidden = "DO $$ BEGIN EXECUTE 'ALTER TABLE bids DROP COLUMN ' || 'origin'; END $$"
    (check,) = tried(hidden).failed
    assert check.name == "the old version on the tried schema"
    assert check.found == "public.bids.origin is gone"


def test_rows_that_a_migration_takes_away_are_counted(tried: Try) -> None:
    (check,) = tried("DELETE FROM bids WHERE id > 990").failed
    assert (check.found, check.expected) == ("public.bids: 990", "public.bids: 1000")


def test_a_migration_outside_of_a_transaction_is_tried_without_its_locks(tried: Try, backend: Backend) -> None:
    trial = tried("BEGIN; ALTER TABLE bids ADD COLUMN a text; COMMIT")
    assert trial.failed == ()
    assert named(trial, "locks of the migrations on the restored data").outcome == "skipped"
    assert "a" in columns(backend)
