"""Draw with SVG: scales, axes and marks as pure functions of numbers; colours are classes of the page's style."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from flows.core.markup import Markup, fragment, tag

Point = tuple[float, float]

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Distances between the marks of a time axis that people can read, in seconds."""

LETTER_PX = 6.3
"""How wide a letter of a chart's text is, about."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Map numbers from ``low`` to ``high`` to pixels from ``start`` to ``end``; numbers outside are kept inside."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a number."""
        if self.high <= self.low:
            return self.start
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)


def picture(children: Iterable[object], *, width: float, height: float, title: str) -> Markup:
    """Draw a whole picture with the sentence that tells it to those who cannot see it."""
    box = f"0 0 {width:g} {height:g}"
    return tag("svg", tag("title", title), *children, viewBox=box, width=width, height=height, role="img")


def text(at: Point, words: object, class_: str = "", anchor: str = "start") -> Markup:
    """Write words at a point; the anchor is start, middle or end."""
    return tag("text", words, x=at[0], y=at[1], class_=class_ or None, text_anchor=anchor)


def line(start: Point, end: Point, class_: str) -> Markup:
    """Draw a straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def rectangle(corner: Point, size: Point, class_: str, hint: str = "", radius: float = 0.0) -> Markup:
    """Draw a rectangle from its upper left corner; ``hint`` shows where a pointer rests on it."""
    told = tag("title", hint) if hint else None
    return tag("rect", told, x=corner[0], y=corner[1], width=size[0], height=size[1], rx=radius, class_=class_)


def curve(points: Sequence[Point], class_: str) -> Markup | None:
    """Draw a line through points; nothing for fewer than two."""
    if len(points) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)


def dots(points: Iterable[Point], class_: str, radius: float = 2.0) -> Markup:
    """Draw a dot at each point."""
    return fragment(tag("circle", cx=x, cy=y, r=radius, class_=class_) for x, y in points)


def stairs(points: Sequence[Point], until: float) -> list[Point]:
    """Turn values that hold until the next one into the corners of a stair that ends at ``until``."""
    corners: list[Point] = []
    for (x, y), (next_x, _) in pairwise([*points, (until, 0.0)]):
        corners += [(x, y), (next_x, y)]
    return corners


def time_marks(low_s: float, high_s: float, most: int, opened_at: datetime | None) -> Iterator[tuple[float, str]]:
    """Yield round moments of the clock between two times of a release, with their words; ``most`` is about how many.

    Times count from ``opened_at``; without it the words count from the release's start.
    """
    span_s = max(high_s - low_s, 1.0)
    step_s = next((step for step in STEPS_S if span_s / step <= most), STEPS_S[-1])
    zero_s = opened_at.timestamp() if opened_at else 0.0
    mark_s = math.ceil((zero_s + low_s) / step_s) * step_s
    while mark_s <= zero_s + high_s:
        yield mark_s - zero_s, _clock(mark_s, step_s, opened_at)
        mark_s += step_s


def _clock(mark_s: float, step_s: int, opened_at: datetime | None) -> str:
    if not opened_at:
        return f"+{mark_s:g} s"
    at = datetime.fromtimestamp(mark_s, tz=opened_at.tzinfo)
    return f"{at:%H:%M}" if step_s % 60 == 0 else f"{at:%H:%M:%S}"
