"""A skip is refused unless it is tolerated; an override takes a failure's power and keeps its words."""

from flows.core.checklist import insist_on_answers, overridden
from flows.core.gates import gate
from tasks.checklist.rows import LATER, Row, RowProof
from tasks.models import Check, Outcome

SKIPPED = Check.skipped("E2E", "checklist.e2e is not set")
CLOSED = Check.of("release window", ok=False, found="Monday", expected="Saturday")


def proof(row: Row, *checks: Check) -> RowProof:
    return RowProof(row=row, checks=checks)


def test_what_nobody_asked_is_nobodys_yes() -> None:
    decision = gate("checklist", insist_on_answers([proof(Row.E2E, SKIPPED)], frozenset()))
    assert decision.reason == (
        "checklist refused: E2E: found skipped (checklist.e2e is not set), "
        "expected an answer, or e2e in checklist.tolerate"
    )


def test_a_tolerated_skip_passes_and_a_failure_is_never_tolerated() -> None:
    tolerant = frozenset({Row.E2E, Row.WINDOW})
    assert gate("checklist", insist_on_answers([proof(Row.E2E, SKIPPED)], tolerant)).passed
    assert not gate("checklist", insist_on_answers([proof(Row.WINDOW, CLOSED)], tolerant)).passed


def test_what_only_a_release_can_answer_is_left_to_its_own_gate() -> None:
    later = [proof(row, Check.skipped(str(row), "inside the release")) for row in LATER]
    assert gate("checklist", insist_on_answers(later, frozenset())).passed


def test_an_override_opens_the_gate_and_keeps_what_it_went_against() -> None:
    (check,) = overridden(proof(Row.WINDOW, CLOSED), by="kim, approved by lee", reason="hotfix").checks
    assert check.outcome is Outcome.SKIPPED
    assert check.line == (
        "release window: skipped (overridden by kim, approved by lee: hotfix; found Monday, expected Saturday)"
    )
    fine = Check.of("freeze", ok=True, found="none", expected="none")
    assert overridden(proof(Row.WINDOW, fine), by="kim", reason="hotfix").checks == (fine,)
