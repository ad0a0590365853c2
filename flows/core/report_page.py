"""Write a release's report as one page that needs nothing else: no script, no font, no picture from elsewhere."""

from collections.abc import Callable, Iterator
from functools import partial

from flows.core.charts import evidence_chart, rate_chart, traffic_chart, users_chart
from flows.core.gantt import gantt_chart
from flows.core.markup import Markup, fragment, tag
from flows.core.record import Ending
from flows.core.report import ReleaseReport
from flows.core.report_sections import (
    TONES,
    backup_section,
    checks_section,
    effects_section,
    next_section,
    people_section,
    phase_cards,
    story_section,
    why_section,
)
from flows.core.report_style import STYLE
from flows.core.report_words import facts, side_names, signed, unbroken
from flows.core.wording import NAMES
from tasks.counts import Kind
from tasks.sentences import named, present_language, sentence, spoken

DESK_PX = 1018.0
PHONE_PX = 340.0
ALONE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: nothing; so no text in it can ever become a script, whatever was missed."""

SLOW: tuple[Kind, ...] = ("slow_300ms", "slow_1s", "slow_5s")
Chart = Callable[[ReleaseReport, float], Markup]


def page(report: ReleaseReport) -> str:
    """Write the whole page; it may be mailed, archived and opened without a network."""
    title = sentence(
        "{version} to {environment}: {ending}",
        version=report.version,
        environment=report.environment,
        ending=named(report.ending.value),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=ALONE),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        # Our own words, and a style is no text: escaping would break its selectors.
        tag("style", Markup(STYLE)),
    )
    body = tag("body", tag("main", *_sections(report), _footer(report)))
    return f"<!doctype html>\n{tag('html', head, body, lang=present_language())}\n"


def _sections(report: ReleaseReport) -> Iterator[Markup | None]:
    yield _header(report)
    yield next_section(report)
    yield why_section(report)
    if report.phases:
        yield tag("section", tag("h2", named("The canary")), *_figures(report), phase_cards(report))
    if report.stages:
        yield tag("section", tag("h2", named("Timeline")), _both_widths(report, gantt_chart))
    yield people_section(report)
    yield checks_section(report)
    yield backup_section(report)
    yield effects_section(report)
    yield story_section(report)


def _header(report: ReleaseReport) -> Markup:
    cells = [tag("div", tag("dt", name), tag("dd", unbroken(value))) for name, value in facts(report)]
    why = tag("p", unbroken(report.reason), class_="why") if report.reason else None
    chip = tag("span", signed(report.ending), class_="chip")
    where = tag("span", sentence("release {release}", release=report.release_id), class_="where")
    headline = tag("h1", unbroken(_sentence(report)))
    return tag("header", chip, where, headline, why, tag("dl", *cells, class_="facts"), class_=TONES[report.ending])


def _sentence(report: ReleaseReport) -> str:
    ends = "" if report.ending in {Ending.RUNNING, Ending.STUCK} else "."
    headline = spoken(report.headline)
    return f"{headline[0].upper()}{headline[1:]}{ends}"


def _figures(report: ReleaseReport) -> Iterator[Markup]:
    """Stack the charts of the canary over one time axis, so that one moment is read from top to bottom."""
    new, old = side_names(report.version, report.stable_version)
    sides = (_key("new", new), _key("old dashed", old))
    asked = _key("asked box", "people asked") if report.asks else None
    per_look = _key("new point", "between two looks")
    yield _figure(
        report, "Traffic", traffic_chart, _key("new", "weight as set"), _key("new point", "share measured"), asked
    )
    yield _figure(report, "Errors", partial(rate_chart, kind="failed"), *sides, per_look)
    for kind in SLOW if _any_slower_than_5s(report) else SLOW[:-1]:
        yield _figure(report, spoken(named(NAMES[kind])).capitalize(), partial(rate_chart, kind=kind), *sides)
    judged = (_key("new", "errors"), _key("new dashed", NAMES["slow_300ms"]), _key("new dotted", NAMES["slow_1s"]))
    yield _figure(report, "Evidence of being worse", evidence_chart, *judged)
    if report.users and any(second.failed for second in report.users.seconds):
        yield _figure(report, "Failed requests of users, each second", users_chart)


def _any_slower_than_5s(report: ReleaseReport) -> bool:
    return any(side.slow_5s for phase in report.phases for side in phase.sides)


def _figure(report: ReleaseReport, title: str, chart: Chart, *keys: Markup | None) -> Markup:
    return tag("figure", tag("figcaption", tag("b", named(title)), *keys), _both_widths(report, chart))


def _both_widths(report: ReleaseReport, chart: Chart) -> Markup:
    """Draw a chart for a desk and for a phone: scaled letters would be too small to read on one of them."""
    return fragment(
        tag("div", chart(report, width), class_=name) for width, name in ((DESK_PX, "wide"), (PHONE_PX, "narrow"))
    )


def _key(look: str, words: str) -> Markup:
    return tag("span", tag("i", class_=look), named(words), class_="key")


def _footer(report: ReleaseReport) -> Markup:
    told = sentence(
        "Made from the ledger of release {release}. All times are UTC.", release=report.release_id or named("unknown")
    )
    return tag("footer", told)
