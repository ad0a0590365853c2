from functools import cache
from typing import Any

import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel

from flows.core.markup import tag
from flows.core.plain_text import UNSEEN, in_markdown, one_line
from flows.core.record import ReleaseState
from flows.core.report import ReleaseReport, report_of
from flows.core.report_markdown import markdown
from flows.core.report_page import page
from tests.core.page_reader import PageReader
from tests.core.release_told import COMMANDS, ENDINGS, users

HOSTILE = (
    "</svg></style><script>alert(1)</script>\" onload='x' <img src=x onerror=y> "
    "[a](javascript:b) ](c) `d`|e|\u202ef\x1b[2J"
)


@cache
def told_of(ending: str) -> ReleaseReport:
    return report_of(ENDINGS[ending]().model_copy(update={"users": users([0, 0, 3, 1, 0])}))


@cache
def written(ending: str) -> str:
    return page(told_of(ending))


@cache
def seen_page(ending: str) -> PageReader:
    return PageReader(written(ending))


def spoilt(value: Any) -> Any:
    """Return the same report with a hostile text in place of every text it has, keys of dictionaries included."""
    if type(value) is str:
        return value if not value else HOSTILE
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: spoilt(getattr(value, name)) for name in type(value).model_fields})
    if isinstance(value, dict):
        return {f"{key}{HOSTILE}" if type(key) is str else key: spoilt(item) for key, item in value.items()}
    return tuple(spoilt(item) for item in value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("ending", ENDINGS)
def test_hostile_words_in_every_text_change_no_element_of_the_page(ending: str) -> None:
    report = told_of(ending)
    friendly, hostile = seen_page(ending), PageReader(page(spoilt(report)))
    assert hostile.tags == friendly.tags
    assert hostile.attributes == friendly.attributes
    assert "<script>alert(1)</script>" in hostile.words
    assert "\u202e" not in hostile.words
    assert "\x1b" not in hostile.words


@pytest.mark.parametrize("ending", ENDINGS)
def test_hostile_words_in_every_text_stay_words_in_markdown(ending: str) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(spoilt(told_of(ending))))
    seen = PageReader(shown)
    assert seen.tags <= {
        "h1",
        "h2",
        "h3",
        "p",
        "ul",
        "ol",
        "li",
        "code",
        "pre",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert "<script>" in seen.words


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(ending: str) -> None:
    seen = seen_page(ending)
    assert not seen.tags & {"script", "link", "img", "iframe", "object", "embed", "a", "form", "base"}
    assert not seen.attributes & {"src", "href", "srcset", "action", "data"}
    assert not any(name.startswith("on") for name in seen.attributes)
    policy = dict(seen.values)["content"], [value for name, value in seen.values if value.startswith("default-src")]
    assert policy[1] == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_verdict_is_a_word_and_a_sign_not_a_colour_alone(ending: str) -> None:
    words = seen_page(ending).words
    assert any(f"{sign} {ending}" in words for sign in "✓↩⊘⚠…")


@pytest.mark.parametrize("ending", ENDINGS)
def test_markdown_and_page_say_the_same_reason(ending: str) -> None:
    report = told_of(ending)
    seen = seen_page(ending).words.replace("\N{NO-BREAK SPACE}", " ")
    assert report.reason in seen
    assert in_markdown(report.reason) in markdown(report)


def test_no_number_on_the_page_is_not_a_number() -> None:
    text = written("shipped")
    assert "nan" not in {value.lower() for _, value in PageReader(text).values}
    assert "inf" not in {value.lower() for _, value in PageReader(text).values}


def test_a_blocked_way_home_shows_its_commands_ready_to_be_copied() -> None:
    words = seen_page("stuck").words
    assert all(command in words for command in COMMANDS)
    assert words.index("Do this now") < words.index("The canary")


def test_a_gate_that_refused_is_open_and_others_are_folded() -> None:
    assert written("refused").count('<details open="open">') == 1
    assert '<details open="open">' not in written("shipped")


def test_a_release_of_which_nothing_is_known_yet_has_a_page_too() -> None:
    assert "still on its way" in PageReader(page(report_of(ReleaseState(version="1.1.0")))).words


def test_an_element_escapes_its_text_and_its_attributes() -> None:
    written = tag("p", "<b>", class_='"x"')
    assert written == '<p class="&#34;x&#34;">&lt;b&gt;</p>'


def test_braces_in_a_text_are_only_braces() -> None:
    assert tag("p", "{0} {name} %s") == "<p>{0} {name} %s</p>"


def test_text_that_could_fool_the_eye_is_made_visible() -> None:
    assert one_line("abc\u202edcba\x1b[31m\n two") == f"abc{UNSEEN}dcba{UNSEEN}[31m two"


def test_words_with_lines_inside_stay_readable_in_markdown() -> None:
    assert in_markdown("shift_traffic") == "shift_traffic"
    assert in_markdown("_not_ *bold*") == "\\_not\\_ \\*bold\\*"
