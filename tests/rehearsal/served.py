"""A running `greenflow serve`, as a person's shell and browser see it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE_S = 600.0
END_WITHIN_S = 120.0
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
APPROVE = re.compile(r'name="ts" value="([\d.]+)"><input type="hidden" name="action" value="approve"')
MARK = re.compile(rb"GREENFLOW_TWIN_ID=([0-9a-f]{16})")


class Served:
    """Hold a running `greenflow serve` and talk to it."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, auth: tuple[str, str] | None = None) -> None:
        self.process = process
        self.auth = auth
        self.log = folder / "serve.log"
        self._said = folder / "said"

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace")

    @property
    def ui(self) -> str:
        return self.address("Prefect UI")

    def address(self, name: str) -> str:
        found = re.search(rf"^{name} +(http://\S+)", self.said, re.MULTILINE)
        return found[1].rstrip("/") if found else ""

    def until(self, what: str, seen: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := seen()):
            assert self.process.poll() is None, f"serve ended with {self.process.poll()}: {self.said}\n{self._tail}"
            assert time.monotonic() < deadline, f"never saw {what}\n{self.said}\n{self._tail}"
            time.sleep(0.3)
        return found

    def api(self, method: str, path: str, **options: Any) -> Any:
        url = f"{self.ui}/api{path}"
        return httpx.request(method, url, timeout=30, auth=self.auth, **options).raise_for_status().json()

    def patch(self, path: str, changes: Mapping[str, Any]) -> None:
        """Change something, which the server answers with nothing."""
        httpx.patch(f"{self.ui}/api{path}", json=changes, timeout=30, auth=self.auth).raise_for_status()

    def run(self, name: str, **parameters: str) -> str:
        """Press Run as the UI does and return the run."""
        deployment = self.api("GET", f"/deployments/name/{name}/{name}")
        created = self.api("POST", f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": parameters})
        return str(created["id"])

    def state(self, run: str) -> str:
        return str(self.api("GET", f"/flow_runs/{run}")["state_type"])

    def await_pause(self, run: str) -> None:
        """Wait until a run asks people; fails with its last words when it ends instead."""
        state = self.until("the pause", lambda: self.state(run) in {*OVER, "PAUSED"} and self.state(run))
        assert state == "PAUSED", self.message(run)

    def message(self, run: str) -> str:
        """Return the sentence of a run's state."""
        return str(self.api("GET", f"/flow_runs/{run}")["state"]["message"])

    def ended(self, run: str) -> str:
        return str(self.until("the end", lambda: self.state(run) in OVER and self.state(run)))

    def approve(self) -> None:
        """Press the Slack stand-in's button as its page does."""
        slack = self.address("Slack")
        (ts,) = self.until("a button in Slack", lambda: APPROVE.findall(httpx.get(slack).text))
        httpx.post(f"{slack}/press", data={"ts": ts, "action": "approve"}, timeout=30)

    def status(self, *more: str, environment: str = "rehearsal", given: Mapping[str, str] | None = None) -> str:
        """Ask for the status in a shell that knows nothing of this."""
        argv = [sys.executable, "-m", "deployments.cli", "status", "--environment", environment, *more]
        env = {"PATH": os.environ["PATH"], **(given or {})}
        return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=120).stdout

    def children(self) -> dict[int, str]:
        """Return its children, by the id of each its command line."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        found = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        return {pid: Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in found}

    def pid_of(self, command: str) -> int:
        """Return the child whose command line holds something."""
        return next(pid for pid, line in self.children().items() if command in line)

    def mark(self) -> str:
        """Return what all its processes carry in their environment."""
        environments = (Path(f"/proc/{pid}/environ").read_bytes() for pid in self.children())
        return next(found[1].decode() for found in map(MARK.search, environments) if found)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_WITHIN_S)

    @property
    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:]) if self.log.exists() else ""


@contextmanager
def serving(
    folder: Path, *arguments: str, given: Mapping[str, str] | None = None, program: str = "deployments.cli"
) -> Iterator[Served]:
    """Start `greenflow serve` and hold it until it says where everything is; whatever is left of it is ended."""
    folder.mkdir(exist_ok=True)
    argv = [sys.executable, "-m", program, "serve", "--log", str(folder / "serve.log"), *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **(given or {})}
    with (folder / "said").open("wb") as output:
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    served = Served(process, folder)
    try:
        served.until("that all is up", lambda: "Ctrl-C ends everything" in served.said)
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_WITHIN_S)
        finally:
            process.kill()
            process.wait()
