"""The report of any release can be had again from the ledger alone."""

import json
from pathlib import Path

import pytest

from deployments.commands.report import report
from tasks.errors import GateRefused
from tasks.ledger import note, open_ledger
from tasks.settings import Settings

OLD, NEW = "1.0.0-20261114T030000-cafe", "1.1.0-20261121T030000-beef"


@pytest.fixture
def told(settings: Settings) -> Settings:
    for name, ending in ((NEW, "rejected"), (OLD, "shipped")):
        version = name.partition("-")[0]
        with open_ledger(settings, release_id=name, version=version):
            note("release.opened", {"version": version, "environment": settings.name, "requested_by": "U0LEE"})
            note("release.ended", {"ending": ending, "reason": "because"})
    return settings


def test_the_latest_is_the_release_that_was_opened_last(
    told: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pages" / "last.html"
    assert report(environment="rehearsal", out=file) == 0
    page = file.read_text()
    assert page.startswith("<!doctype html>")
    assert NEW in page
    first, *_, last = [line for line in capsys.readouterr().out.splitlines() if line]
    assert first.startswith("↩ REJECTED")
    assert str(file) in last


def test_an_older_one_is_found_by_its_id_as_json_and_in_another_language(
    told: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "old.html"
    assert report(environment="rehearsal", release=OLD, out=file, language="ko", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["release_id"] == OLD
    assert '<html lang="ko">' in file.read_text()


def test_what_is_not_in_the_ledger_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(GateRefused, match="rehearsal has seen no release yet"):
        report(environment="rehearsal", out=tmp_path / "x.html")
    with pytest.raises(GateRefused, match=r"found no release 9\.9\.9"):
        report(environment="rehearsal", release="9.9.9", out=tmp_path / "x.html")
