"""The schema expands once, by one process, giving way to traffic; anything else is refused (safety I17, I18)."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from deployments.twin.node import node_environment
from deployments.twin.repository import BACKEND, Repository, make_repository
from tasks import migration
from tasks.clients.node import Project
from tasks.errors import PermanentError, TransientError
from tasks.ledger import Ledger, open_ledger
from tasks.migration import migrate_database, prepare_migration
from tasks.migration_lock import LOCK_KEY
from tasks.migration_tool import APPLICATION, Status
from tasks.models import Checkout
from tasks.schema import read_schema_version
from tasks.settings import Settings, SourceSettings
from tasks.source import check_out
from tests.tasks.stores import URL_VARIABLE, new_plan, run_sql

pytest_plugins = ["tests.tasks.stores_fixtures"]

PLAN = new_plan("1.1.0-schema")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("git"), "1.1.0")


@pytest.fixture(scope="module")
def node_path(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return node_environment(tmp_path_factory.mktemp("node") / "bin")["PATH"].split(os.pathsep)


@pytest.fixture
def settings(
    new_settings: Callable[..., Settings], repository: Repository, database: str, node_path: list[str]
) -> Settings:
    return new_settings(
        SOURCE__REPOSITORY=str(repository.origin),
        BUILD__PATH=json.dumps(node_path),
        DATABASE__URL=f"env:{URL_VARIABLE}",
        MIGRATION__INSTALL=json.dumps(["true"]),
        MIGRATION__LOCK_TIMEOUT_S="0.3",
        MIGRATION__RETRY_S="0.1",
        MIGRATION__ATTEMPTS="3",
        LEDGER__READ_BACK_S="5",
    )


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id=PLAN.release_id, version="1.1.0") as opened:
        yield opened


@pytest.fixture(scope="module")
def sources(
    repository: Repository, node_path: list[str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Checkout]:
    """Both versions, their dependencies installed once for all tests."""
    source = SourceSettings(repository=str(repository.origin))
    folder = tmp_path_factory.mktemp("sources")
    found = {version: check_out(source, version, folder / version) for version in ("1.0.0", "1.1.0")}
    for checkout in found.values():
        Project(Path(checkout.folder) / BACKEND, node_path).run(("npm", "ci"), timeout_s=200, on_line=print)
    return found


@pytest.fixture
def stable_schema(settings: Settings, release: Ledger, sources: dict[str, Checkout]) -> None:
    assert migrate_database.fn(settings, PLAN, sources["1.0.0"]).applied == ("001_base-schema",)


@pytest.fixture
def candidate(sources: dict[str, Checkout], tmp_path: Path) -> Checkout:
    """The candidate's source in a copy the test may change; its dependencies are those installed once."""
    original = Path(sources["1.1.0"].folder)
    backend = tmp_path / "source" / BACKEND
    backend.mkdir(parents=True)
    for name in ("package.json", "node_modules"):
        (backend / name).symlink_to(original / BACKEND / name)
    for folder in ("migrations", "scripts"):
        (backend / folder).mkdir()
        for file in (original / BACKEND / folder).iterdir():
            (backend / folder / file.name).write_text(file.read_text())
    return sources["1.1.0"].model_copy(update={"folder": str(tmp_path / "source")})


