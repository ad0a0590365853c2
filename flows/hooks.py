"""Bring traffic home from Prefect's hooks where a runner is left to run them; elsewhere the guard does (safety I4).

Prefect runs a hook for a crashed or cancelled run in the runner's process, after the run's own has gone. It does what
the guard would do, a little earlier; the guard finds it done.
"""

import logging
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from flows.orphan import rescue
from tasks.errors import ReleaseError
from tasks.settings import load_settings

log = logging.getLogger("greenflow.hooks")


def bring_home(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's names
    """Look after what a run that crashed or was cancelled has left behind; never raises."""
    environment = str(flow_run.parameters.get("environment") or "rehearsal")
    try:
        said = rescue(load_settings(environment), str(flow_run.id))
    except ReleaseError as error:
        log.warning("could not bring %s home from the hook, the guard will: %s", environment, error)
    else:
        log.info("run %s on %s: %s", flow_run.name, environment, said)
