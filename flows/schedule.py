"""Begin a run that nobody started by hand: in time or not at all."""

from datetime import UTC, datetime

from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from flows.core.lateness import how_late
from tasks.errors import GateRefused
from tasks.settings import Settings


def refuse_late(settings: Settings) -> None:
    """Refuse a first try that begins long after it was due, as after a worker was away; raises GateRefused."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    due = run.expected_start_time if run else None
    if run is None or due is None or run.run_count > 1:
        return  # a release that is tried again goes on with what it has begun
    if late := how_late(due, datetime.now(UTC), settings.schedule.late_s):
        raise GateRefused(late, gate="schedule")


def name_run() -> str:
    """Name a release's run as people look for it."""
    given = flow_run.parameters
    return f"release {given.get('version') or 'what staging runs'} to {given.get('environment', '')}"
