"""Show a verified checklist as the guide lists it: a tree for people, a document for programs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from deployments.checklist import Verified
from flows.core.guide import DATA_STORES, GROUND, REQUIRED, RISKS, ROW_TITLES, Section
from flows.core.plain_text import one_line
from flows.core.report_words import signed
from tasks.checklist.rows import Row, RowProof
from tasks.models import Check, Outcome
from tasks.sentences import joined, named, sentence, spoken

GROUPS: Mapping[str, Section] = {
    "What every release rests on": GROUND,
    "What must be done before": REQUIRED,
    "What holds the data": DATA_STORES,
    "What could go wrong": RISKS,
}
COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "yellow"}
SHORT = 12


def tree_of(verified: Verified) -> Tree:
    """Return the checklist as a tree: group, row, check with what was found and expected."""
    shown: set[Row] = set()
    proofs = {proof.row: proof for proof in verified.proofs}
    root = Tree(_headline(verified))
    for title, section in GROUPS.items():
        group = root.add(Text(f"{spoken(named(title))} · {section.heading}", "bold"))
        for row, words in _rows(section):
            if row not in shown:
                _add_row(group, proofs[row], words)
            shown.add(row)
    return root


def document_of(verified: Verified) -> dict[str, Any]:
    """Return the checklist as JSON says it: whether it passed, what it is about, and every group with its rows."""
    subject, decision = verified.subject, verified.decision
    return {
        "environment": verified.environment,
        "version": subject.version,
        "commit": subject.commit,
        "digest": subject.digest,
        "at": subject.now.isoformat(),
        "passed": decision.passed,
        "refused": [check.line for check in decision.failed],
        "groups": list(_groups(verified)),
    }


def outcome_of(checks: Iterable[Check]) -> Outcome:
    """Return what several checks come to: one failure fails them, and nothing passed where all was skipped."""
    found = {check.outcome for check in checks}
    return next((outcome for outcome in (Outcome.FAILED, Outcome.PASSED) if outcome in found), Outcome.SKIPPED)


def _headline(verified: Verified) -> Text:
    subject, decision = verified.subject, verified.decision
    told = sentence(
        "{version} ({commit}) for {environment}: {word} ({counted})",
        version=subject.version,
        commit=subject.commit[:SHORT],
        environment=verified.environment,
        word=_word(passed=decision.passed),
        counted=joined(", ", (_counted(verified, outcome) for outcome in Outcome)),
    )
    return Text(spoken(told), COLOURS[Outcome.PASSED if decision.passed else Outcome.FAILED])


def _word(*, passed: bool) -> str:
    if passed:
        return signed(Outcome.PASSED)
    return sentence("{word}: a release would be refused", word=signed(Outcome.FAILED))


def _counted(verified: Verified, outcome: Outcome) -> str:
    return sentence("{count} {outcome}", count=_count(verified, outcome), outcome=named(outcome.value))


def _count(verified: Verified, outcome: Outcome) -> int:
    return sum(check.outcome is outcome for proof in verified.proofs for check in proof.checks)


def _rows(section: Section) -> Iterator[tuple[Row, str]]:
    """Give a section's rows in the guide's order, each with the guide's words for it."""
    for answer in section.answers:
        yield Row(answer.removeprefix("row:")), ""
    for box in section.boxes:
        for answer in box.answers:
            if answer.startswith("row:"):
                yield Row(answer.removeprefix("row:")), box.text


def _add_row(group: Tree, proof: RowProof, words: str) -> None:
    outcome = outcome_of(proof.checks)
    title = spoken(named(ROW_TITLES[proof.row])) + (f" · {words}" if words else "")
    row = group.add(Text(f"{spoken(signed(outcome))}  {title}", COLOURS[outcome]))
    for check in proof.checks:
        row.add(Text(f"{spoken(signed(check.outcome))}  {one_line(check.line)}", COLOURS[check.outcome]))


def _groups(verified: Verified) -> Iterator[dict[str, Any]]:
    proofs = {proof.row: proof for proof in verified.proofs}
    for title, section in GROUPS.items():
        rows = [_row(proofs[row], words) for row, words in _rows(section)]
        yield {"title": title, "guide": section.heading, "rows": rows}


def _row(proof: RowProof, words: str) -> dict[str, Any]:
    return {
        "row": proof.row,
        "title": ROW_TITLES[proof.row],
        "guide": words,
        "outcome": outcome_of(proof.checks),
        "checks": [check.model_dump() for check in proof.checks],
    }
