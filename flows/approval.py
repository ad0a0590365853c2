"""Pause for a person, while the judge goes on looking; whatever ends the wait is a recorded answer (safety I19 to I21).

The ledger is the truth: Prefect's pause is where the run waits and where a person may answer in its UI, but after every
resume the flow reads the ledger. A Prefect that is lost ends the comfort, not the wait.
"""

import contextvars
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.utilities.urls import url_for
from pydantic import Field

from flows.core.answers import believed
from flows.core.asking import LOOK, ask_text, left_open
from flows.core.rollout import JUDGE, Rollout
from tasks.announcements import close_ask, post_ask
from tasks.approvers import people_behind
from tasks.ask_message import shown_digest
from tasks.asks import read_answer, record_answer, store_ask
from tasks.errors import Interrupted, RemoteError
from tasks.ledger import current_ledger, note
from tasks.models import Answer, Ask, Decision, ReleasePlan
from tasks.sentences import named, spoken
from tasks.settings import Settings
from tasks.stops import read_stop
from tasks.waits import shielded, stop_reason, stop_requested

log = logging.getLogger("greenflow.approval")

PREFECT_POLL_S = 1
SLACK_WAIT_S = 1.0
LOOK_S = 0.1
PAUSE_ENDS_S = 4.0
"""How long a pause may take to hear that it is over, which a Prefect that is there tells within two seconds."""


class Approval(RunInput):
    """Ask in the Prefect UI: what shall happen to the traffic?"""

    decision: Literal["approve", "reject", "roll_back"] = Field(description="approve: go on to the next weight")
    reason: str = Field(description="One sentence for the report", min_length=1, max_length=500)


@dataclass
class Watched:
    """Hold what the watch beside the pause has seen: that there is an answer, or why it can look no more."""

    answered: threading.Event = field(default_factory=threading.Event)
    trouble: BaseException | None = None

    def raise_what_went_wrong(self) -> None:
        """Hand the watch's own failure to the release: a canary nobody watches goes home."""
        if self.trouble:
            raise self.trouble


@dataclass(frozen=True)
class Question:
    """Hold what people are asked about."""

    settings: Settings
    plan: ReleasePlan
    rollout: Rollout
    digest: str
    number: int
    flow_run_id: str
    summary: tuple[str, ...]


def ask_people(question: Question, *, watch: Callable[[], str]) -> Answer:
    """Ask, wait and return the one recorded answer; ``watch`` returns why to come home, or nothing."""
    settings = question.settings
    _close_left_open(settings)
    ask = _open(question)
    with _watching(settings, ask, watch) as watched:
        while (recorded := read_answer(settings, ask.nonce)) is None:
            watched.raise_what_went_wrong()
            _pause_once(question, ask, watched.answered)
    asked = frozenset(settings.approval.person(name) for name in ask.allowed)
    answer = believed(recorded, ask, asked, allow_unverified=settings.approval.allow_unverified_resume)
    note("ask.answered", {"answer": answer.model_dump(mode="json")})
    _close_beside(settings, ask, answer)
    return answer


def _close_left_open(settings: Settings) -> None:
    """Answer what an earlier process of this release asked and died over: nobody waits for it any more."""
    for ask in left_open(current_ledger().events):
        why = named("the release's process died and asks anew")
        _record(settings, ask, "interrupted", by="restart", door="signal", reason=why)
        answer = read_answer(settings, ask.nonce)
        if answer:
            note("ask.answered", {"answer": answer.model_dump(mode="json")})
            _close_beside(settings, ask, answer)


def _close_beside(settings: Settings, ask: Ask, answer: Answer) -> None:
    """Take the buttons away, also when the release is to stop; traffic on its way home waits for no message."""

    def close() -> None:
        with shielded():
            close_ask(settings, ask, answer)

    _beside(close, "greenflow-close-ask").join(SLACK_WAIT_S)


def _open(question: Question) -> Ask:
    settings = question.settings
    ask = _new_ask(question)
    ask = ask.model_copy(update={"shown_sha256": shown_digest(ask, settings.language)})
    store_ask(settings, ask)
    note("ask.opened", {"ask": ask.model_dump(mode="json")})
    log.info("%s", ask_text(ask))
    return ask


def _new_ask(question: Question) -> Ask:
    plan, rollout = question.plan, question.rollout
    rule = question.settings.approval.at(rollout.next_weight)
    now = datetime.now(UTC)
    return Ask(
        nonce=secrets.token_hex(16),
        release_id=plan.release_id,
        environment=plan.environment,
        version=plan.version,
        phase=rollout.phase,
        number=question.number,
        from_weight=rollout.weight,
        to_weight=rollout.next_weight,
        digest=question.digest,
        requested_by=plan.requested_by,
        allowed=tuple(sorted(people_behind(question.settings, rule.approvers).ids)),
        asked_at=now,
        expires_at=now + timedelta(seconds=rule.expires_s),
        summary=question.summary,
        flow_run_id=question.flow_run_id,
        quorum=rule.quorum,
        commit=plan.commit,
        run_url=_run_url(question.flow_run_id),
    )


def _run_url(flow_run_id: str) -> str:
    return (url_for("flow-run", obj_id=flow_run_id) or "") if flow_run_id else ""


def _pause_once(question: Question, ask: Ask, answered: threading.Event) -> None:
    """Wait in Prefect until somebody resumes the run; without Prefect, wait in the ledger.

    Prefect's client tries for a minute to reach a server that was there before. An answer does not wait for that: the
    pause is held beside, and left behind when it does not end soon after the answer.
    """
    paused = _Pause(question, ask)
    while not paused.over.wait(LOOK_S) and not answered.is_set():
        pass
    paused.over.wait(PAUSE_ENDS_S)
    said = paused.said
    if said is None:
        answered.wait(question.settings.approval.poll_s)
    elif said.reason != LOOK and read_answer(question.settings, ask.nonce) is None and not answered.is_set():
        _resumed_by_hand(question.settings, ask, said)


