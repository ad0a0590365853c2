"""Draw a canary: traffic, both sides' rates and the judge's evidence over one time axis, with limits and verdicts."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flows.core.bake import RELATIVE_KINDS
from flows.core.judge import Verdict
from flows.core.markup import Markup
from flows.core.phases import PhaseRow
from flows.core.report import ReleaseReport
from flows.core.report_words import SIGNS, signed
from flows.core.svg import (
    LETTER_PX,
    Point,
    Scale,
    curve,
    dots,
    line,
    picture,
    rectangle,
    stairs,
    text,
    time_marks,
)
from flows.core.wording import NAMES, percent
from tasks.counts import Kind
from tasks.models import FULL_WEIGHT
from tasks.sentences import named, sentence

HEIGHT = 150.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 20.0, 20.0
FLOOR = 5.0
"""Pixels below zero, so that a line at zero is seen."""
MARK_PX = 90
WORDS_PX = 12
NARROW = 500
BEFORE, AFTER = 0.02, 0.07
"""How much to show before the first weight and after the last moment: that the trouble ended shows only afterwards."""
ROOM = 1.25
ROUND = (1, 2, 4, 6, 8, 10)
"""Tops of a scale whose half is round as well."""
LOWEST_EVIDENCE = 0.5


class Limit(NamedTuple):
    """Hold a threshold and the words above its line, or below it; they stand where a canary has no numbers yet."""

    value: float
    words: str
    look: str = "limit"
    below: bool = False


class Frame(NamedTuple):
    """Hold where a chart draws: its scales and its size."""

    x: Scale
    y: Scale
    width: float


def canary_span(report: ReleaseReport) -> tuple[float, float]:
    """Return the first and the last second worth looking at, with a little air."""
    times = [step.at_s for step in report.weights] + [look.at_s for phase in report.phases for look in phase.looks]
    times += [phase.ended_s for phase in report.phases] + [row.start_s + row.waited_s for row in report.asks]
    low, high = min(times), max(times)
    length = max(high - low, 1.0)
    return low - BEFORE * length, high + AFTER * length


def traffic_chart(report: ReleaseReport, width: float) -> Markup:
    """Draw the candidate's weight as it was set, and the share of the requests that it got."""
    frame = _frame(report, width, 0, FULL_WEIGHT)
    steps = [(frame.x.at(step.at_s), frame.y.at(step.weight)) for step in report.weights]
    asked = [(frame.x.start, frame.y.start), *_first_low(frame, steps), *stairs(steps, frame.x.end)]
    floor = [(frame.x.end, frame.y.start), (frame.x.start, frame.y.start)]
    marks = (curve([*asked, *floor], "area"), curve(asked, "weight"), dots(_shares(report, frame), "measured", 2.4))
    levels = [(float(level), f"{level} %") for level in (0, 50, 100)]
    return _chart(report, frame, levels, (), marks, named("Percent of the traffic: as set, and as measured"))


def rate_chart(report: ReleaseReport, width: float, kind: Kind) -> Markup:
    """Draw both sides' rate of one kind of requests: of the phase so far as lines, between two looks as dots."""
    limits = _rate_limits(report, kind)
    frame = _frame(report, width, 0, _top_rate(report, kind, limits))
    marks = [mark for phase in report.phases for mark in _rates(phase, frame, kind)]
    levels = [(part * frame.y.high, f"{100 * part * frame.y.high:.3g} %") for part in (0, 0.5, 1)]
    title = sentence("Requests with {what}, new side and old side", what=named(NAMES[kind]))
    return _chart(report, frame, levels, limits, marks, title)


