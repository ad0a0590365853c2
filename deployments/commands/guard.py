"""Watch an environment: ``greenflow guard``; nothing here imports Prefect."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_of
from deployments.logs import LogFormat, start_logging

Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]


def guard(
    *,
    environment: Environment,
    once: bool = False,
    host: str = "127.0.0.1",
    port: int | None = None,
    port_file: Path | None = None,
    log_format: LogFormat = "plain",
) -> int:
    """Bring traffic home when its release has died, and tell what somebody else changed; until asked to stop.

    Ends with 0 when asked to stop. With --once: 0 when all is well or was brought home, 1 when it could not look,
    5 when a person must act.

    Args:
        once: Look once and leave, for a cron; the next look goes on where this one stopped.
        host: Where to answer who asks how the guard is; nothing there is secret, nothing there changes anything.
        port: Where to answer GET / with the guard's health and GET /metrics for Prometheus; 0 takes a free one.
        port_file: A file to write that port to.
    """
    from deployments.guard.service import guarding  # noqa: PLC0415 - keeps `greenflow --help` quick

    start_logging(log_format)
    return guarding(settings_of(environment), once=once, host=host, port=port, port_file=port_file)
