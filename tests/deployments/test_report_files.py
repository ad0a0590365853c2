from pathlib import Path

import pytest

from deployments.rehearse import Rehearsed
from deployments.report_files import write_report
from deployments.summary import summary
from flows.core.report import report_of
from tests.core.release_told import COMMANDS, ENDINGS, RELEASE, rolled_back, users

TRAFFIC = [
    {"weights": {"old": 100, "new": 0}, "requests": {}},
    {"weights": {"old": 90, "new": 10}, "requests": {"old": 901, "new": 99}},
]


def lines(ending: str) -> str:
    report = report_of(ENDINGS[ending]().model_copy(update={"users": users([0, 2])}))
    return "\n".join(line.plain for line in summary(Rehearsed(0, report, Path("reports/x.html"), TRAFFIC)))


def test_a_report_is_two_files_with_the_releases_name(tmp_path: Path) -> None:
    file = write_report(report_of(rolled_back()), tmp_path / "reports")
    assert file == tmp_path / "reports" / f"{RELEASE}.html"
    assert sorted(found.name for found in file.parent.iterdir()) == [f"{RELEASE}.html", f"{RELEASE}.md"]
    assert file.read_text().startswith("<!doctype html>")
    assert file.with_suffix(".md").read_text().startswith("# ↩ rolled back")


def test_a_report_written_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_report(report_of(ENDINGS["running"]()), tmp_path)
    file = write_report(report_of(rolled_back()), tmp_path)
    assert "was rolled back" in file.read_text()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_terminal_begins_with_the_verdict_and_ends_with_the_files(ending: str) -> None:
    told = lines(ending).strip().splitlines()
    assert ending.upper() in told[0]
    assert told[-2].endswith("reports/x.html")
    assert told[-1].endswith("reports/x.log")


def test_the_terminal_says_how_each_phase_went_with_both_numbers() -> None:
    told = lines("rolled back")
    assert "10 %  ↩ roll back" in told
    assert "against 0/" in told
    assert "read back at home" in told


def test_the_terminal_compares_the_weights_with_the_balancers_own_counts() -> None:
    assert "weights 90 / 10, measured 90.10 / 9.90 % of 1,000 requests" in lines("shipped")


def test_the_terminal_names_people_and_what_they_said() -> None:
    assert "✗ rejected U0LEE in Slack the fair opens at nine" in lines("rejected")


def test_a_blocked_way_home_shows_its_commands_in_the_terminal() -> None:
    assert all(command in lines("stuck") for command in COMMANDS)
