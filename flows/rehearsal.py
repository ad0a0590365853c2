"""Rehearse a release on the twin: the very code production runs, and never production itself."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner

from flows.core.report import ReleaseReport
from flows.forms import RequestedByField, VersionField
from flows.hooks import bring_home
from flows.release import PARALLEL_STAGES, run_release
from flows.stopping import ended_state
from tasks.errors import ReleaseError, SettingsError
from tasks.settings import Settings, load_settings

TWIN_ADDRESS = "http://127.0.0.1:"


@flow(
    name="rehearsal",
    flow_run_name="rehearsal of {version}",
    persist_result=False,
    on_cancellation=[bring_home],
    on_crashed=[bring_home],
    task_runner=ThreadPoolTaskRunner(max_workers=PARALLEL_STAGES),  # type: ignore[arg-type]  # Prefect's own default
)
def rehearsal(version: VersionField, requested_by: RequestedByField = "") -> ReleaseReport | State[ReleaseReport]:
    """Release a version to the twin.

    Args:
        version: what to release; the twin has its tag and image.
        requested_by: who asks for it.

    Ends as ``release`` does; raises SettingsError when the environment named rehearsal is not a twin.
    """
    try:
        return run_release(twin_settings(), version, requested_by)
    except ReleaseError as error:
        return ended_state(error)


def twin_settings() -> Settings:
    """Load the rehearsal's settings; raises SettingsError unless its AWS is the emulator on this machine."""
    settings = load_settings("rehearsal")
    if not settings.aws.endpoint_url.startswith(TWIN_ADDRESS):
        found = settings.aws.endpoint_url or "AWS itself"
        msg = f"aws.endpoint_url: found {found}, expected the twin on 127.0.0.1; start it with: greenflow twin"
        raise SettingsError(msg)
    return settings
