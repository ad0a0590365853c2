"""Bring a release home: traffic first, everything else later; one way back for every caller (safety I12 to I15)."""

import logging
from collections.abc import Callable

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows.core.record import Ending, ReleaseState, fold
from flows.core.report import ReleaseReport, report_of
from flows.forms import EnvironmentField, ReasonField
from flows.showing import show_report
from tasks.announcements import announce, close_thread
from tasks.errors import EnvironmentBusy, LeaseLost, ReleaseError, RollbackFailed
from tasks.event_store import EventStore
from tasks.homecoming import bring_home, retire_candidate
from tasks.ledger import Ledger, note, open_ledger
from tasks.lock import read_lock
from tasks.models import RestorePoint
from tasks.scaling import resume_scaling
from tasks.sentences import named, sentence, speaking
from tasks.settings import Settings, load_settings
from tasks.site_restore import restore_site
from tasks.waits import shielded

log = logging.getLogger("greenflow.rollback")


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
        return Failed(message=str(error), data=error)


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


def come_home(settings: Settings, ledger: Ledger, reason: str, *, by_people: bool) -> Ending:
    """End an unfinished release: traffic at its restore point and read back, then the rest; returns how it ended.

    Raises RollbackFailed with the exact commands when the traffic cannot be brought home.
    """
    with shielded():
        state = fold(ledger.events)
        if state.plan is None or state.restore_point is None:
            return _end(Ending.REFUSED, reason)
        if not state.rollout:
            _tidy_up(settings, state.restore_point)
            return _end(Ending.REFUSED, reason)
        _traffic_home(settings, state, reason)
        _tidy_up(settings, state.restore_point)
        return _end(Ending.REJECTED if by_people else Ending.ROLLED_BACK, reason)


def _traffic_home(settings: Settings, state: ReleaseState, reason: str) -> None:
    """Shift first, write and tell afterwards: the way home needs only the load balancer."""
    if state.restore_point is None:
        msg = "no restore point is recorded: nothing was touched"
        raise RollbackFailed(msg)
    try:
        proof = bring_home(settings, state.restore_point)
    except RollbackFailed as error:
        blocked, commands = str(error), error.commands
        announce(settings, state.release_id, _blocked(error), key="blocked", urgent=True)
        _quietly("record the blocked way back", lambda: _end(Ending.STUCK, blocked, commands))
        raise
    _quietly("record the reason", lambda: note("rollback.started", {"reason": reason}))
    text = sentence(
        "Traffic is home ({weights}) after {took_s:.1f} s: {why}",
        weights=proof.weights,
        took_s=proof.took_s,
        why=reason,
    )
    announce(settings, state.release_id, text, key="home", urgent=True)


def _tidy_up(settings: Settings, restore_point: RestorePoint) -> None:
    """Put the rest back; traffic is home, so what fails here is written down for people and does not stop the end."""
    _quietly("put the site back", lambda: restore_site(settings, restore_point))
    _quietly("retire the candidate", lambda: retire_candidate(settings, restore_point))
    _quietly("give autoscaling back", lambda: resume_scaling(settings, restore_point))


def _end(ending: Ending, reason: str, commands: tuple[str, ...] = ()) -> Ending:
    note("release.ended", {"ending": ending, "reason": reason, "commands": commands})
    return ending


def _quietly(doing: str, act: Callable[[], object]) -> None:
    try:
        act()
    except LeaseLost:
        raise
    except ReleaseError as error:
        log.warning("could not %s: %s", doing, error)
        _write_down(sentence("could not {doing}: {why}", doing=named(doing), why=str(error)))


def _write_down(left_over: str) -> None:
    try:
        note("rollback.left_over", {"what": left_over})
    except ReleaseError as error:
        log.warning("and could not write that down: %s", error)


def _blocked(error: RollbackFailed) -> str:
    commands = "\n".join(error.commands)
    return sentence("A PERSON MUST ACT NOW: {why}\n{commands}", why=str(error), commands=commands)
