"""Stand between a process and everything outside of it: count what goes out, and end the process at one of them.

A boundary is an event of the ledger, a changing call to AWS or over HTTP, a message to Slack, a program, a changing
statement of SQL. Each has a moment before and after; a program also one while it runs.
"""

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.request import OpenerDirector

import httpx
import psycopg
from botocore.httpsession import URLLib3Session

import tasks.announcements
import tasks.weights
from tasks.clients import aws, shell, web
from tasks.ledger import Ledger, homeward_effect

When = Literal["before", "during", "after"]

IDS = re.compile(r"(dpl|prj|team|evt)_\w+|[0-9a-f]{16,}|\d+\.\d+\.\d+[\w.-]*|[0-9a-f-]{36}|\d{3,}")
CHANGING_SQL = re.compile(r"\s*(create|drop|alter|insert|update|delete|truncate)\s+(\w+)", re.IGNORECASE)
SCOPE = re.compile(r"/\d{8}/[^/]+/([^/]+)/aws4_request")
HEARTBEAT = "greenflow-heartbeat"
HOMEWARD = "homeward_effect"


@dataclass(frozen=True)
class Point:
    """Name a moment of a release: the nth time that something goes out, before or after it."""

    what: str
    nth: int
    when: When

    def __str__(self) -> str:
        return f"{self.when} {self.what} ({self.nth})"


@dataclass(frozen=True)
class Passed:
    """Hold a point that a process came by, and the effect it was in, if any."""

    point: Point
    effect: str

    @property
    def line(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps({**asdict(self.point), "effect": self.effect})


def read_passed(file: Path) -> list[Passed]:
    """Read the points that a process wrote down."""
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [Passed(Point(each["what"], each["nth"], each["when"]), each["effect"]) for each in found]


_EFFECT: ContextVar[str] = ContextVar("greenflow_trial_effect", default="")


class Boundaries:
    """Write down every point that this process comes by, into ``file``, and die at ``deadly``."""

    def __init__(self, file: Path, deadly: Point | None) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._deadly = deadly
        self._seen: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()

    def install(self) -> None:
        """Stand at every way out, for the rest of this process's life."""
        self._wrap(Ledger, "append", lambda _, kind, data: event_name(kind, data), effects=True)
        self._wrap(URLLib3Session, "send", lambda _, request: aws_name(request))
        self._wrap(httpx.HTTPTransport, "handle_request", lambda _, request: http_name(request))
        self._wrap(OpenerDirector, "open", lambda _, request, *__, **___: slack_name(request))
        self._wrap(psycopg.Cursor, "execute", lambda _, query, *__, **___: sql_name(query))
        self._wrap_programs()
        for module in (tasks.weights, tasks.announcements):
            setattr(module, HOMEWARD, _homeward)

    def pass_by(self, what: str, when: When) -> None:
        """Write down a point, and die when it is the one."""
        with self._counting:
            self._seen[what, when] += 1
            point = Point(what, self._seen[what, when], when)
            os.write(self._file, f"{Passed(point, _EFFECT.get()).line}\n".encode())
            if point == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    def _wrap(self, owner: type, name: str, named: Callable[..., str], *, effects: bool = False) -> None:
        original = getattr(owner, name)

        def wrapped(*given: Any, **more: Any) -> Any:
            what = "" if threading.current_thread().name == HEARTBEAT else named(*given, **more)
            if effects:
                _enter_effect(*given, **more)
            if what:
                self.pass_by(what, "before")
            answer = original(*given, **more)
            if what:
                self.pass_by(what, "after")
            if effects:
                _leave_effect(*given, **more)
            return answer

        setattr(owner, name, wrapped)

    def _wrap_programs(self) -> None:
        start, kill_group = shell._start, shell._kill_group  # noqa: SLF001 - between a program's start and its end
        running: dict[int, str] = {}

        def started(argv: Any, *given: Any, **more: Any) -> Any:
            what = program_name(argv)
            self.pass_by(what, "before")
            process = start(argv, *given, **more)
            running[process.pid] = what
            self.pass_by(what, "during")
            return process

        def ended(process: Any) -> None:
            kill_group(process)
            if what := running.pop(process.pid, ""):
                self.pass_by(what, "after")

        shell._start, shell._kill_group = started, ended  # noqa: SLF001


def _enter_effect(_: Ledger, kind: str, data: Any) -> None:
    if kind.startswith("effect."):
        _EFFECT.set(str(data["effect"]))


def _leave_effect(_: Ledger, kind: str, __: Any) -> None:
    if kind.startswith("effect.") and kind != "effect.intended":
        _EFFECT.set("")


def _homeward(kind: str, key: str, **more: Any) -> Any:
    """Be in an effect on the way home: its intent is written beside the call, in another thread."""
    token = _EFFECT.set(kind)
    try:
        return homeward_effect(kind, key, **more)
    finally:
        _EFFECT.reset(token)


def event_name(kind: str, data: Any) -> str:
    """Name an event of the ledger by what tells it from others of its kind."""
    about = next((data[key] for key in ("effect", "stage", "state") if key in data), "")
    return f"ledger {kind} {about}".strip()


def aws_call(request: Any) -> str:
    """Name any request to AWS: service and operation, for S3 the method and the key's first folder."""
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    scope = SCOPE.search(headers.get("authorization", ""))
    service = scope[1] if scope else "s3"
    if service == "s3":
        key = request.url.partition("://")[2].partition("/")[2].partition("?")[0].partition("/")[2]
        folder = "events" if "/events/" in key else key.partition("/")[0]
        return f"s3 {request.method} {folder}/"
    body = _text(request.body or "")
    operation = headers.get("x-amz-target", "").rpartition(".")[2] or body.partition("Action=")[2].partition("&")[0]
    return f"{service} {operation or request.method}"


def aws_name(request: Any) -> str:
    """Name a changing request to AWS; empty for one that reads, or writes the ledger's events."""
    name = aws_call(request)
    _, operation, *key = name.split(" ")
    reads = operation in web.READS or aws.is_read(operation) if key else aws.is_read(operation)
    return "" if reads or key == ["events/"] else name


def http_name(request: httpx.Request) -> str:
    """Name a changing request over HTTP, without the ids in its path."""
    return "" if request.method in web.READS else f"http {request.method} {IDS.sub('*', request.url.path)}"


def slack_name(request: Any) -> str:
    """Name a message to Slack; empty for a look."""
    url = request if isinstance(request, str) else request.full_url
    method = url.rpartition("/")[2].partition("?")[0]
    return f"slack {method}" if method.startswith("chat.") and method != "chat.getPermalink" else ""


def sql_name(query: Any) -> str:
    """Name a statement that changes something; empty for a look."""
    text = query if isinstance(query, str) else _text(query) if isinstance(query, bytes) else query.as_string(None)
    found = CHANGING_SQL.match(text)
    return f"sql {found[1].upper()} {found[2].upper()}" if found else ""


def program_name(argv: Any) -> str:
    """Name a program by its first words, without its options and addresses."""
    words = [word for word in argv[1:] if re.fullmatch(r"[a-z][a-z:-]{1,20}", word)]
    return " ".join(["program", Path(argv[0]).name, *words[:2]])


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
