"""Draft the retrospective of a release a week after it: what happened, who, how long, what failed, the DORA four."""

from collections.abc import Iterable, Mapping, Sequence

from flows.core.aftercare import Look, box_line, headline, outcome_of
from flows.core.dora import Dora, dora_rows
from flows.core.plain_text import in_markdown
from flows.core.report import AskRow, ReleaseReport
from flows.core.report_words import answered, facts, lasted
from tasks.aftercare_models import Box
from tasks.models import Check, Outcome

LONGEST = 10
NUMBERS = frozenset({"error rate", "P95", "P99", "alarms", "rows kept", "feedback", "slowest stages"})
"""Whose findings the meeting wants to see; that a page answered 200 is not among them."""

QUESTIONS = (
    ("What went well?", "무엇이 잘 되었나요?"),
    ("What surprised us?", "무엇이 예상과 달랐나요?"),
    ("What do we change before the next release, who does it, until when?", "무엇을, 누가, 언제까지 바꿀까요?"),
)


def retrospective(
    report: ReleaseReport, looks: Sequence[Look], figures: Dora, said: Sequence[tuple[str, str]] = ()
) -> str:
    """Write the draft as markdown; everything that people or other systems said is shown, not obeyed."""
    sections: tuple[tuple[str, list[str]], ...] = (
        (
            "The four DORA figures · DORA 지표",
            _table(dict(zip(("figure", "value"), row, strict=True)) for row in dora_rows(figures)),
        ),
        ("How long it took · 소요 시간", _longest(report)),
        ("Who decided · 누가 결정했나", _people(report.asks)),
        ("What failed · 실패한 것", _failed(report, looks)),
        ("After the release · 배포 후 점검", [line for look in looks for line in _look(look)]),
        ("What people wrote · 받은 의견", [f"- {in_markdown(who)}: {in_markdown(text)}" for who, text in said]),
        (
            "Timeline (UTC) · 타임라인",
            [f"- `{moment.at:%H:%M:%S}` {in_markdown(moment.text)}" for moment in report.story],
        ),
        ("For the meeting · 회고 회의", [line for en, ko in QUESTIONS for line in (f"### {en} {ko}", "", "- ", "")]),
    )
    parts = [f"# Retrospective (draft): {in_markdown(report.headline)}", "", *_facts(report)]
    for title, lines in sections:
        parts += ["", f"## {title}", "", *(lines or ["nothing"])]
    return "\n".join([*parts, ""])


def _facts(report: ReleaseReport) -> list[str]:
    return [f"- {name}: {in_markdown(value)}" for name, value in (*facts(report), ("release", report.release_id))]


def _longest(report: ReleaseReport) -> list[str]:
    slowest = sorted(report.stages, key=lambda row: -row.took_s)[:LONGEST]
    return _table({"stage": row.name, "took": lasted(row.took_s), "tries": str(row.tries)} for row in slowest)


def _people(asks: Sequence[AskRow]) -> list[str]:
    return _table(answered(row) for row in asks)


def _failed(report: ReleaseReport, looks: Sequence[Look]) -> list[str]:
    """List what failed or was tried again, in the release and after it."""
    stages = [f"{row.name}: {row.cause or 'tried again'}" for row in report.stages if row.cause or row.tries > 1]
    checks = [check.line for gate in report.gates for check in gate.failed]
    later = [f"{look.after} after: {check.line}" for look in looks for check in look.failed]
    return [f"- {in_markdown(line)}" for line in (*stages, *checks, *report.left_over, *later)]


def _look(look: Look) -> list[str]:
    lines = [f"### {in_markdown(headline(look))}", ""]
    for box in look.boxes:
        lines.append(f"- {in_markdown(box_line(box))}")
        lines += [f"    - {in_markdown(check.line)}" for check in box.checks if _is_worth_a_line(box, check)]
    return [*lines, ""]


def _is_worth_a_line(box: Box, check: Check) -> bool:
    """Tell the numbers of a ticked box; what is wrong stands in its own line already."""
    return outcome_of(box) is Outcome.PASSED and check.outcome is Outcome.PASSED and check.name in NUMBERS


def _table(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """Write rows that share their keys as a table."""
    told = list(rows)
    if not told:
        return []
    cells = [list(told[0]), ["---"] * len(told[0]), *([in_markdown(value) for value in row.values()] for row in told)]
    return [f"| {' | '.join(row)} |" for row in cells]