def evidence_chart(report: ReleaseReport, width: float) -> Markup:
    """Draw the judge's evidence that the new side is worse, on a scale of powers of ten, with what it decides at."""
    policy = report.policy
    found = [value for phase in report.phases for look in phase.looks for value in look.judgement.evidence.values()]
    highest = max([*found, policy.slow_evidence, policy.errors_evidence]) * 3
    frame = _frame(report, width, math.log10(LOWEST_EVIDENCE), math.log10(highest))
    errors, slow, go_on = (
        f"{bound:g}" for bound in (policy.errors_evidence, policy.slow_evidence, policy.max_relative_evidence)
    )
    limits = (
        _evidence_limit(policy.errors_evidence, sentence("errors: home at {bound}", bound=errors), below=True),
        _evidence_limit(policy.slow_evidence, sentence("slowness: home at {bound}", bound=slow)),
        _evidence_limit(policy.max_relative_evidence, sentence("goes on below {rate}", rate=go_on), "goal"),
    )
    marks = [curve(_evidence(report, frame, kind), f"evidence {kind}") for kind in RELATIVE_KINDS]
    powers = range(math.ceil(math.log10(highest)))
    levels = [(float(power), f"{10**power:,}") for power in powers if power % max(1, len(powers) // 4) == 0]
    return _chart(report, frame, levels, limits, marks, named("Evidence that the new side is worse than the old one"))


def users_chart(report: ReleaseReport, width: float) -> Markup:
    """Draw the failed requests of users in each second."""
    seconds = report.users.seconds if report.users else ()
    low_s, high_s = canary_span(report)
    seen = [second for second in seconds if low_s <= second.at_s <= high_s]
    most = max([second.failed for second in seen], default=0) or 1
    frame = _frame(report, width, 0, most)
    wide = max(2.0, (frame.x.end - frame.x.start) / (frame.x.high - frame.x.low) - 1)
    marks = [
        rectangle(
            (frame.x.at(second.at_s), frame.y.at(second.failed)),
            (min(wide, frame.x.end - frame.x.at(second.at_s)), frame.y.start - frame.y.at(second.failed)),
            "lost",
            sentence("{failed} of {requests} requests failed", failed=second.failed, requests=second.requests),
        )
        for second in seen
        if second.failed
    ]
    title = named("Failed requests of users a second")
    return _chart(report, frame, [(0.0, "0"), (float(most), f"{most}")], (), marks, title)


def _evidence_limit(bound: float, words: str, look: str = "limit", *, below: bool = False) -> Limit:
    return Limit(math.log10(bound), words, look, below=below)


def _frame(report: ReleaseReport, width: float, low: float, high: float) -> Frame:
    x = Scale(*canary_span(report), LEFT, width - RIGHT)
    return Frame(x, Scale(low, high, HEIGHT - BOTTOM - FLOOR, TOP), width)


def _first_low(frame: Frame, steps: list[Point]) -> list[Point]:
    """Stay at the bottom until the first shift."""
    return [(steps[0][0], frame.y.start)] if steps else []


def _shares(report: ReleaseReport, frame: Frame) -> Iterator[Point]:
    for phase in report.phases:
        for look in phase.looks:
            new, old = (side.requests for side in look.sides())
            if new + old:
                yield frame.x.at(look.at_s), frame.y.at(FULL_WEIGHT * new / (new + old))


def _rate_limits(report: ReleaseReport, kind: Kind) -> tuple[Limit, ...]:
    policy = report.policy
    goes_on = sentence("goes on below {rate}", rate=percent(policy.max_error_rate))
    home = sentence("home at once above {rate}", rate=percent(policy.limit_rate))
    goal, hard = Limit(policy.max_error_rate, goes_on, "goal"), Limit(policy.limit_rate, home)
    slow = {"slow_300ms": policy.p95_slow_300ms_rate, "slow_1s": policy.p99_slow_1s_rate}
    if kind in slow:
        return (Limit(slow[kind], sentence("goal: below {rate}", rate=percent(slow[kind])), "goal"),)
    return (hard,) if kind == "slow_5s" else (goal, hard)


def _top_rate(report: ReleaseReport, kind: Kind, limits: Iterable[Limit]) -> float:
    """Leave room for the limits and for what a phase came to; a dot of one bad second may lie on the edge."""
    rates = [side.rate(kind) or 0.0 for phase in report.phases for side in phase.sides]
    top = ROOM * max([*rates, *(limit.value for limit in limits)])
    unit = 10.0 ** math.floor(math.log10(top))
    return min(1.0, next(round_top for round_top in ROUND if round_top * unit >= top) * unit)


def _rates(phase: PhaseRow, frame: Frame, kind: Kind) -> Iterator[Markup | None]:
    seen = list(phase.between(kind))
    for place, side in ((2, "old"), (1, "new")):
        points = [(frame.x.at(row[0]), frame.y.at(rate)) for row in seen if (rate := row[place]) is not None]
        yield dots(points, f"dot {side}", 2.4)
    for place, side in ((1, "old"), (0, "new")):
        rates = ((look.at_s, look.sides()[place].rate(kind)) for look in phase.looks)
        yield curve([(frame.x.at(at_s), frame.y.at(rate)) for at_s, rate in rates if rate is not None], f"rate {side}")


def _evidence(report: ReleaseReport, frame: Frame, kind: Kind) -> list[Point]:
    return [
        (frame.x.at(look.at_s), frame.y.at(math.log10(max(look.judgement.evidence.get(kind, 1.0), LOWEST_EVIDENCE))))
        for phase in report.phases
        for look in phase.looks
    ]


def _chart(
    report: ReleaseReport,
    frame: Frame,
    levels: Iterable[tuple[float, str]],
    limits: Iterable[Limit],
    marks: Iterable[Markup | None],
    title: str,
) -> Markup:
    parts = [*_bands(report, frame), *_clock(report, frame), *_levels(frame, levels), *marks]
    parts += [*_verdicts(report, frame), *_limit_lines(frame, limits)]
    return picture(parts, width=frame.width, height=HEIGHT, title=title)


def _bands(report: ReleaseReport, frame: Frame) -> Iterator[Markup]:
    """Shade the phases in turn, and the time in which people were asked."""
    tall = frame.y.start + FLOOR - frame.y.end
    for place, phase in enumerate(report.phases):
        start, end = frame.x.at(phase.began_s), frame.x.at(phase.ended_s)
        yield rectangle((start, frame.y.end), (end - start, tall), f"band {'odd' if place % 2 else 'even'}")
        yield text((start + 3, TOP - 7), f"{phase.weight} %", "strong")
    for row in report.asks:
        start, end = frame.x.at(row.start_s), frame.x.at(row.start_s + row.waited_s)
        yield rectangle((start, frame.y.end), (max(1.0, end - start), tall), "asked", named("people were asked"))


def _clock(report: ReleaseReport, frame: Frame) -> Iterator[Markup]:
    room = max(2, int((frame.x.end - frame.x.start) / MARK_PX))
    for at_s, words in time_marks(frame.x.low, frame.x.high, room, report.opened_at):
        x = frame.x.at(at_s)
        yield line((x, frame.y.start + FLOOR), (x, frame.y.start + FLOOR + 4), "grid")
        if x < frame.x.end - LETTER_PX * len(words) / 2:
            yield text((x, HEIGHT - 4), words, "soft", "middle")


def _levels(frame: Frame, levels: Iterable[tuple[float, str]]) -> Iterator[Markup]:
    for value, words in levels:
        y = frame.y.at(value)
        yield line((frame.x.start, y), (frame.x.end, y), "grid")
        yield text((LEFT - 5, y + 4), words, "soft", "end")


def _limit_lines(frame: Frame, limits: Iterable[Limit]) -> Iterator[Markup]:
    written: list[Point] = []
    for limit in limits:
        y = frame.y.at(limit.value)
        yield line((frame.x.start, y), (frame.x.end, y), limit.look)
        base = y + 10 if limit.below else y - 3
        # Beside the words of a limit that lies as high, not over them.
        x = max((end for end, other in written if abs(other - base) < WORDS_PX), default=frame.x.start + 4)
        written.append((x + LETTER_PX * (len(limit.words) + 1), base))
        yield text((x, base), limit.words, f"{limit.look} words")


def _verdicts(report: ReleaseReport, frame: Frame) -> Iterator[Markup]:
    """Draw the moment of each verdict; a narrow chart has room for its sign only."""
    for phase in report.phases:
        if not (look := phase.decided):
            continue
        x, verdict = frame.x.at(look.at_s), look.judgement.verdict
        words = signed(verdict) if frame.width >= NARROW else SIGNS[verdict.replace("_", " ")]
        look_of = {Verdict.PROMOTE: "good", Verdict.ROLL_BACK: "bad"}.get(verdict, "open")
        yield line((x, TOP - 2), (x, frame.y.start + FLOOR), f"verdict {look_of}")
        yield text((x - 3, TOP - 7), words, f"{look_of} strong", "end")
