"""Run a real Prefect server on the twin's PostgreSQL, for the rehearsal's UI, pauses and artifacts."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from deployments.twin.processes import Child, Processes, free_port

START_PATIENCE_S = 120.0


class PrefectServer:
    """Hold a Prefect server open on 127.0.0.1; raises RuntimeError with its last words if it fails.

    ``port`` 0 takes a free one at each start.
    """

    child: Child

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        database_url: str,
        options: Mapping[str, str] | None = None,
        *,
        port: int = 0,
    ) -> None:
        self._processes = processes
        self._folder = folder
        self._options = dict(options or {})
        self._wanted_port = self.port = port
        self._database_url = database_url.replace("postgresql://", "postgresql+asyncpg://", 1)

    @property
    def ui_url(self) -> str:
        """Return where a person looks."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def client_environment(self) -> dict[str, str]:
        """Return what a flow's process needs to talk to this server."""
        return {
            "PREFECT_API_URL": f"{self.ui_url}/api",
            "PREFECT_HOME": str(self._folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "greenflow",
            "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.stop()

    def start(self) -> None:
        """Start the server and wait until it answers; again, too, after it was killed."""
        self.port = self._wanted_port or free_port()
        self.launch().await_ready(self.answers, START_PATIENCE_S)

    def launch(self) -> Child:
        """Start the server where it was before, and do not wait for it."""
        self.child = self._processes.start(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)],
            env={
                **self.client_environment,
                **self._options,
                "PREFECT_API_DATABASE_CONNECTION_URL": self._database_url,
                # The default forgets who holds what on a restart.
                "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
                "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            },
            log=self._folder / "prefect-server.log",
            name="prefect server",
        )
        return self.child

    def deploy(self, flow: str, entrypoint: str) -> None:
        """Let the server know a flow's deployment of the flow's own name, as `prefect deploy` does.

        Runs of it can be scheduled; nobody here works on them.
        """
        with httpx.Client(base_url=f"{self.ui_url}/api", timeout=START_PATIENCE_S) as api:
            known = api.post("/flows/", json={"name": flow}).raise_for_status().json()
            asked = {"name": flow, "flow_id": known["id"], "entrypoint": entrypoint, "enforce_parameter_schema": False}
            api.post("/deployments/", json=asked).raise_for_status()

    def answers(self) -> bool:
        """Tell whether the server answers; its health may be asked without a password."""
        try:
            return httpx.get(f"{self.ui_url}/api/health", timeout=2).is_success
        except httpx.TransportError:
            return False
