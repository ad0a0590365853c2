"""Draw who did what when: the stages of a release and the people it asked, on one time axis."""

from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import east_asian_width

from flows.core.judge import Verdict
from flows.core.markup import Markup
from flows.core.phases import PhaseRow
from flows.core.plain_text import one_line
from flows.core.report import AskRow, ReleaseReport, StageRow, WayHome
from flows.core.report_words import DECISIONS, SIGNS, home_sentence, lasted, signed, stage_how
from flows.core.svg import LETTER_PX, Scale, line, picture, rectangle, text, time_marks
from tasks.sentences import joined, named, sentence

NARROW = 500
ROW_PX = 24
TALL_ROW_PX = 36
BAR_PX = 14
AXIS_PX = 26
LABEL_PX = 330
MARK_PX = 90
LEAST_PX = 3.0
TOOK_PX = 86


class Bar(NamedTuple):
    """Hold one row of the chart; ``look`` is its class of the style."""

    start_s: float
    end_s: float
    label: str
    took: str
    look: str
    hint: str


def gantt_chart(report: ReleaseReport, width: float) -> Markup:
    """Draw the chart ``width`` pixels wide; a narrow one has its labels above the bars instead of beside them."""
    bars = sorted(_bars(report))
    narrow = width < NARROW
    row_px = TALL_ROW_PX if narrow else ROW_PX
    height = AXIS_PX + row_px * len(bars) + 4
    scale = Scale(0.0, max(report.span_s, 1.0), 0.0 if narrow else float(LABEL_PX), width - (0 if narrow else TOOK_PX))
    rows = [mark for place, bar in enumerate(bars) for mark in _row(bar, AXIS_PX + place * row_px, scale, width)]
    title = sentence(
        "Timeline of {stages} stages and {asks} questions to people", stages=len(report.stages), asks=len(report.asks)
    )
    return picture([*_grid(report, scale, height), *rows], width=width, height=height, title=title)


def _bars(report: ReleaseReport) -> Iterator[Bar]:
    yield from (_stage_bar(report, row) for row in report.stages)
    yield from map(_bake_bar, report.phases)
    yield from map(_ask_bar, report.asks)
    if report.way_home:
        yield _home_bar(report, report.way_home)


def _bake_bar(row: PhaseRow) -> Bar:
    """Draw a bake from its weights to the judge's word; what comes after is people's time."""
    end_s = row.decided.at_s if row.decided else row.looks[-1].at_s
    label = sentence("{verdict}: bake at {weight} %", verdict=signed(row.last.verdict), weight=row.weight)
    look = "bar bake bad" if row.last.verdict is Verdict.ROLL_BACK else "bar bake"
    return Bar(row.began_s, end_s, label, lasted(end_s - row.began_s), look, one_line(joined("; ", row.last.reasons)))


def _home_bar(report: ReleaseReport, way_home: WayHome) -> Bar:
    end_s = report.span_s if way_home.home_s is None else way_home.home_s
    took = named("NOT seen") if way_home.took_s is None else lasted(way_home.took_s)
    return Bar(way_home.decided_s, end_s, named("↩ traffic home"), took, "bar home", one_line(home_sentence(way_home)))


def _stage_bar(report: ReleaseReport, row: StageRow) -> Bar:
    running = row.status == "running"
    end_s = report.span_s if running else row.start_s + row.took_s
    sign = SIGNS.get(row.status, "·")
    name = named(row.name)
    hint = sentence("{name}: {how}, {took}", name=name, how=stage_how(row), took=lasted(row.took_s))
    took = named("no end seen") if running else lasted(row.took_s)
    return Bar(
        row.start_s, end_s, sentence("{sign} {name}", sign=sign, name=name), took, f"bar {row.status}", one_line(hint)
    )


def _ask_bar(row: AskRow) -> Bar:
    decision = row.answer.decision if row.answer else ""
    what = named(DECISIONS.get(decision, decision))
    said = sentence("{what} by {who}", what=what, who=row.answer.by) if row.answer else named("… no answer yet")
    look = "bar ask" if decision in {"", "approve"} else "bar ask no"
    weights = {"before": row.ask.from_weight, "after": row.ask.to_weight}
    label = sentence("☻ people, {before} % → {after} %? {said}", **weights, said=said)
    return Bar(row.start_s, row.start_s + row.waited_s, label, lasted(row.waited_s), look, one_line(label))


def _grid(report: ReleaseReport, scale: Scale, height: float) -> list[Markup]:
    marks: list[Markup] = []
    room = max(2, int((scale.end - scale.start) / MARK_PX))
    for at_s, words in time_marks(scale.low, scale.high, room, report.opened_at):
        x = scale.at(at_s)
        anchor = "end" if x > scale.end - MARK_PX / 2 else "start" if x < scale.start + MARK_PX / 2 else "middle"
        marks += [line((x, AXIS_PX - 6), (x, height), "grid"), text((x, 12), words, "soft", anchor)]
    return marks


def _row(bar: Bar, top: float, scale: Scale, width: float) -> list[Markup]:
    start, end = scale.at(bar.start_s), scale.at(bar.end_s)
    length = max(LEAST_PX, end - start)
    start = min(start, scale.end - length)
    if width < NARROW:
        label = text((0, top + 12), _short(bar.label, width - TOOK_PX))
        took = text((width, top + 12), bar.took, "soft", "end")
        return [label, took, rectangle((start, top + 17), (length, BAR_PX - 3), bar.look, bar.hint, 2.0)]
    middle = top + ROW_PX / 2
    label = text((0, middle + 4), _short(bar.label, LABEL_PX - 10))
    took = text((width, middle + 4), bar.took, "soft", "end")
    return [label, took, rectangle((start, middle - BAR_PX / 2), (length, BAR_PX), bar.look, bar.hint, 2.0)]


def _short(label: str, room_px: float) -> str:
    """Cut a label where its room ends; the whole of it is the bar's hint."""
    label, most = one_line(label), int(room_px / LETTER_PX)
    if _letters(label) <= most:
        return label
    while _letters(label) > most - 1:
        label = label[:-1]
    return f"{label}…"


def _letters(label: str) -> int:
    """Count letters as wide as ours; a Korean one takes the room of two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in label)
