"""Bring home the release whose process died, because a person says so."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.core.record import fold
from flows.core.report import ReleaseReport, report_of
from flows.forms import EnvironmentField, ReasonField
from flows.showing import show_report
from flows.stopping import ended_state
from flows.way_home import come_home
from tasks.announcements import close_thread
from tasks.errors import EnvironmentBusy, ReleaseError
from tasks.event_store import EventStore
from tasks.ledger import open_ledger
from tasks.lock import read_lock
from tasks.sentences import speaking
from tasks.settings import Settings, load_settings


@flow(name="rollback", flow_run_name="rollback of {environment}", persist_result=False)
def rollback(
    environment: EnvironmentField = "rehearsal", reason: ReasonField = "asked for by a person"
) -> ReleaseReport | State[ReleaseReport]:
    """Bring home the release whose process died.

    Args:
        environment: the environment whose traffic shall come home.
        reason: one sentence for the report.

    Raises EnvironmentBusy when nothing is left to bring home or its release is alive; RollbackFailed when the way back
    is blocked.
    """
    try:
        return _rollback(load_settings(environment), reason)
    except ReleaseError as error:
        return ended_state(error)


def _rollback(settings: Settings, reason: str) -> ReleaseReport:
    left = read_lock(EventStore(settings), settings.name)
    if left is None or left.state == "free" or left.room == "operations":
        msg = f"{settings.name} has no unfinished release: nothing to bring home"
        raise EnvironmentBusy(msg)
    opened = open_ledger(settings, release_id=left.release_id, version=left.version)
    with speaking(settings.language), opened as ledger:
        come_home(settings, ledger, reason, by_people=True)
        report = report_of(fold(ledger.events))
        close_thread(settings, left.release_id, report.verdict)
    show_report(report)
    return report
