"""End-to-end results count when they are there, green, young, and of the very commit."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.twin.staging import TESTS, junit
from tasks.checklist.e2e import check_e2e
from tasks.models import Check, Outcome
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import COMMIT, NOW, failed, named, subject


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The file as a pipeline leaves it."""
    return write(tmp_path / "e2e.xml", junit(COMMIT))


def write(file: Path, body: bytes, age_h: float = 1) -> Path:
    file.write_bytes(body)
    written_s = (NOW - timedelta(hours=age_h)).timestamp()
    os.utime(file, (written_s, written_s))
    return file


def asked(new_settings: NewSettings, where: object, **more: str) -> tuple[Check, ...]:
    settings = new_settings(CHECKLIST__E2E__FILE=str(where), **more)
    return check_e2e(settings, subject(folder=Path(settings.source.website_directory)))


def test_green_results_of_the_commit_pass(new_settings: NewSettings, results: Path) -> None:
    checks = asked(new_settings, results)
    assert failed(checks) == []
    assert named(checks, "E2E: tests").found == "0 of 5 failed"
    assert named(checks, "E2E: age").found == "1.0 h"


def test_the_commit_and_the_version_are_filled_into_the_place(new_settings: NewSettings, tmp_path: Path) -> None:
    write(tmp_path / f"{COMMIT}-1.1.0.xml", junit(COMMIT))
    assert failed(asked(new_settings, tmp_path / "{commit}-{version}.xml")) == []


def test_a_failing_test_is_refused_by_its_name(new_settings: NewSettings, results: Path) -> None:
    write(results, junit(COMMIT, failing=("bids",)))
    checks = asked(new_settings, results)
    assert failed(checks) == ["E2E: tests"]
    assert named(checks, "E2E: tests").found == "1 of 5 failed: bids"


def test_a_file_without_a_test_proves_nothing(new_settings: NewSettings, results: Path) -> None:
    write(results, junit(COMMIT, tests=()))
    assert named(asked(new_settings, results), "E2E: tests").found == "0 of 0 failed"
    assert failed(asked(new_settings, results)) == ["E2E: tests"]


def test_tests_that_were_all_skipped_prove_nothing(new_settings: NewSettings, results: Path) -> None:
    case = b'<testcase name="bids"><skipped/></testcase>'
    write(results, b'<testsuite commit="%s">%s</testsuite>' % (COMMIT.encode(), case))
    assert failed(asked(new_settings, results)) == ["E2E: tests"]


def test_an_error_that_only_the_suite_tells_of_counts(new_settings: NewSettings, results: Path) -> None:
    write(results, b'<testsuite errors="1" commit="%s"><testcase name="bids"/></testsuite>' % COMMIT.encode())
    assert failed(asked(new_settings, results)) == ["E2E: tests"]


def test_stale_results_are_refused_and_so_are_those_of_tomorrow(new_settings: NewSettings, results: Path) -> None:
    write(results, junit(COMMIT), age_h=24.1)
    assert failed(asked(new_settings, results)) == ["E2E: age"]
    write(results, junit(COMMIT), age_h=-3)
    assert failed(asked(new_settings, results)) == ["E2E: age"]


@pytest.mark.parametrize("said", ["e" * 40, COMMIT[:12], ""])
def test_results_of_another_commit_or_of_none_are_refused(new_settings: NewSettings, results: Path, said: str) -> None:
    write(results, junit(said))
    checks = asked(new_settings, results)
    assert failed(checks) == ["E2E: commit"]
    assert named(checks, "E2E: commit").expected == COMMIT


def test_suites_that_tell_different_commits_tell_none(new_settings: NewSettings, results: Path) -> None:
    one, other = (b'<testsuite commit="%s"><testcase name="a"/></testsuite>' % sha for sha in (b"a" * 40, b"c" * 40))
    write(results, b"<testsuites>" + one + other + b"</testsuites>")
    assert failed(asked(new_settings, results)) == ["E2E: commit"]


def test_a_file_beside_the_results_may_tell_their_commit(new_settings: NewSettings, results: Path) -> None:
    write(results, junit(""))
    Path(f"{results}.commit").write_text(f"{COMMIT}\n")
    assert failed(asked(new_settings, results)) == []


@pytest.mark.parametrize("body", [b"", b"<html>not found</html>", b"502 Bad Gateway"])
def test_what_is_no_junit_is_no_result(new_settings: NewSettings, results: Path, body: bytes) -> None:
    write(results, body)
    (check,) = asked(new_settings, results)
    assert check.outcome is Outcome.FAILED
    assert check.expected == "readable JUnit XML"


def test_missing_results_are_refused_and_say_where_they_were_looked_for(new_settings: NewSettings) -> None:
    (check,) = asked(new_settings, "/nowhere/{version}.xml")
    assert check.outcome is Outcome.FAILED
    assert "could not find results at /nowhere/1.1.0.xml; run the tests of ccccccc first" in check.found


def test_a_command_makes_the_results_and_its_exit_code_decides_nothing(
    new_settings: NewSettings, tmp_path: Path
) -> None:
    program = 'echo "<testsuite commit=\\"$RELEASE_COMMIT\\"><testcase name=\\"a\\"/></testsuite>" > out.xml; exit 1'
    (tmp_path / "e2e.sh").write_text(program)
    settings = new_settings(CHECKLIST__E2E__FILE="out.xml", CHECKLIST__E2E__COMMAND='["sh", "e2e.sh"]')
    checks = check_e2e(settings, subject(folder=tmp_path))
    assert named(checks, "E2E: tests").outcome is Outcome.PASSED
    assert named(checks, "E2E: commit").outcome is Outcome.PASSED


def test_without_a_place_the_row_says_that_it_is_off(new_settings: NewSettings) -> None:
    settings = new_settings()
    off = settings.model_copy(update={"checklist": settings.checklist.model_copy(update={"e2e": None})})
    (check,) = check_e2e(off, subject())
    assert check.line == "E2E: skipped (checklist.e2e is not set: nobody knows where the results lie)"


def test_the_twins_tests_are_the_guides_journey() -> None:
    assert "bids" in TESTS
