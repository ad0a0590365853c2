"""Set the twin's data stores wrongly, or hold a lock of the database, as the table of faults says."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from deployments.twin.aws_seed_data import GROUP, INSTANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployments.twin.aws import AwsEmulator
    from deployments.twin.faults import BadMigration, Weakness


def weaken(emulator: AwsEmulator, weakness: Weakness) -> None:
    """Make one store other than the guide wants it, by the same calls a person would make."""
    if weakness.name == "cache-without-failover":
        emulator.client("elasticache").modify_replication_group(
            ReplicationGroupId=GROUP, AutomaticFailoverEnabled=False, ApplyImmediately=True
        )
    else:
        emulator.client("rds").modify_db_instance(
            DBInstanceIdentifier=INSTANCE, BackupRetentionPeriod=7, ApplyImmediately=True
        )


@contextmanager
def holding(database_url: str, migration: BadMigration) -> Iterator[int]:
    """Hold a lock in a transaction of somebody's for the length of the block; give its session's process id."""
    with psycopg.connect(database_url, application_name="monthly report") as connection:
        connection.execute(migration.holds.encode())
        yield connection.info.backend_pid
        connection.rollback()
