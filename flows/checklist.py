"""Ask every row of the checklist at the head of a release; an override is recorded, and approved where it must be."""

import logging
from collections.abc import Mapping

from prefect.futures import PrefectFuture, wait

from flows.approval import Question, ask_people
from flows.core.checklist import insist_on_answers, lines, overridden
from flows.core.guide import ROW_TITLES
from flows.core.rollout import Rollout
from flows.core.wish import Wish
from tasks.checklist.rows import Row, RowProof
from tasks.checklist.subject import Subject, subject_of
from tasks.checklist_stage import check_row
from tasks.errors import RemoteError
from tasks.ledger import note
from tasks.models import Checkout, ReleasePlan
from tasks.preflight import ROWS, unanswerable
from tasks.settings import Settings

log = logging.getLogger("greenflow.checklist")


NAME = "checklist"
"""What its gate is called."""


def run_checklist(settings: Settings, plan: ReleasePlan, checkout: Checkout, wish: Wish) -> tuple[RowProof, ...]:
    """Ask all rows side by side and return what they found, as the gate shall see it; the ground was asked before."""
    subject = subject_of(settings, plan.version, plan.commit, checkout.folder)
    asked: dict[Row, PrefectFuture[RowProof]] = {
        row: check_row.with_options(name=_named(row)).submit(settings, row, subject)
        for row in ROWS
        if row is not Row.GROUND
    }
    wait(list(asked.values()))
    proofs = insist_on_answers(_found(asked), settings.checklist.tolerate)
    return tuple(_with_override(settings, plan, subject, wish, proof) for proof in proofs)


def _named(row: Row) -> str:
    return f"0 checklist: {ROW_TITLES[row]}"


def _found(asked: Mapping[Row, PrefectFuture[RowProof]]) -> list[RowProof]:
    return [_answer(row, future) for row, future in asked.items()]


def _answer(row: Row, future: PrefectFuture[RowProof]) -> RowProof:
    try:
        return future.result()
    except RemoteError as error:
        # Asked as often as it may help: the other rows' answers are worth showing beside it.
        return unanswerable(row, error)


def _with_override(settings: Settings, plan: ReleasePlan, subject: Subject, wish: Wish, proof: RowProof) -> RowProof:
    """Let a reason, and people's yes where it takes one, stand against the clock; nothing else can be overridden."""
    window = settings.checklist.window
    if proof.row is not Row.WINDOW or not proof.failed or not wish.override or window is None:
        return proof
    if window.override == "never":
        log.warning("the override is not heard: checklist.window.override is never")
        return proof
    by = plan.requested_by
    if window.override == "approval":
        answer = ask_people(_question(settings, plan, subject, wish, proof), watch=lambda: "")
        if answer.decision != "approve":
            return proof
        by = f"{by}, approved by {answer.by}"
    told = {"by": by, "reason": wish.override, "against": lines(proof.failed)}
    note("checklist.overridden", told)
    return overridden(proof, by=by, reason=wish.override)


def _question(settings: Settings, plan: ReleasePlan, subject: Subject, wish: Wish, proof: RowProof) -> Question:
    """Ask for the way from 0 % to the first weight: nothing has moved, and silence leaves it so."""
    return Question(
        settings=settings,
        plan=plan,
        rollout=Rollout(phases=(0, *plan.phases)),
        digest=subject.digest,
        number=0,
        flow_run_id=wish.flow_run_id,
        summary=(lines(proof.failed), f"{plan.requested_by} wants to begin all the same: {wish.override}"),
    )
