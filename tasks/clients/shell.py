"""Run programs by argument list: bounded in time, ended with all their children, their secrets unsaid.

No shell is ever involved. A program gets a small environment, never ours: no credentials, no profile.
"""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import IO

from pydantic import SecretStr

from tasks.clients.redaction import Redaction, printable
from tasks.errors import Interrupted, PermanentError, TransientError
from tasks.sentences import sentence
from tasks.waits import heed_stop

INHERITED = (
    "PATH",
    "HOME",
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
    "SSH_AUTH_SOCK",
    "GREENFLOW_TWIN_ID",  # the twin's mark: its reaper finds what a killed rehearsal left behind
)
HOW_TO_INSTALL = {
    "git": "install git",
    "npm": "install Node.js 20 or newer, or name its folder in build.path",
    "node": "install Node.js 20 or newer, or name its folder in build.path",
    "pg_dump": "install PostgreSQL's client of the server's version, or set database.tools",
    "pg_restore": "install PostgreSQL's client of the server's version, or set database.tools",
}
POLL_S = 0.2
GRACE_S = 2.0
TAIL_LINES = 12
ERROR_LINES = 3
ERROR = re.compile(r"\berror\b", re.IGNORECASE)
KEPT_LINES = 50_000


@dataclass(frozen=True)
class Finished:
    """Hold what a program that ended well has said; ``lines`` is both streams in order, secrets taken out."""

    stdout: str
    lines: tuple[str, ...]
    took_s: float


