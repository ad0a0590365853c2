"""Only what is known to be harmless to the version in production counts as an expansion."""

from pathlib import Path

import pytest

from tasks.expansion import contractions, statements

MIGRATIONS = Path(__file__).parents[2] / "deployments" / "twin" / "backend" / "migrations"

HARMLESS = [
    "ALTER TABLE bids ADD COLUMN currency text",
    "ALTER TABLE bids ADD COLUMN IF NOT EXISTS currency text NULL",
    "ALTER TABLE bids ADD currency text, ADD COLUMN rate numeric(12, 4)",
    "ALTER TABLE bids ADD COLUMN currency text NOT NULL DEFAULT 'KRW'",
    "ALTER TABLE bids ADD COLUMN currency text DEFAULT 'KRW'::text NOT NULL",
    "ALTER TABLE bids ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now()",
    'ALTER TABLE ONLY "Bids" ADD COLUMN "a;b" integer DEFAULT 0',
    "CREATE TABLE rates (id uuid PRIMARY KEY, bid uuid REFERENCES bids)",
    "CREATE TABLE rates (id int); CREATE INDEX rates_id ON rates (id); ALTER TABLE rates ADD CHECK (id > 0)",
    "CREATE TABLE public.rates (id int); INSERT INTO rates VALUES (1)",
    "CREATE INDEX CONCURRENTLY bids_at ON bids (created_at)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS bids_at ON ONLY bids (created_at)",
    "CREATE TYPE currency AS ENUM ('KRW'); ALTER TYPE currency ADD VALUE 'USD'",
    "COMMENT ON TABLE bids IS 'DROP TABLE bids;'",
    "-- DROP TABLE bids;\nSET lock_timeout = '2s'",
    "/* DROP TABLE bids; */ CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$ DELETE FROM bids; SELECT 1 $body$",
    "BEGIN; COMMIT",
    "",
]
HARMFUL = [
    "DROP TABLE bids",
    "ALTER TABLE bids DROP COLUMN origin",
    "ALTER TABLE bids RENAME COLUMN origin TO source",
    "ALTER TABLE bids RENAME TO offers",
    "ALTER TABLE bids ALTER COLUMN weight TYPE bigint",
    "ALTER TABLE bids ALTER COLUMN origin SET NOT NULL",
    "ALTER TABLE bids ADD COLUMN currency text NOT NULL",
    "ALTER TABLE bids ADD COLUMN id2 uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE bids ADD COLUMN r text NOT NULL DEFAULT '' || random()::text",
    "ALTER TABLE bids ADD COLUMN n bigserial",
    "ALTER TABLE bids ADD COLUMN n int GENERATED ALWAYS AS (1) STORED",
    "ALTER TABLE bids ADD COLUMN code text UNIQUE",
    "ALTER TABLE bids ADD COLUMN owner uuid REFERENCES users",
    "ALTER TABLE bids ADD CONSTRAINT positive CHECK (weight > 0)",
    "ALTER TABLE bids ADD CHECK (weight > 0)",
    "ALTER TABLE bids ADD COLUMN a text, DROP COLUMN b",
    "ALTER TABLE bids DISABLE ROW LEVEL SECURITY",
    "CREATE INDEX bids_at ON bids (created_at)",
    "CREATE UNIQUE INDEX CONCURRENTLY one_bid ON bids (origin)",
    "CREATE TRIGGER t BEFORE INSERT ON bids EXECUTE FUNCTION f()",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    "CREATE OR REPLACE VIEW v AS SELECT 1",
    "CREATE TABLE bids_2027 PARTITION OF bids FOR VALUES FROM (1) TO (2)",
    "UPDATE bids SET currency = 'KRW'",
    "DELETE FROM bids",
    "TRUNCATE bids",
    "INSERT INTO bids (id) VALUES (1)",
    "DO $$ BEGIN EXECUTE 'DROP TABLE bids'; END $$",
    "LOCK TABLE bids",
    "VACUUM FULL bids",
    "REINDEX TABLE bids",
    "SELECT pg_sleep(100)",
    "GRANT SELECT ON bids TO reader; DROP TABLE bids",
    # What only looks like a text or a comment to a careless reader, and is run by PostgreSQL.
    r"COMMENT ON TABLE bids IS 'a\'; DROP TABLE bids; --'",
    r"CREATE VIEW v AS SELECT text'\'; DROP TABLE bids; --'",
    "CREATE VIEW a$b$c AS SELECT 1; DROP TABLE bids; CREATE VIEW d$b$ AS SELECT 1",
    "/* /* nested */ DROP TABLE bids; */",
    "-- Down Migration\nDROP TABLE bids;\n-- Up Migration\nDROP TABLE users;",
    "-- down payments are kept elsewhere now\nDROP TABLE bids",
]


@pytest.mark.parametrize("migration", HARMLESS)
def test_an_expansion_passes(migration: str) -> None:
    assert contractions(migration) == []


@pytest.mark.parametrize("migration", HARMFUL)
def test_what_the_old_version_may_not_survive_is_refused(migration: str) -> None:
    assert contractions(migration)


def test_the_part_that_undoes_a_migration_is_not_judged() -> None:
    migration = (
        "-- Up Migration\nALTER TABLE bids ADD COLUMN c text;\n\n-- Down Migration\nALTER TABLE bids DROP COLUMN c;"
    )
    assert list(statements(migration)) == ["ALTER TABLE bids ADD COLUMN c text"]
    assert contractions(migration) == []


@pytest.mark.parametrize("file", sorted(MIGRATIONS.glob("*.sql")), ids=lambda file: file.name)
def test_the_twin_s_own_migrations_only_expand(file: Path) -> None:
    assert contractions(file.read_text()) == []


def test_a_refusal_names_the_statement_and_why() -> None:
    assert contractions("ALTER TABLE bids\n  ALTER origin SET NOT NULL;") == [
        "ALTER TABLE bids ALTER origin SET NOT NULL: of a table in use, only ADD COLUMN is known to be an expansion"
    ]
