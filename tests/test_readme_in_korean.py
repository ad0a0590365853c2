"""The README in Korean says what the one in English says, section by section: neither can drift."""

import re
from pathlib import Path

import pytest

from deployments.bench.page import write_between_marks
from tests.pages import FENCED, ROOT, commands, headings

BOTH = ENGLISH, KOREAN = "README.md", "README.ko.md"
RECORDED = re.compile(r"<!-- (recording-\w+):begin -->(.*?)<!-- \1:end -->", re.DOTALL)
GENERATED = re.compile(r"<!-- \S+:begin -->.*?<!-- \S+:end -->", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)\)|^\[[\w-]+\]: (\S+)", re.MULTILINE)
CODE = re.compile(r"`[^`\n]+`")


def text(page: str) -> str:
    """Return a page without the tables that a benchmark writes into the English one."""
    return GENERATED.sub("", (ROOT / page).read_text("utf-8"))


def sections(page: str) -> list[str]:
    return re.split(r"^## .*$", FENCED.sub("", text(page)), flags=re.MULTILINE)


def blocks(page: str) -> list[tuple[str, str]]:
    """Return what is shown as code: its kind, and what is the same in every language of it."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    return [(kind, _untranslated(kind, body)) for kind, body in found]


def _untranslated(kind: str, body: str) -> str:
    if kind == "sh":
        return "\n".join(line.partition(" #")[0].rstrip() for line in body.splitlines())
    if kind == "mermaid":
        return re.sub(r"--\s*[^->]+\s*-->", "-->", re.sub(r'"[^"]*"|\[[^]]*\]', "", body))
    return body


def lists(section: str) -> tuple[int, int, int]:
    """Count the rows of a section's tables, its bullets and its steps."""
    marks = (r"^\|", r"^[-*] ", r"^\d+\. ")
    return tuple(len(re.findall(mark, section, re.MULTILINE)) for mark in marks)  # type: ignore[return-value]


def test_both_have_the_same_headings() -> None:
    assert headings(KOREAN) == headings(ENGLISH)


def test_both_name_the_same_commands() -> None:
    assert sorted(commands(KOREAN)) == sorted(commands(ENGLISH))


def test_both_show_the_same_code() -> None:
    assert blocks(KOREAN) == blocks(ENGLISH)


@pytest.mark.parametrize("place", range(len(sections(ENGLISH))))
def test_a_section_has_the_same_tables_lists_and_code_words(place: int) -> None:
    english, korean = sections(ENGLISH)[place], sections(KOREAN)[place]
    assert lists(korean) == lists(english)
    assert set(CODE.findall(english)) <= set(CODE.findall(korean)) | {"`make bench`"}


def test_what_is_recorded_is_the_same_in_both() -> None:
    recorded = [dict(RECORDED.findall((ROOT / page).read_text("utf-8"))) for page in BOTH]
    assert recorded[0] == recorded[1]
    assert recorded[0]


def test_what_is_recorded_anew_is_written_into_both(tmp_path: Path) -> None:
    pages = [tmp_path / page for page in BOTH]
    for page in pages:
        page.write_text("before <!-- recording-home:begin -->old<!-- recording-home:end --> after", "utf-8")
    write_between_marks(pages[0], "recording-home", "new")
    assert [page.read_text("utf-8").split() for page in pages] == [pages[0].read_text("utf-8").split()] * 2
    assert "new" in pages[1].read_text("utf-8")


def test_both_link_to_the_same_places() -> None:
    linked = [{link or named for link, named in LINK.findall(text(page))} - {ENGLISH, KOREAN} for page in BOTH]
    assert linked[0] == linked[1]


def test_each_names_the_other() -> None:
    assert f"]({KOREAN})" in text(ENGLISH)
    assert f"]({ENGLISH})" in text(KOREAN)


def test_the_korean_one_is_written_in_korean() -> None:
    prose = CODE.sub("", FENCED.sub("", Path(ROOT / KOREAN).read_text("utf-8")))
    paragraphs = [part for part in prose.split("\n\n") if len(part) > 200 and not part.startswith("[")]
    assert not [part[:80] for part in paragraphs if not re.search("[가-힣]", part)]
