"""What the stages' tests keep in a real PostgreSQL, and how they look at it."""

from collections.abc import Callable

import psycopg

from deployments.twin.postgres import Postgres
from tasks.models import ReleasePlan, Side
from tasks.settings import Settings

NewStores = Callable[..., Settings]

BUSINESS = """
    CREATE SCHEMA logistics;
    CREATE TYPE role AS ENUM ('SHIPPER', 'CARRIER');
    CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, role role NOT NULL, born date);
    CREATE TABLE logistics."Bids" (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id bigint NOT NULL REFERENCES users, note text,
        weight numeric(12, 3), at timestamptz NOT NULL DEFAULT now(), extra jsonb, photo bytea, ratio float8);
    CREATE TABLE empty_one (id integer);
    CREATE VIEW shippers AS SELECT * FROM users WHERE role = 'SHIPPER';
    INSERT INTO users (email, role, born)
        SELECT format('user%s@greenflow.dev', n), 'SHIPPER', DATE '2000-01-01' + n FROM generate_series(1, 500) n;
    INSERT INTO logistics."Bids" (user_id, note, weight, extra, photo, ratio)
        SELECT 1 + n % 500, repeat('서울 → 부산 ', n % 7), n * 1.5, jsonb_build_object('n', n),
            sha256(n::text::bytea), n / 3.0
        FROM generate_series(1, 3000) n;
    """
URL_VARIABLE = "DATABASE_URL_OF_THE_TEST"


def new_plan(release_id: str = "1.1.0-test", commit: str = "0" * 40) -> ReleasePlan:
    return ReleasePlan(
        release_id=release_id,
        version="1.1.0",
        environment="rehearsal",
        requested_by="tester",
        commit=commit,
        stable=Side.A,
        candidate=Side.B,
        phases=(10, 50, 100),
        stable_version="1.0.0",
    )


def run_sql(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def databases_of(postgres: Postgres) -> set[str]:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}
