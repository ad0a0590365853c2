"""Decide what the checklist's rows mean for a release: which skips are refused, what an override takes away."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from tasks.checklist.rows import LATER, Row, RowProof
from tasks.models import Check, Outcome
from tasks.sentences import joined, sentence


def insist_on_answers(proofs: Iterable[RowProof], tolerate: AbstractSet[Row]) -> tuple[RowProof, ...]:
    """Turn every skip that the environment does not tolerate into a failed check: nobody asked is nobody's yes."""
    return tuple(proof if proof.row in tolerate | LATER else _insisted(proof) for proof in proofs)


def overridden(proof: RowProof, *, by: str, reason: str) -> RowProof:
    """Take the power out of a row's failed checks, keeping what they found and who took it on themselves."""
    return proof.model_copy(update={"checks": tuple(_overridden(check, by, reason) for check in proof.checks)})


def lines(checks: Iterable[Check]) -> str:
    """Say several checks in one sentence."""
    return joined("; ", [check.line for check in checks])


def _insisted(proof: RowProof) -> RowProof:
    return proof.model_copy(update={"checks": tuple(_answered(proof.row, check) for check in proof.checks)})


def _answered(row: Row, check: Check) -> Check:
    if check.outcome is not Outcome.SKIPPED:
        return check
    expected = sentence("an answer, or {row} in checklist.tolerate", row=row)
    return Check.of(check.name, ok=False, found=sentence("skipped ({why})", why=check.note), expected=expected)


def _overridden(check: Check, by: str, reason: str) -> Check:
    if check.outcome is not Outcome.FAILED:
        return check
    about = {"who": by, "why": reason, "found": check.found, "expected": check.expected}
    told = sentence("overridden by {who}: {why}; found {found}, expected {expected}", **about)
    return check.model_copy(update={"outcome": Outcome.SKIPPED, "note": told})
