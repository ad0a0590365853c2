"""Say how a release went: the report's first page, for a terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.text import Text

from flows.core.bars import SHOWN, bar, bound_of, evidence_share
from flows.core.phases import PhaseRow
from flows.core.plain_text import one_line
from flows.core.record import Ending
from flows.core.report import ReleaseReport
from flows.core.report_words import answered, facts, home_sentence, signed
from flows.core.wording import NAMES, part
from tasks.counts import Kind
from tasks.models import FULL_WEIGHT

if TYPE_CHECKING:
    from deployments.rehearse import Rehearsed

COLOURS = {
    Ending.RUNNING: "bold blue",
    Ending.SHIPPED: "bold green",
    Ending.REFUSED: "bold yellow",
    Ending.ROLLED_BACK: "bold yellow",
    Ending.REJECTED: "bold yellow",
    Ending.STUCK: "bold white on red",
}
NAME_WIDTH = 16
PHASE_BAR = 20


def summary(done: "Rehearsed") -> list[Text]:
    """Return the lines for the end of a rehearsal: the report, what the load balancer counted, the files."""
    files = {"report": str(done.file), "log": str(done.file.with_suffix(".log"))}
    return told(done.report, files, done.traffic)


def told(report: ReleaseReport, files: dict[str, str], traffic: Iterable[dict[str, Any]] = ()) -> list[Text]:
    """Return the lines of a report: verdict, facts, the canary, people, what to do next, where the files are."""
    head = Text(f"{signed(report.ending).upper()}  {one_line(report.headline)}", COLOURS[report.ending])
    return [Text(), head, *(Text(line) for line in _lines(report, files, traffic))]


def _lines(report: ReleaseReport, files: dict[str, str], traffic: Iterable[dict[str, Any]]) -> list[str]:
    return [
        *([f"  {one_line(report.reason)}"] if report.reason else []),
        "",
        *(_fact(name, value) for name, value in facts(report)),
        *_canary(report),
        *_people(report),
        *_section("way home", _way_home(report)),
        *_section("load balancer", _shares(traffic)),
        *_section("next", _next(report)),
        "",
        *(_fact(name, value) for name, value in files.items()),
    ]


def _fact(name: str, value: str) -> str:
    return f"  {name:{NAME_WIDTH}} {one_line(value)}"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", *(_fact(title if not place else "", text) for place, text in enumerate(lines))] if lines else []


def _canary(report: ReleaseReport) -> list[str]:
    return [line for phase in report.phases for line in ("", *_phase(report, phase))]


def _phase(report: ReleaseReport, phase: PhaseRow) -> list[str]:
    """Draw a phase: its weight as a bar, the judge's word, then each kind that says something."""
    last, (new, old) = phase.last, phase.sides
    clock = f"{last.periods_counted} of {last.periods_needed} periods"
    head = f"  {bar(phase.weight / FULL_WEIGHT, PHASE_BAR)} {phase.weight:>3} %  {signed(last.verdict)}, {clock}"
    kinds = [kind for kind in SHOWN if kind == "failed" or new.events(kind) or old.events(kind)]
    return [head, *(_rate(report, phase, kind) for kind in kinds)]


def _rate(report: ReleaseReport, phase: PhaseRow, kind: Kind) -> str:
    last, (new, old) = phase.last, phase.sides
    sides = f"{part(new, kind)} against {part(old, kind)}"
    if kind not in last.evidence:
        return _fact(NAMES[kind], sides)
    found, bound = last.evidence[kind], bound_of(kind, report.policy)
    return _fact(NAMES[kind], f"{sides}, evidence {bar(evidence_share(found, bound))} {found:,.4g} of {bound:g}")


def _people(report: ReleaseReport) -> list[str]:
    told = [answered(row) for row in report.asks]
    return _section(
        "people", [f"{ask['question']}: {ask['answer']} {ask['by']} {ask['door']} {ask['reason']}" for ask in told]
    )


def _way_home(report: ReleaseReport) -> list[str]:
    if not report.way_home:
        return []
    return [home_sentence(report.way_home), *(f"left to people: {left}" for left in report.left_over)]


def _next(report: ReleaseReport) -> list[str]:
    return [line for step in report.next_steps for line in (step.text, *(f"  {command}" for command in step.commands))]


def _shares(traffic: Iterable[dict[str, Any]]) -> list[str]:
    return [line for phase in traffic if (line := _share(phase))]


def _share(phase: dict[str, Any]) -> str:
    total = sum(phase["requests"].values())
    if not total:
        return ""
    asked = " / ".join(f"{weight}" for weight in phase["weights"].values())
    measured = " / ".join(f"{100 * phase['requests'].get(group, 0) / total:.2f}" for group in phase["weights"])
    return f"weights {asked}, measured {measured} % of {total:,} requests"
