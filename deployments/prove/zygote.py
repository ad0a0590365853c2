"""Fork processes that have imported everything already: a trial's release or guard starts in milliseconds.

The zygote is forked before the twin's threads exist, does one thing at a time, and is told what by lines of JSON.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import traceback
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from deployments.guard.service import guarding
from deployments.prove.breaking import Breaking
from deployments.prove.plain import release_plainly, without_prefect
from deployments.prove.points import Boundaries, Point
from tasks.clients import aws
from tasks.settings import AwsSettings, load_settings


@dataclass(frozen=True)
class Order:
    """Say what a fork shall be, where it writes, where it dies, and which of its calls break in which way."""

    be: Literal["release", "guard"]
    environment: dict[str, str]
    log: str
    passed: str
    version: str = ""
    deadly: dict[str, Any] | None = None
    kind: str = ""
    calls: list[str] = field(default_factory=list)


class Zygote:
    """Hold the zygote's end that gives orders."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _serve(theirs)
        theirs.close()
        self._socket = ours
        self._lines = ours.makefile("r")

    def start(self, order: Order) -> int:
        """Start a fork and return its process id."""
        self._socket.sendall(json.dumps(asdict(order)).encode() + b"\n")
        return int(json.loads(self._lines.readline()))

    def wait(self) -> int:
        """Wait for the end of the fork and return its exit code, or less than 0 by the signal that killed it."""
        return int(json.loads(self._lines.readline()))

    def close(self) -> None:
        """Let the zygote end."""
        self._lines.close()
        self._socket.close()
        os.waitpid(self.pid, 0)


def _die_with_the_parent() -> None:
    """Have Linux kill this process when its parent is gone: a trial that is broken off leaves nothing running."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve(link: socket.socket) -> None:
    code = 1
    try:
        _die_with_the_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with without_prefect(), link.makefile("r") as lines:
            for line in lines:
                _obey(link, Order(**json.loads(line)))
        code = 0
    except BaseException:  # noqa: BLE001 - a fork never returns into its parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


PR_SET_PDEATHSIG = 1
SERVICES = (
    "application-autoscaling",
    "cloudwatch",
    "ecr",
    "ecs",
    "elasticache",
    "elbv2",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sts",
)


@cache
def _make_clients(settings: AwsSettings) -> None:
    """Make every client once, unconnected, so that no fork has to read the SDK's descriptions again."""
    made = aws._made  # noqa: SLF001 - where the product keeps them
    for service in SERVICES:
        for acting in (False, True):
            made(settings, service, None, acting=acting, guarded=True)
    made(settings, "s3", None, acting=False, guarded=False)


def _obey(link: socket.socket, order: Order) -> None:
    os.environ.update(order.environment)
    _make_clients(load_settings("rehearsal").aws)
    pid = os.fork()
    if pid == 0:
        link.close()
        _be(order)
    link.sendall(f"{pid}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    link.sendall(f"{code}\n".encode())


def _be(order: Order) -> None:
    code = 70
    try:
        _settle(order)
        code = release_plainly(order.version) if order.be == "release" else _guard()
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _settle(order: Order) -> None:
    """Become a process of its own: session, output, boundaries, broken calls."""
    _die_with_the_parent()
    os.setsid()
    output = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    deadly = Point(**order.deadly) if order.deadly else None
    passed = Path(order.passed)
    Boundaries(passed, deadly).install()
    Breaking(passed.with_suffix(".calls"), order.kind, frozenset(order.calls)).install()


def _guard() -> int:
    return guarding(load_settings("rehearsal"), once=False, host="127.0.0.1", port=None, port_file=None)
