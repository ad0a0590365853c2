"""Put the service together: desks, their caretakers, the doors that the settings ask for, and how it is."""

import argparse
import logging
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import uvicorn

from deployments.approvals.caretaker import Caretaker
from deployments.approvals.desk import Desk
from deployments.approvals.http_door import HttpDoor, application
from deployments.approvals.metrics import ApprovalMetrics
from deployments.approvals.reception import Reception
from deployments.approvals.socket_door import SocketDoor
from deployments.logs import Form, start_logging
from deployments.metrics import exposed, new_registry
from deployments.twin.whole_file import write_whole
from tasks.errors import ReleaseError
from tasks.settings import load_settings

log = logging.getLogger("greenflow.approvals")

BLIND_FOR_S = 30.0
GRACE_S = 3


class Service:
    """Hold the desks of some environments and everything that brings them clicks; raises ReleaseError."""

    def __init__(self, environments: Sequence[str]) -> None:
        self._registry = new_registry()
        self._metrics = ApprovalMetrics(self._registry)
        self.desks = [
            Desk(load_settings(name), partial(self._metrics.decided, name)) for name in dict.fromkeys(environments)
        ]
        self.reception = Reception()
        self.caretakers = [Caretaker(desk) for desk in self.desks]
        self.sockets = self._sockets()
        posted = [desk for desk in self.desks if desk.settings.slack.app_token is None]
        self.door = HttpDoor(posted, self.reception, self._metrics.refused) if posted else None
        self.app = application(self.door, self.health, lambda: exposed(self._registry))
        self._measure()

    def _measure(self) -> None:
        for caretaker in self.caretakers:
            self._metrics.watch(caretaker)
        self._metrics.count_sockets(lambda: sum(door.is_connected for door in self.sockets))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look after the environments and hear Slack for the length of the block."""
        with ExitStack() as stack:
            stack.callback(self.reception.close)
            parts: list[Caretaker | SocketDoor] = [*self.caretakers, *self.sockets]
            for part in parts:
                part.start()
                stack.callback(part.stop)
            yield

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether clicks can come in and be decided about, and what that rests on."""
        environments = {
            desk.settings.name: {"blind_s": round(caretaker.blind_s, 1), "asking": bool(caretaker.open_nonce)}
            for desk, caretaker in zip(self.desks, self.caretakers, strict=True)
        }
        connected = [door.is_connected for door in self.sockets]
        sees = all(caretaker.blind_s < BLIND_FOR_S for caretaker in self.caretakers)
        return sees and all(connected), {"environments": environments, "sockets": connected, "http": bool(self.door)}

    def _sockets(self) -> list[SocketDoor]:
        """Open one connection an app: Slack gives each click to one of an app's connections only."""
        apps: dict[str, list[Desk]] = {}
        for desk in self.desks:
            if desk.settings.slack.app_token:
                apps.setdefault(desk.settings.slack.app_token, []).append(desk)
        return [SocketDoor(desks, token, self.reception) for token, desks in apps.items()]


def main(arguments: list[str] | None = None) -> int:
    """Serve until asked to stop."""
    given = _parser().parse_args(arguments)
    start_logging(given.log_format)
    logging.getLogger("greenflow.slack_sdk").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # each wake of a run would be two lines
    try:
        service = Service(given.environment or ["rehearsal"])
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    with socket.create_server((given.host, given.port)) as listener, service.running():
        if given.port_file:
            write_whole(given.port_file, str(listener.getsockname()[1]))
        config = uvicorn.Config(
            service.app, log_config=None, log_level="warning", timeout_graceful_shutdown=GRACE_S, lifespan="off"
        )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.approvals", description=__doc__)
    parser.add_argument("--environment", action="append", help="may be given several times; rehearsal without one")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; Slack comes through your own TLS proxy")
    parser.add_argument("--port", type=int, default=0, help="a free one without it")
    parser.add_argument("--port-file", type=Path, help="where to write the port")
    parser.add_argument("--log-format", choices=get_args(Form), default="plain", help="for people, or as JSON")
    return parser
