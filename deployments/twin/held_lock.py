"""Hold a lock of the database, as somebody's report left open does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployments.twin.faults import BadMigration


@contextmanager
def holding(database_url: str, migration: BadMigration) -> Iterator[int]:
    """Hold a lock in a transaction of somebody's for the length of the block; give its session's process id."""
    with psycopg.connect(database_url, application_name="monthly report") as connection:
        connection.execute(migration.holds.encode())
        yield connection.info.backend_pid
        connection.rollback()
