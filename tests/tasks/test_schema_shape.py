"""The catalogue tells what the version in production would miss after a migration, however it was written."""

import psycopg
import pytest

from tasks.schema_shape import breaks, read_shape
from tests.tasks.stores import BUSINESS, run_sql

pytest_plugins = ["tests.tasks.stores_fixtures"]

EXPANSIONS = [
    "ALTER TABLE users ADD COLUMN phone text",
    "ALTER TABLE users ADD COLUMN seen timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE users ALTER COLUMN email DROP NOT NULL",
    "CREATE INDEX ON users (born)",
    "ALTER TYPE role ADD VALUE 'BROKER'",
    "CREATE TABLE fresh (id integer PRIMARY KEY, name text NOT NULL UNIQUE CHECK (name <> ''))",
]
CONTRACTIONS = {
    "DROP TABLE empty_one": "public.empty_one is gone",
    "ALTER TABLE users DROP COLUMN born": "public.shippers is gone; public.users.born is gone",
    'ALTER TABLE logistics."Bids" RENAME COLUMN note TO remark': "logistics.Bids.note is gone",
    'ALTER TABLE logistics."Bids" ALTER COLUMN weight TYPE numeric(14, 3)': (
        "logistics.Bids.weight became numeric(14,3), was numeric(12,3)"
    ),
    'ALTER TABLE logistics."Bids" ALTER COLUMN note SET NOT NULL': "logistics.Bids.note became NOT NULL",
    'ALTER TABLE logistics."Bids" ALTER COLUMN at DROP DEFAULT': "logistics.Bids.at lost its default",
    "ALTER TABLE empty_one ADD COLUMN name text NOT NULL": (
        "public.empty_one.name is new, NOT NULL and without a default"
    ),
    "ALTER TABLE users ADD CONSTRAINT lower CHECK (email = lower(email)) NOT VALID": (
        "public.users has a new constraint lower"
    ),
    "CREATE UNIQUE INDEX one_a_day ON users (born)": "public.users has a new unique index one_a_day",
    "DO $$ BEGIN EXECUTE 'ALTER TABLE empty_one DROP COLUMN id'; END $$": "public.empty_one is gone",
}


@pytest.fixture
def connection(database: str) -> psycopg.Connection:
    run_sql(database, BUSINESS)
    return psycopg.connect(database, autocommit=True)


def broken_by(connection: psycopg.Connection, statement: str) -> str:
    with connection:
        before = read_shape(connection)
        if "born" in statement and "DROP" in statement:
            statement += " CASCADE"
        connection.execute(statement.encode())
        return "; ".join(breaks(before, read_shape(connection)))


def test_expansions_break_nothing(connection: psycopg.Connection) -> None:
    with connection:
        before = read_shape(connection)
        for statement in EXPANSIONS:
            connection.execute(statement.encode())
            assert breaks(before, read_shape(connection)) == (), statement


@pytest.mark.parametrize("statement", CONTRACTIONS)
def test_a_contraction_is_named_by_what_is_missing(connection: psycopg.Connection, statement: str) -> None:
    assert broken_by(connection, statement) == CONTRACTIONS[statement]
