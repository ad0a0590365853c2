"""End an unfinished release at home: the one way back of the flow, of people, of Prefect's hooks and of the guard.

Traffic first, everything else later (safety I12 to I15). Nothing here needs Prefect.
"""

import logging
from collections.abc import Callable

from flows.core.record import Ending, ReleaseState, fold
from tasks.announcements import announce
from tasks.backup_proof import drop_restored
from tasks.errors import LeaseLost, ReleaseError, RollbackFailed
from tasks.homecoming import bring_home, give_capacity_back, retire_candidate
from tasks.ledger import Ledger, note, note_beside
from tasks.models import RestorePoint, TrafficProof
from tasks.scaling import resume_scaling
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.site_restore import restore_site
from tasks.waits import shielded

log = logging.getLogger("greenflow.rollback")

DECIDED = "rollback.started"
"""Written beside the first call home; a release whose chain holds it goes nowhere but home."""


def come_home(settings: Settings, ledger: Ledger, reason: str, *, by_people: bool) -> Ending:
    """End an unfinished release: traffic at its restore point and read back, then the rest; returns how it ended.

    Raises RollbackFailed with the exact commands when the traffic cannot be brought home.
    """
    with shielded():
        state = fold(ledger.events)
        if state.rollout:
            note_beside(DECIDED, {"reason": reason, "by_people": by_people})
            proof = traffic_home(settings, state)
            told = sentence(
                "Traffic is home ({weights}) after {took_s:.1f} s: {why}",
                weights=proof.weights,
                took_s=proof.took_s,
                why=reason,
            )
            announce(settings, state.release_id, told, key="home", urgent=True)
        return end_at_home(settings, state, reason, by_people=by_people)


def traffic_home(settings: Settings, state: ReleaseState) -> TrafficProof:
    """Shift first, write and tell afterwards: the way home needs only the load balancer.

    Only a side that was let go already needs its tasks back before it can serve. Raises RollbackFailed, recorded and
    told, when the traffic is not seen at home.
    """
    point = state.restore_point
    if point is None:
        msg = sentence("no restore point is recorded: nothing was touched")
        raise RollbackFailed(msg)
    try:
        if state.let_go:
            give_capacity_back(settings, point)
        return bring_home(settings, point)
    except RollbackFailed as error:
        blocked, commands = str(error), error.commands
        announce(settings, state.release_id, _blocked(error), key="blocked", urgent=True)
        if state.ending is not Ending.STUCK:  # said once: the guard tries again and again
            quietly("record the blocked way back", lambda: end(Ending.STUCK, blocked, commands))
        raise


def end_at_home(settings: Settings, state: ReleaseState, reason: str, *, by_people: bool) -> Ending:
    """Put back what else the release changed, and close its chain; traffic is home already."""
    if state.plan is None or state.restore_point is None:
        return end(Ending.REFUSED, reason)
    _tidy_up(settings, state, state.restore_point)
    if not state.rollout:
        return end(Ending.REFUSED, reason)
    return end(Ending.REJECTED if by_people else Ending.ROLLED_BACK, reason)


def end(ending: Ending, reason: str, commands: tuple[str, ...] = ()) -> Ending:
    """Write a release's last event."""
    note("release.ended", {"ending": ending, "reason": reason, "commands": commands})
    return ending


def quietly(doing: str, act: Callable[[], object]) -> None:
    """Do what must not stop a release from ending; what fails is left to people, in writing."""
    try:
        act()
    except LeaseLost:
        raise
    except ReleaseError as error:
        log.warning("could not %s: %s", doing, error)
        _write_down(sentence("could not {doing}: {why}", doing=named(doing), why=str(error)))


def _tidy_up(settings: Settings, state: ReleaseState, restore_point: RestorePoint) -> None:
    if state.keeps_a_copy:
        quietly("drop the restored database", lambda: drop_restored(settings, state.release_id))
    quietly("put the site back", lambda: restore_site(settings, restore_point))
    quietly("retire the candidate", lambda: retire_candidate(settings, restore_point))
    quietly("give autoscaling back", lambda: resume_scaling(settings, restore_point))
    for tenant in state.tenants_left:
        path = f"{settings.journey.api_prefix}/test-tenant/{tenant}"
        _write_down(sentence("remove the test tenant that a user's journey left: DELETE {path}", path=path))


def _write_down(left_over: str) -> None:
    try:
        note("rollback.left_over", {"what": left_over})
    except ReleaseError as error:
        log.warning("and could not write that down: %s", error)


def _blocked(error: RollbackFailed) -> str:
    commands = "\n".join(error.commands)
    return sentence("A PERSON MUST ACT NOW: {why}\n{commands}", why=str(error), commands=commands)
