"""What people read in Slack, in the Prefect UI and in reports is written so that it can be read in Korean."""

from tests.spoken_sources import ROOT, Source, sources

CHECK_PARTS: set[str | int] = {0, 1, "name", "found", "expected", "note", "why"}


def test_no_check_holds_a_text_that_is_english_alone() -> None:
    wanted = {"Check.of": CHECK_PARTS, "Check.skipped": CHECK_PARTS, "Check": CHECK_PARTS}
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sources("tasks", "flows")
        for line, text in Source(path).english(lambda name: wanted.get(name, set()))
    ]
    assert not found, "make it a sentence() and add its line to tasks/korean:\n" + "\n".join(found)
