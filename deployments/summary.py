"""Say how a release went: the report's first page, for a terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
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
from tasks.sentences import named, sentence, speaking, spoken

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
    with speaking(done.language):
        return told(done.report, files, done.traffic)


def told(report: ReleaseReport, files: dict[str, str], traffic: Iterable[dict[str, Any]] = ()) -> list[Text]:
    """Return the lines of a report: verdict, facts, the canary, people, what to do next, where the files are."""
    ending = one_line(signed(report.ending)).upper()
    head = Text(f"{ending}  {one_line(report.headline)}", COLOURS[report.ending])
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
    shown = one_line(named(name))
    return f"  {shown}{' ' * max(0, NAME_WIDTH - cell_len(shown))} {one_line(value)}"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", *(_fact(title if not place else "", text) for place, text in enumerate(lines))] if lines else []


def _canary(report: ReleaseReport) -> list[str]:
    return [line for phase in report.phases for line in ("", *_phase(report, phase))]


def _phase(report: ReleaseReport, phase: PhaseRow) -> list[str]:
    """Draw a phase: its weight as a bar, the judge's word, then each kind that says something."""
    last, (new, old) = phase.last, phase.sides
    clock = sentence("{counted} of {needed} periods", counted=last.periods_counted, needed=last.periods_needed)
    told = f"{spoken(signed(last.verdict))}, {spoken(clock)}"
    head = f"  {bar(phase.weight / FULL_WEIGHT, PHASE_BAR)} {phase.weight:>3} %  {told}"
    kinds = [kind for kind in SHOWN if kind == "failed" or new.events(kind) or old.events(kind)]
    return [head, *(_rate(report, phase, kind) for kind in kinds)]


def _rate(report: ReleaseReport, phase: PhaseRow, kind: Kind) -> str:
    last, (new, old) = phase.last, phase.sides
    sides = sentence("{new} against {old}", new=part(new, kind), old=part(old, kind))
    if kind not in last.evidence:
        return _fact(NAMES[kind], sides)
    found, bound = last.evidence[kind], bound_of(kind, report.policy)
    drawn = bar(evidence_share(found, bound))
    about = {"sides": sides, "bar": drawn, "found": found, "bound": bound}
    return _fact(NAMES[kind], sentence("{sides}, evidence {bar} {found:,.4g} of {bound:g}", **about))


def _people(report: ReleaseReport) -> list[str]:
    told = [{name: spoken(value) for name, value in answered(row).items()} for row in report.asks]
    return _section(
        "people", [f"{ask['question']}: {ask['answer']} {ask['by']} {ask['door']} {ask['reason']}" for ask in told]
    )


def _way_home(report: ReleaseReport) -> list[str]:
    if not report.way_home:
        return []
    left = (sentence("left to people: {what}", what=what) for what in report.left_over)
    return [home_sentence(report.way_home), *left]


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
    return sentence(
        "weights {asked}, measured {measured} % of {total:,} requests", asked=asked, measured=measured, total=total
    )
