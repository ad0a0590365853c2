"""After: look whether the replicas follow and the rows are still there and move (guide, "within 24 hours")."""

from collections.abc import Mapping

from psycopg import sql

from tasks.aftercare_settings import AftercareSettings
from tasks.clients.postgres import Connection, open_to_look
from tasks.models import BackupProof, Check, Evidence
from tasks.replicas import check_replicas
from tasks.retries import REPEATABLE
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

SHOWN = 3
TABLES = """
    SELECT n.nspname, c.relname, c.reltuples::bigint
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""


@stage("after: database", REPEATABLE)
def check_data(settings: Settings, backup: BackupProof | None) -> Evidence:
    """Check replication, and every table's rows against the release's backup; looks only.

    A table of more rows than ``aftercare.count_exactly_below`` is estimated by the planner's own statistics. Raises
    TransientError or PermanentError when PostgreSQL cannot be asked.
    """
    policy = settings.aftercare
    url = read_secret(settings.database.url, settings.aws)
    with open_to_look(url, doing="look at replication and row counts") as connection:
        replicas = check_replicas(connection, settings.rds)
        rows = _rows(connection, policy.count_exactly_below)
    before = {name: table.rows for name, table in backup.tables.items()} if backup else {}
    return Evidence(checks=(*replicas, *check_rows(before, rows, policy)))


def check_rows(before: Mapping[str, int], now: Mapping[str, int], policy: AftercareSettings) -> tuple[Check, Check]:
    """Check that no table of the backup is gone or has lost many rows, and that at least one has moved."""
    if not before:
        why = "this release's ledger knows no backup to compare with"
        return Check.skipped("rows kept", why), Check.skipped("rows move", why)
    share = policy.rows_lost_max
    lost = [
        f"{name} {rows:,} -> {now.get(name, 0):,}" for name, rows in before.items() if _lost(rows, now, name, share)
    ]
    moved = [name for name, rows in before.items() if now.get(name) != rows]
    kept = sentence("{tables} tables, {rows:,} rows", tables=len(before), rows=sum(now.get(name, 0) for name in before))
    return (
        Check.of(
            "rows kept",
            ok=not lost,
            found="; ".join(lost[:SHOWN]) or kept,
            expected=sentence("every table of the backup, none with {percent:g} % fewer rows", percent=100 * share),
        ),
        Check.of(
            "rows move",
            ok=bool(moved),
            found=sentence("{count} tables changed", count=len(moved)),
            expected="at least 1",
        ),
    )


def _lost(rows: int, now: Mapping[str, int], name: str, share: float) -> bool:
    return name not in now or rows - now[name] > share * rows


def _rows(connection: Connection, exactly_below: int) -> dict[str, int]:
    found = {}
    for schema, table, estimate in connection.execute(TABLES).fetchall():
        name = f"{schema}.{table}"
        found[name] = int(estimate) if estimate >= exactly_below else _counted(connection, schema, table)
    return found


def _counted(connection: Connection, schema: str, table: str) -> int:
    counted = connection.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table)))
    row = counted.fetchone()
    return int(row[0]) if row else 0
