"""Serve what people press in Slack: ``greenflow approvals``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_of
from deployments.logs import LogFormat, tell_prefect

Environments = Annotated[
    list[str], Parameter(name="--environment", help="An environment to serve; may be given several times.")
]


def approvals(
    *,
    environment: Environments,
    host: str = "127.0.0.1",
    port: int = 0,
    port_file: Path | None = None,
    log_format: LogFormat = "plain",
) -> int:
    """Serve the approvals of one or several environments until asked to stop.

    GET /healthz tells how it is, GET /metrics what Prometheus wants to know.

    Args:
        host: Where to listen; without Socket Mode Slack posts to /slack/interactivity here through your TLS proxy.
        port: Where to listen; a free one without it, which the log names.
        port_file: A file to write the port to.
    """
    for name in environment:
        settings_of(name)  # says what is wrong before Prefect is imported, and joins a running twin
    tell_prefect(log_format)
    from deployments.approvals.service import main  # noqa: PLC0415 - starts a web server and imports Prefect

    given = [part for name in environment for part in ("--environment", name)]
    files = ["--port-file", str(port_file)] if port_file else []
    return main([*given, "--host", host, "--port", str(port), "--log-format", log_format, *files])
