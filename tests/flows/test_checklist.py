"""Only the hour can be overridden, by the environment's rule; who did it and why is in the ledger."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flows import checklist as module
from flows.approval import Question
from flows.checklist import let_override
from flows.core.checklist import insist_on_answers
from flows.core.gates import gate
from flows.core.record import fold
from flows.core.wish import Wish
from tasks.checklist.rows import Row, RowProof
from tasks.checklist_settings import WindowSettings
from tasks.ledger import Ledger
from tasks.models import Answer, Check
from tests.tasks.checklist.subjects import subject
from tests.tasks.production import new_plan

CLOSED = RowProof(row=Row.WINDOW, checks=(Check.of("release window", ok=False, found="Monday", expected="Saturday"),))
RED = RowProof(row=Row.E2E, checks=(Check.of("E2E: tests", ok=False, found="1 of 5 failed", expected="0"),))
FINE = RowProof(row=Row.AUDIT, checks=(Check.of("npm audit: .", ok=True, found="none", expected="none"),))


def asked(ledger: Ledger, rule: str, *proofs: RowProof, override: str = "a hotfix") -> str:
    """Return why the gate refuses after the override was heard, or nothing."""
    window = WindowSettings.model_validate({"cron": "0 3 * * 6", "duration_h": 3, "override": rule})
    checklist = ledger.settings.checklist.model_copy(update={"window": window})
    settings = ledger.settings.model_copy(update={"checklist": checklist})
    wish = Wish(version="1.1.0", requested_by="kim", override=override)
    heard = let_override(settings, new_plan(), subject(), wish, insist_on_answers(proofs, frozenset()))
    decision = gate("checklist", heard)
    return "" if decision.passed else decision.reason


def answering(monkeypatch: pytest.MonkeyPatch, decision: Any) -> list[Question]:
    """Let people answer; how they are asked has its own tests."""
    questions: list[Question] = []

    def answer(question: Question, **_: object) -> Answer:
        questions.append(question)
        return Answer(nonce="0" * 32, decision=decision, by="lee", door="slack", at=datetime.now(UTC))

    monkeypatch.setattr(module, "ask_people", answer)
    return questions


def test_a_reason_is_enough_where_the_environment_says_so_and_is_recorded(ledger: Ledger) -> None:
    assert asked(ledger, "reason", FINE, CLOSED) == ""
    (event,) = [event for event in ledger.events if event.kind == "checklist.overridden"]
    assert (event.data["by"], event.data["reason"]) == ("somebody", "a hotfix")
    told = "checklist overridden by somebody: a hotfix (release window: found Monday, expected Saturday)"
    assert fold(ledger.events).story[-1].text == told


def test_an_approval_opens_and_a_no_or_silence_does_not(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "approve")
    assert asked(ledger, "approval", CLOSED) == ""
    assert "approved by lee" in fold(ledger.events).story[-1].text
    for no in ("reject", "expired", "interrupted"):
        questions = answering(monkeypatch, no)
        assert "release window: found Monday" in asked(ledger, "approval", CLOSED)
        (question,) = questions
        assert (question.rollout.weight, question.rollout.next_weight) == (0, 10)
        assert "Monday" in question.summary[0]
        assert question.summary[1] == "somebody wants to begin all the same: a hotfix"


def test_never_is_never_and_no_reason_is_no_override(ledger: Ledger) -> None:
    assert "release window" in asked(ledger, "never", CLOSED)
    assert "release window" in asked(ledger, "reason", CLOSED, override="")


def test_what_the_tests_say_cannot_be_overridden_and_nobody_is_asked_in_vain(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = answering(monkeypatch, "approve")
    refused = asked(ledger, "approval", RED, CLOSED)
    assert "E2E: tests" in refused
    assert "release window" in refused
    assert "E2E: tests" in asked(ledger, "approval", RED)
    assert questions == []