class CommandFailedError(PermanentError):
    """Report a program that ended with another code than 0; ``output`` is what it said, secrets taken out.

    ``stdout`` is the part of it that a program means for other programs.
    """

    def __init__(self, message: str, *, code: int, output: str, stdout: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.output = output
        self.stdout = stdout


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    secret_env: Mapping[str, SecretStr] | None = None,
    stdin: str | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run a program to its end and return what it said.

    ``env`` and ``secret_env`` are added to the few inherited variables; ``on_line`` gets each line of both
    streams as it comes, in the caller's thread. However it ends, its whole process group is killed.

    Raises:
        CommandFailedError: it ended with another code than 0.
        PermanentError: the program is missing.
        TransientError: it did not end within ``timeout_s``.
        Interrupted: this process was asked to stop.
    """
    redact = Redaction((secret_env or {}).values())
    started_s = time.monotonic()
    conversation = _Conversation(redact, on_line)
    process = _start(argv, cwd, _environment(env or {}, secret_env or {}))
    try:
        code = conversation.hold(process, stdin, started_s + timeout_s)
    except TimeoutError:
        raise TransientError(_late(argv, timeout_s, conversation)) from None
    finally:
        _kill_group(process)
    if code != 0:
        told = {"output": "\n".join(conversation.lines), "stdout": "\n".join(conversation.stdout)}
        raise CommandFailedError(_failed(argv, code, conversation), code=code, **told)
    return Finished("\n".join(conversation.stdout), tuple(conversation.lines), time.monotonic() - started_s)


@contextmanager
def pour(
    argv: Sequence[str],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Iterator[IO[bytes]]:
    """Run a program and give what it writes, as bytes and as it comes; its other words go to ``on_line`` at its end.

    The block reads to the end; leaving it by an error ends the program. Raises what ``run`` raises.
    """
    redact = Redaction(())
    conversation = _Conversation(redact, on_line, open_streams=1)
    process = _start(argv, None, _environment(env or {}, {}))
    _in_background(_write, process.stdin, None)
    _in_background(_read, process.stderr, conversation.heard, False)
    watch = _Watch(process, time.monotonic() + timeout_s)
    try:
        with watch, process.stdout or io.BytesIO() as stream:
            yield stream
            code = process.wait()
        conversation.hear_out()
    finally:
        _kill_group(process)
    if watch.error:
        raise watch.error
    if watch.is_late:
        raise TransientError(_late(argv, timeout_s, conversation))
    if code != 0:
        raise CommandFailedError(_failed(argv, code, conversation), code=code, output="\n".join(conversation.lines))


def _late(argv: Sequence[str], limit_s: float, conversation: "_Conversation") -> str:
    return sentence(
        "could not {doing}: it did not end within {limit_s:g} s{tail}",
        doing=_said(argv, conversation.redact),
        limit_s=limit_s,
        tail=conversation.tail(),
    )


def _failed(argv: Sequence[str], code: int, conversation: "_Conversation") -> str:
    return sentence(
        "could not {doing}: it ended with {ending}{tail}",
        doing=_said(argv, conversation.redact),
        ending=_ending(code),
        tail=conversation.tail(),
    )


def search_path(folders: Sequence[str]) -> dict[str, str]:
    """Return a PATH on which the programs in ``folders`` come first."""
    return {"PATH": os.pathsep.join((*folders, os.environ.get("PATH", os.defpath)))}


@dataclass
class _Conversation:
    """Collect what a program says; its streams are read by threads, its lines told by the caller's own."""

    redact: Redaction
    on_line: Callable[[str], None] | None
    stdout: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    heard: SimpleQueue[tuple[bool, str | None]] = field(default_factory=SimpleQueue)
    open_streams: int = 2

    def hold(self, process: subprocess.Popen[bytes], stdin: str | None, end_s: float) -> int:
        """Listen until the program has ended; raises TimeoutError when it does not."""
        _in_background(_write, process.stdin, stdin)
        _in_background(_read, process.stdout, self.heard, True)
        _in_background(_read, process.stderr, self.heard, False)
        while not self._ended(process):
            heed_stop()  # a request to stop ends the program, too
            if time.monotonic() > end_s:
                raise TimeoutError
        self.hear_out()
        return process.returncode

    def hear_out(self) -> None:
        """Hear what is still to be said; a grandchild may hold the pipes open for ever and is not waited for long."""
        drained_s = time.monotonic() + GRACE_S
        while self.open_streams and time.monotonic() < drained_s:
            self._listen(POLL_S)

    def tail(self) -> str:
        """Give the last lines for an error, after the first ones that speak of an error."""
        said = [line for line in self.lines if line]
        last = said[-TAIL_LINES:]
        first = [line for line in said[:-TAIL_LINES] if ERROR.search(line)][:ERROR_LINES]
        return "; its last lines:\n" + "\n".join(f"  {line}" for line in first + last) if last else ""

    def _ended(self, process: subprocess.Popen[bytes]) -> bool:
        if self.open_streams:
            self._listen(POLL_S)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
        return process.poll() is not None

    def _listen(self, patience_s: float) -> None:
        with contextlib.suppress(Empty):
            self._hear(*self.heard.get(timeout=patience_s))
            while True:
                self._hear(*self.heard.get_nowait())

    def _hear(self, is_stdout: bool, raw: str | None) -> None:  # noqa: FBT001 - a pair from the queue
        if raw is None:
            self.open_streams -= 1
            return
        line = self.redact(printable(raw))
        self.lines.append(line)
        if is_stdout:
            self.stdout.append(line)
        if self.on_line:
            self.on_line(line)


class _Watch:
    """End a program whose output somebody reads, when its time is over or this process is asked to stop."""

    def __init__(self, process: subprocess.Popen[bytes], end_s: float) -> None:
        self.is_late = False
        self.error: Interrupted | None = None
        self._process = process
        self._end_s = end_s
        self._over = Event()
        # A copy of the context: on the way home nobody is asked to stop.
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="greenflow-pour", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(POLL_S):
            self.is_late = time.monotonic() > self._end_s
            try:
                heed_stop()
            except Interrupted as error:
                self.error = error
            if self.is_late or self.error:
                return _kill_group(self._process)
        return None


def _start(argv: Sequence[str], cwd: Path | None, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    program = shutil.which(argv[0], path=environment.get("PATH"))
    if program is None:
        name = Path(argv[0]).name
        advice = HOW_TO_INSTALL.get(name, f"install {name}")
        msg = sentence("could not run {name}: there is no such program on PATH; {advice}", name=name, advice=advice)
        raise PermanentError(msg)
    try:
        return subprocess.Popen(
            [program, *argv[1:]],
            cwd=cwd,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        msg = sentence("could not run {program} in {cwd}: {why}", program=argv[0], cwd=cwd, why=error.strerror)
        raise PermanentError(msg) from error


def _environment(env: Mapping[str, str], secret_env: Mapping[str, SecretStr]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, **env, **{name: secret.get_secret_value() for name, secret in secret_env.items()}}


def _in_background(work: Callable[..., None], *given: object) -> None:
    Thread(target=work, args=given, name="greenflow-shell", daemon=True).start()


def _read(stream: IO[bytes], heard: SimpleQueue[tuple[bool, str | None]], is_stdout: bool) -> None:  # noqa: FBT001 - of a thread
    with stream:
        for raw in stream:
            heard.put((is_stdout, raw.decode("utf-8", "replace")))
    heard.put((is_stdout, None))


def _write(stream: IO[bytes], text: str | None) -> None:
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write((text or "").encode())


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _said(argv: Sequence[str], redact: Redaction) -> str:
    return sentence("run {command}", command=redact(printable(" ".join((Path(argv[0]).name, *argv[1:])))))


def _ending(code: int) -> str:
    return sentence("exit code {code}", code=code) if code > 0 else sentence("signal {number}", number=-code)
