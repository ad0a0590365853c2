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
from tasks.sentences import sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.checklist")


NAME = "checklist"
"""What its gate is called."""


def run_checklist(settings: Settings, plan: ReleasePlan, checkout: Checkout, wish: Wish) -> tuple[RowProof, ...]:
    """Ask all rows side by side and return what they found, as the gate shall see it; the ground was asked before."""
    subject = subject_of(settings, plan.version, plan.commit, checkout.folder)
    asked: dict[Row, PrefectFuture[RowProof]] = {
        row: check_row.with_options(name=_named(row)).submit(settings, row, subject) for row in ROWS
    }
    wait(list(asked.values()))
    proofs = insist_on_answers(_found(asked), settings.checklist.tolerate)
    return let_override(settings, plan, subject, wish, proofs)


def let_override(
    settings: Settings, plan: ReleasePlan, subject: Subject, wish: Wish, proofs: tuple[RowProof, ...]
) -> tuple[RowProof, ...]:
    """Let a reason, and people's yes where it takes one, stand against the clock; nothing else can be overridden.

    Nobody is asked while another row refuses the release anyway.
    """
    refusing = [proof for proof in proofs if proof.failed]
    if not wish.override or [proof.row for proof in refusing] != [Row.WINDOW]:
        return proofs
    by = _who_overrides(settings, plan, subject, wish, refusing[0])
    if not by:
        return proofs
    note("checklist.overridden", {"by": by, "reason": wish.override, "against": lines(refusing[0].failed)})
    return tuple(overridden(proof, by=by, reason=wish.override) if proof.failed else proof for proof in proofs)


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


def _who_overrides(settings: Settings, plan: ReleasePlan, subject: Subject, wish: Wish, closed: RowProof) -> str:
    """Return who takes the hour on themselves, by the environment's rule; empty when nobody may or does."""
    rule = settings.checklist.window.override if settings.checklist.window else "never"
    if rule == "never":
        log.warning("the override is not heard: checklist.window.override is never")
        return ""
    if rule == "reason":
        return plan.requested_by
    answer = ask_people(_question(settings, plan, subject, wish, closed), watch=lambda: "")
    approved = sentence("{who}, approved by {voter}", who=plan.requested_by, voter=answer.by)
    return approved if answer.decision == "approve" else ""


def _question(settings: Settings, plan: ReleasePlan, subject: Subject, wish: Wish, closed: RowProof) -> Question:
    """Ask for the way from 0 % to the first weight: nothing has moved, and silence leaves it so."""
    return Question(
        settings=settings,
        plan=plan,
        rollout=Rollout(phases=(0, *plan.phases)),
        digest=subject.digest,
        number=0,
        flow_run_id=wish.flow_run_id,
        summary=(
            lines(closed.failed),
            sentence("{who} wants to begin all the same: {why}", who=plan.requested_by, why=wish.override),
        ),
    )
