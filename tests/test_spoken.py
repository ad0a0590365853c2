"""What people read in Slack, in the Prefect UI and in reports is written so that it can be read in Korean."""

import re

from tasks import errors
from tasks.korean import KOREAN
from tests.korean_reader import english_in
from tests.spoken_sources import ROOT, Source, sources

Places = set[str | int]
CHECK_PARTS: Places = {0, 1, "name", "found", "expected", "note", "why"}
SHOWN_AT_A_TERMINAL = {"SettingsError", "EnvironmentBusy"}
"""They end a command before there is a release; nobody reads them in Slack or in a report."""
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} - SHOWN_AT_A_TERMINAL
FIRST = (*ERRORS, "CommandFailedError", "HttpRefusedError", "LockTimedOutError", "MigrationFailedError", "translated")
READ: dict[str, Places] = {
    **dict.fromkeys(("Check", "Check.of", "Check.skipped"), CHECK_PARTS),
    **{name: {0} for name in (*FIRST, "_translated")},
    "wait_until": {"what", "describe"},
}


def read(name: str) -> Places:
    """Say which arguments of a call become texts that people read; every ``doing`` becomes "could not …"."""
    return READ.get(name, set()) | {"doing"}


def test_no_check_and_no_error_is_english_alone() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sources("tasks", "flows")
        for line, text in Source(path).english(read)
    ]
    assert not found, "make it a sentence() and add its line to tasks/korean:\n" + "\n".join(found)


def test_no_line_in_korean_keeps_a_word_of_its_english() -> None:
    filled = {korean: re.sub(r"\{[^}]*\}", "1", korean) for korean in KOREAN.values()}
    assert not {korean: left for korean, text in filled.items() if (left := english_in(text))}
