"""Drill the way back: a rehearsal of a version that must come home by itself."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.core.report import ReleaseReport
from flows.forms import RequestedByField, VersionField
from flows.hooks import bring_home
from flows.rehearsal import twin_settings
from flows.release import PARALLEL_STAGES, run_release
from flows.stopping import ended_state
from tasks.errors import GateRefused, ReleaseError, RolledBack
from tasks.sentences import sentence


@flow(
    name="drill",
    flow_run_name="drill with {version}",
    persist_result=False,
    on_cancellation=[bring_home],
    on_crashed=[bring_home],
    task_runner=ThreadPoolTaskRunner(max_workers=PARALLEL_STAGES),  # type: ignore[arg-type]  # Prefect's own default
)
def drill(version: VersionField, requested_by: RequestedByField = "") -> str | State[ReleaseReport]:
    """Release a bad version to the twin and succeed only when it was rolled back; returns why it was.

    Args:
        version: what to release; the twin has its tag, and its image carries a fault.
        requested_by: who asks for it.

    Raises GateRefused when the version shipped, or was refused before it met any traffic: neither drills the way back.
    """
    try:
        report = run_release(twin_settings(), version, requested_by)
    except RolledBack as home:
        if not home.by_people:
            return str(home)
        return ended_state(home)
    except ReleaseError as error:
        return ended_state(error)
    shipped = GateRefused(
        sentence("the drill failed: {verdict}; expected it to come home by itself", verdict=report.verdict),
        gate="drill",
    )
    return Failed(message=str(shipped), data=shipped)
