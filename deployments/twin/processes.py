"""Start the twin's child processes, and leave none behind however the twin ends."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from deployments.twin import reaper
from deployments.twin.reaper import MARK, survivors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

__all__ = ["MARK", "Child", "Processes", "free_port", "is_free", "loopback_address", "survivors"]

INHERITED: tuple[str, ...] = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)
"""What a child gets of our environment: never credentials, profiles or somebody's Prefect settings."""

_REAPER_PATIENCE_S = 20.0
_READY_PAUSE_S = 0.02
_ADDRESS_TRIES = 64


class Child:
    """One child process, the head of its own session and process group.

    `stop_signal` asks it to end; PostgreSQL, for one, takes SIGTERM for "when the last client has gone".
    """

    stop_signal = signal.SIGTERM

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self.name = name
        self.pid = process.pid
        self.log = log
        self._process = process
        self._log_start = log_start

    def poll(self) -> int | None:
        """Give its exit code, or None while it lives; negative is the signal that ended it."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        return self._process.wait(timeout)

    def stop(self, grace_s: float = 3.0) -> int:
        """Ask the whole group to end, kill what is left of it after `grace_s`; give the exit code."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(grace_s)
        return self.kill()

    def kill(self) -> int:
        """Kill the whole group at once; give the exit code."""
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def terminate(self) -> None:
        """Ask the whole group to end, and do not wait for it."""
        self.send_signal(self.stop_signal)

    def interrupt(self) -> None:
        """Do what Ctrl-C does at a terminal, and do not wait for the end."""
        self.send_signal(signal.SIGINT)

    def await_ready(self, is_ready: Callable[[], bool], within_s: float = 30.0) -> None:
        """Ask until it is ready; raises `RuntimeError` with its last words when it ends or takes too long."""
        deadline = time.monotonic() + within_s
        while not is_ready():
            if self.poll() is not None:
                raise RuntimeError(f"could not start {self.name}: it ended with {self.poll()}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"could not start {self.name} in {within_s} s\n{self.log_tail()}")
            threading.Event().wait(_READY_PAUSE_S)

    def log_tail(self, lines: int = 20) -> str:
        """Give its own last words: what was in the log before it started is somebody else's."""
        own = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        return "\n".join(own.splitlines()[-lines:])

    def send_signal(self, number: signal.Signals) -> None:
        """Send the whole group a signal, and do not wait for what comes of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Processes:
    """Hold a twin's child processes; on leaving, or when this process dies, all of them end.

    `folder` is a private temporary folder that goes with them. Every child runs in its own session (Ctrl-C at
    the terminal reaches the twin alone, which then stops them in order) and carries `GREENFLOW_TWIN_ID`.
    May be used from several threads.
    """

    folder: Path

    def __init__(self, twin_id: str | None = None) -> None:
        self.twin_id = twin_id or secrets.token_hex(8)
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._open = False
        self._reaper: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.folder = _private_folder()
        self._reaper = self._start_reaper()
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path,
        user: str | None = None,
        name: str = "",
    ) -> Child:
        """Start a program by its argument list; its output is appended to `log`.

        `env` is added to the few inherited variables. With `user` (as root only) it runs as that user, with
        that user's group and no other. Raises `OSError` when it cannot be started, `RuntimeError` when the
        twin is over.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, log.open("ab") as output:
            if not self._open:
                raise RuntimeError(f"could not start {argv[0]}: the twin is not running")
            log_start = output.tell()
            process = subprocess.Popen(
                list(argv),
                env=self._environment(env or {}, user),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_identity(user),
            )
            child = Child(name or Path(argv[0]).name, process, log, log_start)
            self._children.append(child)
            self._tell(f"+{child.pid}")
        return child

    def forget(self, child: Child) -> None:
        """Drop a child that has ended, so that a long rehearsal's list does not grow for ever."""
        with self._lock:
            if child in self._children and child.poll() is not None:
                self._children.remove(child)
                self._tell(f"-{child.pid}")

    def close(self, grace_s: float = 3.0) -> None:
        """Stop every child, sweep up what they started, remove the folder; a second call does nothing.

        Raises `RuntimeError` when a process would not die or the folder could not be removed.
        """
        with self._lock:
            if not self._open:
                return
            self._open = False
        _stop_together(self._children, grace_s)
        self._let_go_of_reaper()
        if not self._is_clean():
            raise RuntimeError(f"could not clean up the twin: look at {self.folder} and {survivors(self.twin_id)}")

    def _let_go_of_reaper(self) -> None:
        self._tell(reaper.END.decode())
        if self._reaper.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._reaper.stdin.close()

    def _is_clean(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._reaper.wait(_REAPER_PATIENCE_S) == 0:
                return True
        # Somebody killed the reaper, or it hangs: its work is done here.
        self._reaper.kill()
        self._reaper.wait()
        return reaper.clean(self.twin_id, {child.pid for child in self._children}, str(self.folder))

    def _start_reaper(self) -> subprocess.Popen[bytes]:
        script = [sys.executable, "-I", "-S", reaper.__file__]
        with _blocked(reaper.IGNORED):
            return subprocess.Popen(
                [*script, self.twin_id, str(os.getpid()), str(self.folder)],
                env={MARK: reaper.REAPER},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _tell(self, line: str) -> None:
        if self._reaper.stdin is None:
            return
        # Without its reaper a twin still stops its own children; only kill -9 would then leave some.
        with contextlib.suppress(BrokenPipeError):
            self._reaper.stdin.write(f"{line}\n".encode())
            self._reaper.stdin.flush()

    def _environment(self, added: Mapping[str, str], user: str | None) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        home = "/" if user else os.environ.get("HOME", "/")
        return {**inherited, "HOME": home, **added, MARK: self.twin_id}


def free_port() -> int:
    """Find a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed just now is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def loopback_address(port: int) -> str:
    """Find a random 127.x.y.z on which `port` is free: every task of a service has its own address.

    Raises `OSError` where the machine has no such addresses (macOS, without an alias on lo0).
    """
    for _ in range(_ADDRESS_TRIES):
        address = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return address
    raise OSError(f"could not find a loopback address with port {port} free in {_ADDRESS_TRIES} tries")


def passable(folder: Path) -> bool:
    """Tell whether any user may pass through a folder and all those above it."""
    here = folder.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (here, *here.parents))


def _private_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="greenflow-twin-", dir=_temporary_root()))
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root: the user it runs as must be able to pass through, not to look.
        folder.chmod(0o711)
    return folder


def _temporary_root() -> str:
    here = Path(tempfile.gettempdir())
    return str(here) if os.geteuid() != 0 or passable(here) else "/var/tmp"  # noqa: S108 ours inside is private


@contextlib.contextmanager
def _blocked(signals: Iterable[signal.Signals]) -> Iterator[None]:
    # The mask is inherited: the reaper is deaf from its birth, not only once its interpreter has started.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _identity(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _stop_together(children: Sequence[Child], grace_s: float) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + grace_s
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        child.kill()
