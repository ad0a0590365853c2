"""Load the API's read paths at one address, bounded as the environment says (guide 5.2)."""

import logging
from pathlib import Path
from typing import Final

from tasks.clients.load import Load, LoadWish, run_load
from tasks.clients.node_tools import node_tool
from tasks.secrets import read_secret
from tasks.section import SecretReference
from tasks.settings import Settings

log = logging.getLogger("greenflow.performance")

LOAD: Final = "load"


def load_api(settings: Settings, api_url: str, token: SecretReference | None) -> tuple[Load, ...]:
    """Load every path of ``performance.paths`` and return one measurement each.

    Raises RemoteError when the program cannot be installed or does not run.
    """
    bounds = settings.performance
    wish = LoadWish(
        urls=tuple(api_url.rstrip("/") + path for path in bounds.paths),
        # Our own requests are nobody's business figures.
        headers={settings.load_balancer.probe_header: "1", "user-agent": "greenflow-release"},
        connections=bounds.connections,
        requests_per_s=bounds.requests_per_s,
        duration_s=bounds.duration_s,
        timeout_s=bounds.timeout_s,
    )
    log.info("loading %s for %d s", ", ".join(wish.urls), wish.duration_s)
    given = read_secret(token, settings.aws) if token else None
    return run_load(load_tool(settings), wish, path=settings.build.path, token=given)


def load_tool(settings: Settings) -> Path:
    """Return the folder of the load test's program, installing it when it is not; raises RemoteError."""
    return node_tool(LOAD, home=settings.performance.tools, path=settings.build.path)
