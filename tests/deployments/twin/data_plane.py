"""Real parts for the tests of the twin's traffic: targets that misbehave on request, a control, real stores."""

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from deployments.twin.load_balancer_bench import BenchControl
from deployments.twin.postgres import Postgres
from deployments.twin.processes import Child, Processes, free_port, loopback_address
from deployments.twin.valkey import Valkey

SCHEMA_1_0 = """
    CREATE TABLE users (
        id uuid PRIMARY KEY, email text UNIQUE, password_hash text, role text, created_at timestamptz);
    CREATE TABLE bids (
        id uuid PRIMARY KEY, user_id uuid REFERENCES users, origin text, destination text,
        cargo_weight integer, created_at timestamptz);"""
EXPAND_1_1 = "ALTER TABLE bids ADD COLUMN currency text NULL"
REVERT_1_1 = "ALTER TABLE bids DROP COLUMN IF EXISTS currency"
SIDES = {"greenflow-api-a": "arn:a", "greenflow-api-b": "arn:b"}


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311  a test must be the same every time


def wait_until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    pause = threading.Event()
    for _ in range(int(within_s / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError(f"still not so after {within_s} s")


class Target:
    """A server whose answers a test chooses by the path it asks for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections = 0
        self.open_connections: set[int] = set()
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.held = threading.Event()
        self.answer_held = threading.Event()
        self._server = _TargetServer(self)
        self.port = self._server.server_port

    @contextmanager
    def listening(self) -> Iterator["Target"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.answer_held.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def forget(self) -> None:
        self.seen.clear()
        self.connections = 0

    @property
    def paths(self) -> Counter[str]:
        """Count the requests seen by their paths."""
        return Counter(path for path, _, _ in self.seen)


class _TargetServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target: Target) -> None:
        self.target = target
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _TargetServer

    def setup(self) -> None:
        super().setup()
        self.served = 0
        self.server.target.connections += 1
        self.server.target.open_connections.add(id(self))

    def finish(self) -> None:
        self.server.target.open_connections.discard(id(self))
        with contextlib.suppress(ConnectionError):
            super().finish()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.target.seen.append((parts.path, headers, body))
        self.served += 1
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        act = getattr(self, f"_{parts.path.strip('/') or 'plain'}", self._plain)
        with contextlib.suppress(ConnectionError):  # who asked may be gone
            act(query, body)

    do_POST = do_HEAD = do_GET  # noqa: N815  the server's names

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _plain(self, query: Mapping[str, str], body: bytes) -> None:
        self._answer(int(query.get("status", 200)), body or self.server.target.name.encode())

    def _hold(self, query: Mapping[str, str], body: bytes) -> None:
        self.server.target.held.set()
        self.server.target.answer_held.wait(10)
        self._plain(query, body)

    def _late(self, query: Mapping[str, str], body: bytes) -> None:
        threading.Event().wait(float(query["s"]))
        self._plain(query, body)

    def _once(self, query: Mapping[str, str], body: bytes) -> None:
        """Serve the first request of a connection and hang up on the second, as after an idle time-out."""
        if self.served > 1:
            self.close_connection = True
        else:
            self._plain(query, body)

    def _drop(self, *_: object) -> None:
        self.close_connection = True

    def _cut(self, *_: object) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
        self.close_connection = True

    def _chunked(self, *_: object) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    def _unmeasured(self, *_: object) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        self.close_connection = True

    def _nonsense(self, *_: object) -> None:
        self.wfile.write(b"this is no HTTP\r\n\r\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-app-version", self.server.target.name)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def forward(**weights: int) -> list[dict[str, Any]]:
    return [{"group": f"arn:{side}", "weight": weight} for side, weight in weights.items()]


def rule(priority: int | str = "default", *, side: str | None = None, **weights: int) -> dict[str, Any]:
    header = {"name": "X-GreenFlow-Side", "values": [side]} if side else None
    return {"priority": priority, "header": header, "paths": None, "forward": forward(**weights)}


def group(side: str, *targets: tuple[str, int, str]) -> dict[str, Any]:
    members = [{"address": address, "port": port, "health": health} for address, port, health in targets]
    return {f"arn:{side}": {"name": f"greenflow-api-{side}", "targets": members}}


def groups_of(**sides: int | None) -> dict[str, Any]:
    """Give groups of one healthy target each, by port; None is a group without any."""
    found: dict[str, Any] = {}
    for side, port in sides.items():
        found |= group(side, *([("127.0.0.1", port, "healthy")] if port else []))
    return found


@dataclass
class Plane:
    """A load balancer in its own process, its control in this one."""

    control: BenchControl
    control_url: str
    child: Child
    url: str

    def counted(self, arn: str, what: str) -> float:
        """Sum one of the posted counts of a group over all seconds."""
        counts = [posted["groups"].get(arn, {}) for posted in list(self.control.posted)]
        return float(sum(each.get(what, 0) for each in counts))


@contextmanager
def load_balancer(
    processes: Processes, folder: Path, control: BenchControl, control_url: str, *options: str
) -> Iterator[Plane]:
    port_file = folder / "load-balancer.port"
    argv = [sys.executable, "-m", "deployments.twin.load_balancer", "--control", control_url]
    argv += ["--port-file", str(port_file), "--seed", "7", *options]
    child = processes.start(argv, log=folder / "load-balancer.log", name="load balancer")
    child.await_ready(port_file.exists)
    try:
        yield Plane(control, control_url, child, f"http://127.0.0.1:{port_file.read_text()}")
    finally:
        child.stop()


@dataclass(frozen=True)
class Stores:
    """A PostgreSQL and a Valkey of their own; the schema is that of 1.0.0."""

    postgres: Postgres
    valkey: Valkey
    processes: Processes

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def api(self, version: str = "1.0.0", fault: str = "", control_url: str = "") -> Iterator["ApiProcess"]:
        """Run one API process until it answers its health check."""
        port = free_port()
        address = loopback_address(port)
        argv = [sys.executable, "-m", "deployments.twin.api", "--host", address, "--port", str(port)]
        environment = {
            "APP_VERSION": version,
            "APP_REVISION": "c0ffee",
            "APP_FAULT": fault,
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.valkey.url,
            "API_PREFIX": "/api/v2",
            "TWIN_CONTROL_URL": control_url,
        }
        log = self.processes.folder / f"api-{port}.log"
        child = self.processes.start(argv, env=environment, log=log, name=f"api {version}")
        try:
            yield ApiProcess(child, address, port)
        finally:
            child.stop()


@dataclass(frozen=True)
class ApiProcess:
    child: Child
    address: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/api/v2"
