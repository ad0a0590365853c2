"""A migration that must not reach users stops its release: the schema and all traffic stay where they were."""

import psycopg
import pytest

from deployments.twin.faults import BAD_MIGRATIONS
from deployments.twin.held_lock import holding
from flows.core.record import Ending
from tests.rehearsal.conftest import Stage
from tests.tasks.stores import databases_of

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(240)]

SAID = {
    "migration-drops-column": "003_extra: ALTER TABLE bids DROP COLUMN origin",
    "migration-fails": 'migrations on the restored backup: found 003_extra: column "currency" of relation "bids"',
}


def columns(stage: Stage) -> set[str]:
    with psycopg.connect(stage.twin.postgres.url("greenflow")) as connection:
        found = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'bids'")
        return {str(row[0]) for row in found}


@pytest.mark.parametrize("fault", ["migration-drops-column", "migration-fails"])
def test_a_bad_migration_is_refused_before_the_live_schema_is_touched(stage: Stage, fault: str) -> None:
    before, schema = stage.weights(), columns(stage)
    version = "3.0.1" if fault == "migration-fails" else "3.0.2"
    stage.twin.publish(version, migration=BAD_MIGRATIONS[fault].up)
    ended = stage.finish(stage.start(version), stage.users())
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    assert SAID[fault] in ended.report.verdict
    assert (stage.weights(), columns(stage)) == (before, schema)
    assert stage.shifts(ended) == []
    assert "4.3 migrate the database" not in ended.state.stages
    assert ended.failed == 0
    assert not {name for name in databases_of(stage.twin.postgres) if name.startswith("greenflow_restore_")}


def test_a_migration_that_waits_for_somebodys_lock_gives_up_names_them_and_lets_users_through(stage: Stage) -> None:
    before, schema, users = stage.weights(), columns(stage), stage.users()
    stage.twin.publish("3.0.3", migration="ALTER TABLE bids ADD COLUMN note text;")
    with holding(stage.twin.postgres.url("greenflow"), BAD_MIGRATIONS["migration-waits"]) as pid:
        ended = stage.finish(stage.start("3.0.3", GREENFLOW_MIGRATION__ATTEMPTS="2"), users)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    assert "2 attempts each waited 1 s for a lock, held by process" in ended.report.verdict
    assert "monthly report" in ended.report.verdict
    assert f"SELECT pg_terminate_backend({pid})" in ended.report.verdict
    assert (stage.weights(), columns(stage)) == (before, schema)
    assert stage.shifts(ended) == []
    # Whoever comes to the table waits behind the migration, and no longer than the API waits for its database.
    assert ended.failed == 0
    assert not stage.held_back()
