"""Wake a run that waits: quickly, and again where Prefect was busy; the run would find its answer by itself too."""

import logging
import threading

from flows.approval import resume_run

log = logging.getLogger("greenflow.approvals")

TRIES_AFTER_S = (0.0, 0.2, 0.5)


def wake(flow_run_id: str, reason: str) -> bool:
    """Resume a paused run; tells whether Prefect accepted it."""
    for wait_s in TRIES_AFTER_S:
        threading.Event().wait(wait_s)
        if resume_run(flow_run_id, reason):
            return True
    log.info("run %s was not paused, or Prefect did not say so; it reads its answer by itself", flow_run_id or "-")
    return False
