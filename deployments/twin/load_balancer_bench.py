"""Measure the load balancer: `python -m deployments.twin.load_balancer_bench [--seconds 3] [--weight 10]`.

Load balancer, target and client run as processes of their own; it prints requests per second, the CPU time
each request cost the load balancer, and the share that each group got.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from deployments.twin.event_loop import new_loop
from deployments.twin.whole_file import write_whole

START_TIMEOUT_S = 20.0
_OWN_MODULE = "deployments.twin.load_balancer_bench"
_REQUEST = b"GET /api/v2/order/bids HTTP/1.1\r\nhost: bench\r\naccept: */*\r\nuser-agent: bench\r\n\r\n"
_BODY = b'{"bids":[]}'
_RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_BODY) + _BODY
_SERVED_BY = b"x-greenflow-served-by: "


class BenchControl:
    """The smallest control: routes that can be set and long-polled, posted counts that are kept."""

    def __init__(self, hold_s: float = 5.0) -> None:
        self.posted: list[dict[str, Any]] = []
        self.hold_s = hold_s
        self.acknowledged = -1  # the version that whoever polled last has in force
        self._routes: dict[str, Any] = {"version": 0, "rules": [], "groups": {}}
        self._changed = threading.Condition()
        self.connections: set[socket.socket] = set()

    def set_routes(self, rules: Sequence[Mapping[str, Any]], groups: Mapping[str, Any]) -> int:
        """Put other routes in force; give their version."""
        with self._changed:
            version = int(self._routes["version"]) + 1
            self._routes = {"version": version, "rules": list(rules), "groups": dict(groups)}
            self._changed.notify_all()
        return version

    def routes(self, after: int) -> dict[str, Any]:
        """Give the routes, as soon as they are newer than `after`."""
        self.acknowledged = after
        with self._changed:
            self._changed.wait_for(lambda: self._routes["version"] > after, timeout=self.hold_s)
            return self._routes

    @contextmanager
    def listening(self, port: int = 0) -> Iterator[str]:
        """Serve on loopback; yield the URL."""
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            self._hang_up()

    def _hang_up(self) -> None:
        """Close what clients keep alive, or they would never notice that nobody listens any more."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _handler(control: BenchControl) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            control.connections.add(self.connection)

        def finish(self) -> None:
            control.connections.discard(self.connection)
            with contextlib.suppress(ConnectionError):
                super().finish()

        def do_GET(self) -> None:
            after = parse_qs(urlsplit(self.path).query).get("after", ["-1"])[0]
            self._answer(control.routes(int(after)))

        def do_POST(self) -> None:
            control.posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self._answer({})

        def log_message(self, *_: object) -> None:
            """Stay silent: one line a request is noise."""

        def _answer(self, document: Mapping[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            with contextlib.suppress(ConnectionError):  # who polled for routes may be gone
                self.end_headers()
                self.wfile.write(body)

    return Handler


def one_group_each(ports: Sequence[int], weights: Sequence[int]) -> tuple[list[Any], dict[str, Any]]:
    """Give rules and groups for targets that are a group each: `arn-0` named `side-0`, and so on."""
    groups = {
        f"arn-{i}": {
            "name": f"side-{i}",
            "targets": [{"address": "127.0.0.1", "port": port, "health": "healthy"}],
        }
        for i, port in enumerate(ports)
    }
    forward = [{"group": arn, "weight": weight} for arn, weight in zip(groups, weights, strict=True)]
    return [{"priority": "default", "header": None, "paths": None, "forward": forward}], groups


class _Target(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(_RESPONSE * data.count(b"\r\n\r\n"))


class _User(asyncio.Protocol):
    """Asks again as soon as it is answered, and counts who answered."""

    def __init__(self, served: Counter[bytes]) -> None:
        self._served = served

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        name = data.partition(_SERVED_BY)[2].partition(b"\r\n")[0]
        self._served[name if data.startswith(b"HTTP/1.1 200") else b"failed"] += 1
        self._transport.write(_REQUEST)


async def _serve_target(port_file: Path, count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(_Target, "127.0.0.1", 0) for _ in range(count)]
    write_whole(port_file, json.dumps([server.sockets[0].getsockname()[1] for server in servers]))
    await asyncio.Event().wait()


async def _ask(port: int, seconds: float, users: int) -> None:
    loop = asyncio.get_running_loop()
    served: Counter[bytes] = Counter()
    for _ in range(users):
        await loop.create_connection(lambda: _User(served), "127.0.0.1", port)
    await asyncio.sleep(0.3)
    served.clear()
    started = time.monotonic()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - started
    names = {name.decode(): count for name, count in served.items()}
    sys.stdout.write(json.dumps({"served": names, "took_s": took_s}))


@contextmanager
def running(*argv: str) -> Iterator[int]:
    """Run a module of Python as a child process; yield its pid, end it by SIGTERM."""
    child = subprocess.Popen([sys.executable, "-m", *argv])
    try:
        yield child.pid
    finally:
        child.terminate()
        child.wait(timeout=20)


def read_when_there(file: Path) -> str:
    """Wait for a file that another process writes whole."""
    deadline = time.monotonic() + START_TIMEOUT_S
    pause = threading.Event()
    while not file.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"could not start a process: {file.name} is not there after {START_TIMEOUT_S:.0f} s")
        pause.wait(0.02)
    return file.read_text()


def cpu_s(pid: int) -> float:
    """Read the CPU time a process has used (Linux; NaN elsewhere)."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return math.nan
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(seconds: float, weight: int, users: int) -> dict[str, Any]:
    """Run the benchmark with `weight` percent on the second group; give what it found."""
    control = BenchControl()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(control.listening())
        ports_file, port_file = folder / "targets", folder / "balancer"
        stack.enter_context(running(_OWN_MODULE, "target", str(ports_file)))
        control.set_routes(*one_group_each(json.loads(read_when_there(ports_file)), (100 - weight, weight)))
        balancer = ("deployments.twin.load_balancer", "--control", url, "--port-file", str(port_file))
        pid = stack.enter_context(running(*balancer))
        port = read_when_there(port_file)
        used_s = cpu_s(pid)
        client = [sys.executable, "-m", _OWN_MODULE, "client", port, str(seconds), str(users)]
        found: dict[str, Any] = json.loads(subprocess.run(client, check=True, capture_output=True).stdout)
        found["balancer_cpu_s"] = cpu_s(pid) - used_s
    return found


def _report(found: Mapping[str, Any]) -> str:
    total = sum(found["served"].values())
    lines = [
        f"{total / found['took_s']:,.0f} requests/s ({total:,} in {found['took_s']:.1f} s)",
        f"{found['balancer_cpu_s'] / total * 1e6:.0f} us of the balancer's CPU a request, warm-up included",
        *(f"{name}: {count / total:.3%}" for name, count in sorted(found["served"].items())),
    ]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        match argv:
            case ["target", port_file]:
                runner.run(_serve_target(Path(port_file), count=2))
            case ["client", port, seconds, users]:
                runner.run(_ask(int(port), float(seconds), int(users)))
            case _:
                _bench(argv)


def _bench(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {_OWN_MODULE}", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure")
    parser.add_argument("--weight", type=int, default=10, help="percent for the second group")
    parser.add_argument("--users", type=int, default=64, help="connections, each with one request under way")
    asked = parser.parse_args(argv)
    sys.stdout.write(_report(measure(asked.seconds, asked.weight, asked.users)))


if __name__ == "__main__":
    main(sys.argv[1:])
