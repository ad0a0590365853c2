"""Sentences remember how they were made, and every pattern in the code has its Korean."""

import ast
import importlib
import pickle
import re
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.core.report import VERDICTS
from flows.core.report_words import DECISIONS, DOORS, SIGNS
from tasks.korean import KOREAN, PARTS
from tasks.models import Check
from tasks.sentences import Sentence, in_language, joined, named, said, sentence, speaking, spoken, stored

ROOT = Path(__file__).parents[2]
HANGUL = re.compile("[가-힣]")
SAME_IN_BOTH = {"PostgreSQL", "sha256", "npm audit"}


def sources() -> list[Path]:
    rooms = ("flows", "tasks", "deployments")
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py")) if "node_modules" not in path.parts]


def constants(node: ast.expr, module: str) -> Iterator[str]:
    """Yield the texts an argument can be: written there, chosen between two, or an entry of a table of the module."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from constants(node.body, module)
            yield from constants(node.orelse, module)
        case ast.Subscript(value=ast.Name(id=name)):
            yield from getattr(importlib.import_module(module), name).values()


def patterns() -> Iterator[tuple[str, str]]:
    """Yield where a sentence is made, and of which pattern."""
    for path in sources():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"sentence", "named"} and node.args:
                found = list(constants(node.args[0], module))
                assert found or ast.unparse(node.func) == "named" or module == "tasks.sentences", (
                    f"{path.name}:{node.lineno}: write the pattern into the call"
                )
                yield from ((f"{path.name}:{node.lineno}", text) for text in found)


def says_something(pattern: str) -> bool:
    return any(letter.isalpha() for text, *_ in string.Formatter().parse(pattern) for letter in text)


def fields(pattern: str) -> Counter[str]:
    return Counter(name for _, name, *_ in string.Formatter().parse(pattern) if name is not None)


def test_every_pattern_in_the_code_has_its_korean() -> None:
    missing = {text: where for where, text in patterns() if says_something(text) and text not in KOREAN}
    missing = {text: where for text, where in missing.items() if text not in SAME_IN_BOTH}
    assert not missing, "add to tasks/korean: " + "; ".join(f"{text!r} ({where})" for text, where in missing.items())


def test_every_fixed_name_of_the_report_has_its_korean() -> None:
    words = {*SIGNS, *DECISIONS.values(), *DOORS.values(), *VERDICTS.values()} - {"unknown"}
    assert not {word for word in words if word not in KOREAN}


def titles() -> Iterator[tuple[str, str]]:
    """Yield the stages and gates that are named where they are made."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"stage", "_pass", "record_evidence"}:
                yield from ((f"{path.name}:{node.lineno}", text) for text in constants(node.args[0], ""))


def test_every_stage_and_every_gate_has_its_korean() -> None:
    missing = {text: where for where, text in titles() if text not in KOREAN}
    assert not missing, "add to tasks/korean: " + "; ".join(f"{text!r} ({where})" for text, where in missing.items())


@pytest.mark.parametrize("english", KOREAN)
def test_both_languages_name_the_same_values_and_say_something(english: str) -> None:
    assert set(fields(KOREAN[english])) == set(fields(english))
    assert KOREAN[english].strip()


def test_no_pattern_has_two_lines() -> None:
    counted = Counter(english for part in PARTS for english in part)
    assert not [english for english, count in counted.items() if count > 1]


def test_most_of_it_is_korean() -> None:
    assert sum(bool(HANGUL.search(korean)) for korean in KOREAN.values()) / len(KOREAN) > 0.95


PERIODS = sentence("{counted} of {needed} periods", counted=3, needed=10)


def test_a_sentence_is_its_english_text_wherever_a_text_is_wanted() -> None:
    assert PERIODS == "3 of 10 periods"
    assert f"{PERIODS}!" == "3 of 10 periods!"
    assert in_language(PERIODS, "ko") == "10구간 중 3구간"


def test_what_is_inside_of_a_sentence_is_translated_too() -> None:
    told = sentence("{what}: {why}", what=named("rejected by {who}"), why=joined("; ", [PERIODS, "라고 말함"]))
    assert in_language(told, "ko").endswith(": 10구간 중 3구간; 라고 말함")


def test_what_people_said_is_never_translated() -> None:
    assert in_language(sentence("{what}: {why}", what=named("reject"), why="reject"), "ko") == "거절: reject"
    assert in_language("reject", "ko") == "reject"


def test_braces_in_a_value_or_in_a_name_are_only_letters() -> None:
    assert sentence("rejected by {who}", who="{0.__class__}") == "rejected by {0.__class__}"
    assert named("{who}") == "{who}"
    assert in_language(named("{nobody}"), "ko") == "{nobody}"


def test_what_has_no_line_stays_english_around_what_has_one() -> None:
    assert in_language(Sentence("quite new: {why}", {"why": PERIODS}), "ko") == "quite new: 10구간 중 3구간"


def test_an_error_that_was_raised_with_a_sentence_still_knows_it() -> None:
    assert in_language(str(ValueError(PERIODS)), "ko") == "10구간 중 3구간"


def test_a_sentence_comes_back_from_the_ledger_and_from_another_process() -> None:
    told = sentence("{what}: {why}", what=PERIODS, why="x")
    for back in (said(stored(told)), pickle.loads(pickle.dumps(told))):  # noqa: S301 - our own
        assert back == told
        assert in_language(back, "ko") == "10구간 중 3구간: x"
    check = Check.of(told, ok=True, found=PERIODS, expected="plain")
    again = Check.model_validate_json(check.model_dump_json())
    assert again == check
    assert in_language(again.line, "ko") == "10구간 중 3구간: x: 결과 10구간 중 3구간, 기대값 plain"


def test_a_record_of_an_older_version_with_plain_texts_is_read() -> None:
    told = {"name": "image digest", "outcome": "passed", "found": "a", "expected": "b", "note": ""}
    assert in_language(Check.model_validate(told).line, "ko") == "이미지 다이제스트: 결과 a, 기대값 b"


def test_a_stored_pattern_that_does_not_fit_its_values_stands_as_it_is() -> None:
    assert said({"say": "{gone} of {needed}", "with": {"needed": 1}}) == "{gone} of {needed}"


@pytest.mark.parametrize("wrong", [None, 3, {"say": 3, "with": {}}, {"say": "x"}, ["x"]])
def test_what_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected a text"):
        said(wrong)


def test_people_are_spoken_to_in_the_language_of_the_block() -> None:
    with speaking("ko"):
        assert spoken(PERIODS) == "10구간 중 3구간"
        with speaking("en"):
            assert spoken(PERIODS) == "3 of 10 periods"
    assert spoken(PERIODS) == "3 of 10 periods"
