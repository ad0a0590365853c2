"""What people read in Slack, in the Prefect UI and in reports is written so that it can be read in Korean."""

from tasks import errors
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
