"""A real replica of the twin's PostgreSQL, streaming from it; it can be told to fall behind."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg

from deployments.twin.postgres import USER, Postgres

if TYPE_CHECKING:
    from pathlib import Path

    from deployments.twin.processes import Processes

_PATIENCE_S = 60.0


class Replica(Postgres):
    """Run a hot standby of `primary` on a free port for as long as the context lasts; it has the same password."""

    def __init__(self, primary: Postgres, processes: Processes, folder: Path) -> None:
        super().__init__(processes, folder)
        self.password = primary.password
        self._primary = primary
        self._log = folder / "replica.log"
        self._home = self._home.with_name("replica")

    def pause(self) -> None:
        """Go on receiving and stop applying: the replica falls behind with everything that is written."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")

    def _create_cluster(self) -> None:
        passwords = self._home / "pgpass"
        passwords.touch(mode=0o600)
        passwords.write_text(f"*:*:*:*:{self.password}\n")
        if self._user is not None:
            shutil.chown(passwords, self._user)
        source = f"host=127.0.0.1 port={self._primary.port} user={USER} passfile={passwords} application_name=reader"
        options = ["--wal-method=stream", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        copying = self._run("pg_basebackup", f"--pgdata={self._data}", f"--dbname={source}", *options)
        if copying.wait(_PATIENCE_S) != 0:
            raise RuntimeError(f"could not copy the primary: {copying.log_tail()}")
