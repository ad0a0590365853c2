"""Take the fingerprint of a database: every table's row count and hash, sequences, objects (safety I16).

The hash is computed by the server and does not depend on the order of rows: two 64-bit hashes with different
seeds are summed over the rows. Sums, since an exclusive or would not see a pair of equal rows replaced.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import IsolationLevel, sql

from tasks.clients.postgres import Connection
from tasks.models import TableProof

# A row's text depends on these; both databases must write theirs alike.
FORMAT = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "lc_monetary": "C",
    "search_path": "pg_catalog",
    "row_security": "off",
    "idle_in_transaction_session_timeout": "0",
}
OWN = sql.SQL("""
    n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')""")
TABLES = sql.SQL("""
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND {own} ORDER BY 1, 2""").format(own=OWN)
SEQUENCES = sql.SQL("""
    SELECT format('%I.%I', n.nspname, c.relname), pg_sequence_last_value(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_sequence s ON s.seqrelid = c.oid
    WHERE {own} AND s.seqincrement > 0 AND NOT s.seqcycle ORDER BY 1""").format(own=OWN)
OBJECTS = sql.SQL("""
    SELECT kind, count(*) FROM (
        SELECT CASE c.relkind
            WHEN 'r' THEN 'tables' WHEN 'p' THEN 'partitioned tables'
            WHEN 'i' THEN 'indexes' WHEN 'I' THEN 'partitioned indexes'
            WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized views'
            WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'foreign tables' ELSE 'types' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {own}
        UNION ALL
        SELECT 'constraints' FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {own}
        UNION ALL
        SELECT 'triggers' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND {own}
    ) found GROUP BY kind ORDER BY kind""").format(own=OWN)
ROWS = sql.SQL("""
    SELECT count(*), coalesce(sum(hashtextextended((r.*)::text, 0)::numeric), 0),
        coalesce(sum(hashtextextended((r.*)::text, 7046029254386353131)::numeric), 0)
    FROM ONLY {} AS r""")


@dataclass(frozen=True)
class Contents:
    """Hold what a database was found to hold; every key is a quoted name with its schema."""

    tables: dict[str, TableProof]
    sequences: dict[str, int | None]
    objects: dict[str, int]
    encoding: str

    @property
    def rows(self) -> int:
        """Count the rows of all tables."""
        return sum(table.rows for table in self.tables.values())


@contextmanager
def one_snapshot(connection: Connection) -> Iterator[None]:
    """Look at the database as of one moment for the length of the block."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    for name, value in FORMAT.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    with connection.transaction():
        yield


def exported_snapshot(connection: Connection) -> str:
    """Return the name under which another session can look at this transaction's moment."""
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""


def read_contents(connection: Connection) -> Contents:
    """Return the content as this transaction sees it; sequences come first, since they are of no snapshot."""
    sequences = {str(name): value for name, value in connection.execute(SEQUENCES)}
    tables = connection.execute(TABLES).fetchall()
    return Contents(
        tables={f"{schema}.{table}": _table(connection, schema, table) for schema, table in tables},
        sequences=sequences,
        objects={str(kind): int(count) for kind, count in connection.execute(OBJECTS)},
        encoding=str(connection.info.parameter_status("server_encoding")),
    )


def _table(connection: Connection, schema: str, table: str) -> TableProof:
    query = ROWS.format(sql.Identifier(schema, table))
    row = connection.execute(query).fetchone()
    rows, first, second = row or (0, 0, 0)
    return TableProof(rows=rows, sha256=hashlib.sha256(f"{rows}:{first}:{second}".encode()).hexdigest())
