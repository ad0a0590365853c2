"""Read which migration the live schema stands at; needs PostgreSQL alone, no Prefect (safety I13)."""

from psycopg import sql

from tasks.clients.postgres import open_to_look
from tasks.secrets import read_secret
from tasks.settings import Settings

NONE = "none"


def read_schema_version(settings: Settings) -> str:
    """Return the name of the last applied migration, or "none" for a database without any.

    Raises TransientError or PermanentError when PostgreSQL cannot be asked.
    """
    table = settings.migration.table
    newest = sql.SQL("SELECT name FROM {} ORDER BY id DESC LIMIT 1").format(sql.Identifier(*table.split(".")))
    url = read_secret(settings.database.url, settings.aws)
    with open_to_look(url, doing="read the schema's version") as connection:
        exists = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
        row = connection.execute(newest).fetchone() if exists and exists[0] else None
    return str(row[0]) if row else NONE
