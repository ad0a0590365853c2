"""Say who asked for a run: the person who is named, or honestly what started it."""

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

SCHEDULE = "the schedule"
UI = "the Prefect UI or API"
NOBODY_NAMED = "somebody"


def requester(named: str) -> str:
    """Return who asked for the running release.

    Prefect's server knows no people: a run from its UI that names nobody was asked for by nobody in particular, so the
    rule that the requester may not approve excludes nobody then.
    """
    if named.strip():
        return named.strip()
    context = FlowRunContext.get()
    return _starter(context.flow_run) if context and context.flow_run else NOBODY_NAMED


def _starter(run: FlowRun) -> str:
    if run.auto_scheduled:
        return SCHEDULE
    if run.created_by and run.created_by.type == "AUTOMATION":
        return f"the automation {run.created_by.display_value or run.created_by.id}"
    return UI if run.deployment_id else NOBODY_NAMED