def columns(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'bids'")
        return {str(row[0]) for row in rows}


def add_migration(candidate: Checkout, name: str, statements: str) -> None:
    file = Path(candidate.folder) / BACKEND / "migrations" / f"{name}.sql"
    file.write_text(f"-- Up Migration\n{statements}\n")


def done(release: Ledger) -> list[str]:
    return [str(event.data["key"]) for event in release.events if event.kind == "effect.done"]


@contextmanager
def held(database: str, statement: str, application: str = "somebody") -> Iterator[psycopg.Connection]:
    """Hold what a statement takes, as a transaction of somebody else would."""
    with psycopg.connect(database, application_name=application) as connection:
        connection.execute(statement.encode())
        yield connection
        connection.rollback()


def test_what_is_pending_is_applied_and_the_schema_s_version_is_read(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, database: str
) -> None:
    proof = migrate_database.fn(settings, PLAN, candidate)
    assert proof.failed == ()
    assert proof.applied == ("002_bid-currency",)
    assert proof.schema_version == "002_bid-currency"
    assert "currency" in columns(database)


def test_applying_again_changes_nothing_and_runs_nothing(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout
) -> None:
    migrate_database.fn(settings, PLAN, candidate)
    before = len(done(release))
    proof = migrate_database.fn(settings, PLAN, candidate)
    assert (proof.applied, proof.failed) == ((), ())
    assert len(done(release)) == before


def test_what_is_pending_is_judged_early_and_installed_once(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, database: str
) -> None:
    counter = Path(candidate.folder) / "installs"
    install = ("sh", "-c", f"echo once >> {counter}")
    given = settings.model_copy(update={"migration": settings.migration.model_copy(update={"install": install})})
    evidence = prepare_migration.fn(given, PLAN, candidate)
    assert evidence.failed == ()
    assert evidence.checks[1].found == "1 pending: 002_bid-currency"
    assert "currency" not in columns(database)
    assert migrate_database.fn(given, PLAN, candidate).applied == ("002_bid-currency",)
    assert counter.read_text().split() == ["once"]


def test_a_contraction_is_refused_and_nothing_is_applied(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, database: str
) -> None:
    add_migration(candidate, "003_drop", "ALTER TABLE bids DROP COLUMN origin;")
    proof = migrate_database.fn(settings, PLAN, candidate)
    ours, linter = proof.failed
    assert ours.found.startswith("003_drop: ALTER TABLE bids DROP COLUMN origin:")
    assert linter.found == "003_drop:2 ban-drop-column: Dropping a column may break existing clients."
    assert proof.applied == ()
    assert {"origin"} <= columns(database)
    assert "currency" not in columns(database)


def test_a_migration_that_is_no_sql_is_refused(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(candidate.folder) / BACKEND / "migrations" / "002_bid-currency.sql").rename(
        Path(candidate.folder) / BACKEND / "migrations" / "002_bid-currency.js"
    )
    status = Status(applied=("001_base-schema",), pending=("002_bid-currency",), unknown=())
    monkeypatch.setattr(migration, "read_status", lambda _: status)
    (check,) = migrate_database.fn(settings, PLAN, candidate).failed
    assert "only SQL that can be read can be judged" in check.found


def test_a_schema_newer_than_the_source_is_refused(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, sources: dict[str, Checkout]
) -> None:
    migrate_database.fn(settings, PLAN, candidate)
    (check,) = migrate_database.fn(settings, PLAN, sources["1.0.0"]).failed
    assert check.found == "002_bid-currency"


def free_once_refused(release: Ledger, connection: psycopg.Connection) -> None:
    """End the long transaction as soon as the migration has once given way to it."""
    while not any(event.kind == "effect.unknown" for event in release.events):
        time.sleep(0.05)
    connection.rollback()


def test_a_migration_gives_way_to_a_long_transaction_and_comes_back(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, database: str
) -> None:
    with held(database, "LOCK TABLE bids IN ACCESS SHARE MODE") as connection:
        freed = threading.Thread(target=free_once_refused, args=(release, connection))
        freed.start()
        patient = settings.model_copy(update={"migration": settings.migration.model_copy(update={"attempts": 20})})
        proof = migrate_database.fn(patient, PLAN, candidate)
        freed.join()
    assert proof.applied == ("002_bid-currency",)
    kinds = [event.kind for event in release.events if str(event.data.get("key", "")).startswith("1.1.0 attempt")]
    assert kinds.count("effect.unknown") >= 1
    assert kinds[-1] == "effect.done"


def test_a_lock_that_is_never_free_ends_the_attempts(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, database: str
) -> None:
    with held(database, "LOCK TABLE bids IN ACCESS SHARE MODE", "monthly report") as holder:
        pid = holder.info.backend_pid
        with pytest.raises(PermanentError, match=r"3 attempts each waited 0\.3 s for a lock") as caught:
            migrate_database.fn(settings, PLAN, candidate)
    said = str(caught.value)
    assert f"held by process {pid} (glec_admin, monthly report, idle in transaction for " in said
    assert f"SELECT pg_terminate_backend({pid})" in said
    assert "currency" not in columns(database)


@pytest.mark.parametrize(
    "other",
    [
        (f"SELECT pg_advisory_lock({LOCK_KEY})", "somebody", "the migration lock"),
        ("SELECT 1", APPLICATION, "the end of an earlier migration"),
    ],
    ids=["another release migrates", "an orphan of a killed release still migrates"],
)
def test_two_never_migrate_at_the_same_time(
    settings: Settings,
    release: Ledger,
    stable_schema: None,
    candidate: Checkout,
    database: str,
    other: tuple[str, str, str],
) -> None:
    statement, application, awaited = other
    hasty = settings.model_copy(update={"migration": settings.migration.model_copy(update={"timeout_s": 3})})
    before = len(done(release))
    with held(database, statement, application), pytest.raises(TransientError, match=f"could not see {awaited}"):
        migrate_database.fn(hasty, PLAN, candidate)
    assert len(done(release)) == before
    assert "currency" not in columns(database)


def test_a_tool_that_fails_is_an_error_without_the_password(
    settings: Settings, release: Ledger, stable_schema: None, candidate: Checkout, database: str
) -> None:
    add_migration(candidate, "003_wrong", "ALTER TABLE nowhere ADD COLUMN a text;")
    with pytest.raises(PermanentError, match=r'relation "nowhere" does not exist') as caught:
        migrate_database.fn(settings, PLAN, candidate)
    # The tool runs all of them in one transaction: the first one is taken back, too.
    assert "applied of it: none; still pending: 002_bid-currency, 003_wrong;" in str(caught.value)
    assert "correct the migration, then release again; revert nothing" in str(caught.value)
    assert "currency" not in columns(database)
    password = urlsplit(database).password or "none"
    assert password not in str(caught.value)
    assert all(password not in event.model_dump_json() for event in release.events)


def test_a_status_that_is_no_json_is_refused(settings: Settings, release: Ledger, candidate: Checkout) -> None:
    talkative = settings.model_copy(
        update={"migration": settings.migration.model_copy(update={"status": ("echo", "all fine")})}
    )
    with pytest.raises(PermanentError, match="found 'all fine', expected JSON"):
        migrate_database.fn(talkative, PLAN, candidate)


def test_a_database_without_migrations_stands_at_none(settings: Settings) -> None:
    assert read_schema_version(settings) == "none"


def test_the_schema_s_version_is_the_last_applied_one(settings: Settings, database: str) -> None:
    run_sql(
        database,
        "CREATE TABLE pgmigrations (id serial, name text); INSERT INTO pgmigrations (name) VALUES ('9'), ('10')",
    )
    assert read_schema_version(settings) == "10"
