"""Do what an operator asks for at the command line, by the same rules as in Slack."""

from typing import Literal

from deployments.approvals.answering import Answering, Outcome, Wish
from deployments.approvals.watch import Watch
from deployments.follow import Follower
from flows.core.answers import Person, Refusal
from flows.core.record import ReleaseState
from tasks.asks import find_ask
from tasks.claiming import see_lock
from tasks.errors import GateRefused
from tasks.event_store import EventStore
from tasks.identity import operator
from tasks.lock import read_lock
from tasks.presence import find_roll_call
from tasks.settings import Settings


def answer_ask(settings: Settings, decision: Literal["approve", "reject"], reason: str) -> str:
    """Answer the open ask and wake its run; returns what happened, raises GateRefused when it does not count."""
    watch = Watch(settings)
    live = watch.look()
    found = find_ask(settings, live.open_nonce)
    if found is None:
        msg = f"{settings.name} asks nothing right now; look with: greenflow status"
        raise GateRefused(msg)
    wish = Wish(_operator(settings), "cli", reason)
    return _said(settings, Answering(settings, watch, _wake).answer(found, decision, wish), "answer")


def be_on_duty(settings: Settings) -> str:
    """Answer the open roll call; returns what happened, raises GateRefused when it does not count."""
    watch = Watch(settings)
    found = find_roll_call(settings, watch.look().open_call)
    if found is None:
        msg = f"{settings.name} calls nobody right now; look with: greenflow status"
        raise GateRefused(msg)
    return _said(
        settings, Answering(settings, watch, _wake).be_present(found, Wish(_operator(settings), "cli")), "on duty"
    )


def call_back(settings: Settings, reason: str) -> bool:
    """Ask the living release to come home; tells whether there is one that may still hear it."""
    lock = read_lock(EventStore(settings), settings.name)
    if lock is None or lock.state == "free":
        msg = f"{settings.name} has no unfinished release: nothing to bring home"
        raise GateRefused(msg)
    wish = Wish(_operator(settings), "cli", reason)
    _said(settings, Answering(settings, Watch(settings), _wake).roll_back(lock.release_id, wish), "rollback")
    return release_is_alive(settings)


def lock_is_alive(settings: Settings) -> bool:
    """Tell whether somebody, a release or its guard, keeps the environment's lease alive, by the store's own clock."""
    seen = see_lock(EventStore(settings), settings.name)
    return seen is not None and seen.alive


def release_is_alive(settings: Settings) -> bool:
    """Tell whether a release keeps the environment's lease alive, by the store's own clock; a guard hears no wishes."""
    seen = see_lock(EventStore(settings), settings.name)
    return seen is not None and seen.alive and seen.record.role == "release"


def unfinished_release(settings: Settings, version: str) -> ReleaseState:
    """Return the release that may go on; raises GateRefused when there is none, or it is of another version."""
    seen = see_lock(EventStore(settings), settings.name)
    state = Follower(settings).look() if seen and seen.held else ReleaseState()
    if not state.release_id or state.ended:
        msg = f"resume refused: {settings.name} has no unfinished release; start one without --resume"
        raise GateRefused(msg)
    if version not in {"", state.version}:
        msg = f"resume refused: found unfinished version {state.version}, expected {version}"
        raise GateRefused(msg)
    return state


def _operator(settings: Settings) -> Person:
    """Return who AWS says is calling, as the person the settings know behind that ARN."""
    arn = operator(settings)
    return Person(id=settings.approval.person(arn), name=arn)


def _said(settings: Settings, outcome: Outcome, what: str) -> str:
    sentence = outcome.sentence(settings.language)
    if isinstance(outcome.told, Refusal):
        msg = f"{what} refused: {sentence}"
        raise GateRefused(msg)
    return sentence


def _wake(flow_run_id: str, reason: str) -> bool:
    from deployments.approvals.waking import wake  # noqa: PLC0415 - imports Prefect, which a refusal need not wait for

    return wake(flow_run_id, reason)