class _Pause:
    """Hold a run's pause in a thread of its own; ``said`` is what the form held when somebody resumed it."""

    def __init__(self, question: Question, ask: Ask) -> None:
        self.over = threading.Event()
        self.said: Approval | None = None
        self._question = question
        self._ask = ask
        _beside(self._hold, "greenflow-pause")

    def _hold(self) -> None:
        left_s = max(1, int((self._ask.expires_at - datetime.now(UTC)).total_seconds()) + 1)
        form = Approval.with_initial_data(description=spoken(ask_text(self._ask)))
        # A used key answers 409 for ever; a retried run or a refused resume asks again.
        key = f"ask-{self._ask.number}-{secrets.token_hex(3)}"
        try:
            self.said = pause_flow_run(wait_for_input=form, timeout=left_s, poll_interval=PREFECT_POLL_S, key=key)
        except Exception as error:  # noqa: BLE001 - no Prefect, no pause: the ledger still has the answer
            log.warning("Prefect's pause ended (%s); waiting in the ledger", type(error).__name__)
        finally:
            self.over.set()


def _resumed_by_hand(settings: Settings, ask: Ask, said: Approval) -> None:
    """Take a Resume pressed in the Prefect UI for an answer only where the environment allows it (safety I20)."""
    if not settings.approval.allow_unverified_resume:
        log.warning("resumed in the Prefect UI without a recorded approval: waiting again")
        note("ask.refused", {"nonce": ask.nonce, "door": "ui", "why": "no recorded approval"})
        return
    decision: Decision = said.decision
    _record(settings, ask, decision, by="unverified, in the Prefect UI", door="ui", reason=said.reason)


@contextmanager
def _watching(settings: Settings, ask: Ask, watch: Callable[[], str]) -> Iterator[Watched]:
    """Look at metrics, answers, the clock and signals beside the pause, and end the pause when one has spoken."""
    watched, over = Watched(), threading.Event()
    end_s = time.monotonic() + (ask.expires_at - ask.asked_at).total_seconds()

    def run() -> None:
        try:
            while not over.is_set() and not _has_answer(settings, ask, watch, end_s):
                over.wait(settings.approval.poll_s)
        except BaseException as error:  # noqa: BLE001 - a thread has nobody to raise to: the release itself raises it
            watched.trouble = error
        watched.answered.set()
        while not over.is_set():
            resume_run(ask.flow_run_id, LOOK)
            over.wait(PREFECT_POLL_S)

    def post() -> None:
        with suppress(Interrupted):  # the watch hears of that too, and answers
            while not over.is_set() and not post_ask(settings, ask):
                over.wait(settings.approval.repost_s)

    watching, posting = _beside(run, "greenflow-watch"), _beside(post, "greenflow-post-ask")
    try:
        yield watched
    finally:
        over.set()
        # Once it has an answer the watch only wakes the run, by a Prefect that may be gone.
        watching.join(SLACK_WAIT_S if watched.answered.is_set() else None)
        posting.join(SLACK_WAIT_S)


def _beside(act: Callable[[], object], name: str) -> threading.Thread:
    """Start something beside the pause that writes to the same ledger."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(act,), name=name, daemon=True)
    thread.start()
    return thread


def _has_answer(settings: Settings, ask: Ask, watch: Callable[[], str], end_s: float) -> bool:
    """Tell whether the ask is answered; answer it when a person, the clock, a signal or the judge says so.

    ``end_s`` is by a clock that nobody sets: a jump of the other one neither shortens nor lengthens an ask (I27).
    """
    try:
        if read_answer(settings, ask.nonce):
            return True
        if stop := read_stop(settings, ask.release_id):
            _record(settings, ask, "roll_back", by=stop.by, door=stop.door, reason=stop.reason)
        elif stop_requested():
            _record(settings, ask, "interrupted", by="signal", door="signal", reason=stop_reason())
        elif time.monotonic() >= end_s:
            _record(settings, ask, "expired", by="clock", door="clock", reason="")
        elif why := _look(watch):
            _record(settings, ask, "roll_back", by=JUDGE, door="judge", reason=why)
        else:
            return False
    except RemoteError as error:
        log.warning("could not look for an answer, looking again: %s", error)
        return False
    return True


def _look(watch: Callable[[], str]) -> str:
    try:
        return watch()
    except Interrupted as stop:
        return str(stop)


def _record(
    settings: Settings,
    ask: Ask,
    decision: Decision,
    *,
    by: str,
    door: Literal["slack", "cli", "ui", "judge", "clock", "signal"],
    reason: str,
) -> None:
    record_answer(
        settings,
        Answer(nonce=ask.nonce, decision=decision, by=by, door=door, at=datetime.now(UTC), reason=reason),
    )


def resume_run(flow_run_id: str, reason: str) -> bool:
    """Resume a paused run; tells whether Prefect accepted it. The decision itself is in the ledger."""
    if not flow_run_id:
        return False
    try:
        with get_client(sync_client=True) as client:
            given = {"decision": "reject", "reason": reason}
            result = client.resume_flow_run(UUID(flow_run_id), run_input=given)
    except Exception as error:  # noqa: BLE001 - the flow looks into the ledger by itself when Prefect is away
        log.debug("could not resume run %s: %s", flow_run_id, type(error).__name__)
        return False
    return result.status.value == "ACCEPT"
