"""Do what an operator asks for at the command line, by the same rules as in Slack."""

from datetime import UTC, datetime
from typing import Literal

from deployments.follow import Follower
from flows.core.answers import Person, refuse_answer
from tasks.asks import record_answer
from tasks.errors import GateRefused
from tasks.event_store import EventStore
from tasks.identity import operator
from tasks.lock import read_lock
from tasks.models import Answer
from tasks.settings import Settings
from tasks.stops import Stop, ask_to_stop


def answer_ask(settings: Settings, decision: Literal["approve", "reject"], reason: str) -> str:
    """Answer the open ask and wake its run; returns what happened, raises GateRefused when it does not count."""
    ask = Follower(settings).look().open_ask
    if ask is None:
        msg = f"{settings.name} asks nothing right now; look with: greenflow status"
        raise GateRefused(msg)
    person = operator(settings)
    refusal = refuse_answer(
        ask,
        Person(id=person),
        decision,
        now=datetime.now(UTC),
        allowed_now=settings.approval.approvers,
        allow_requester=settings.approval.allow_requester,
    )
    if refusal:
        msg = f"answer refused: {refusal}"
        raise GateRefused(msg)
    wanted = Answer(nonce=ask.nonce, decision=decision, by=person, door="cli", at=datetime.now(UTC), reason=reason)
    counted = record_answer(settings, wanted)
    if counted != wanted:
        return f"already answered: {counted.decision} by {counted.by}"
    from flows.approval import resume_run  # noqa: PLC0415 - imports Prefect, which the other answers need not wait for

    resume_run(ask.flow_run_id, "answered at the command line")
    return f"{decision} recorded: {ask.version} from {ask.from_weight} % to {ask.to_weight} %"


def call_back(settings: Settings, reason: str) -> bool:
    """Ask the living release to come home; tells whether there is one that may still hear it."""
    lock = read_lock(EventStore(settings), settings.name)
    if lock is None or lock.state == "free":
        msg = f"{settings.name} has no unfinished release: nothing to bring home"
        raise GateRefused(msg)
    person = operator(settings)
    if person not in settings.approval.approvers:
        msg = f"rollback refused: {person} is not on {settings.name}'s list of approvers"
        raise GateRefused(msg)
    ask_to_stop(settings, lock.release_id, Stop(by=person, reason=reason, at=datetime.now(UTC)))
    return lock_is_alive(settings)


def lock_is_alive(settings: Settings) -> bool:
    """Tell whether the environment's lease is being kept alive, by the store's own clock."""
    stored = EventStore(settings).read(f"locks/{settings.name}.json")
    return stored is not None and (stored.read_at - stored.modified_at).total_seconds() <= settings.ledger.lease_s
