"""Sentry hears of the release and gets the maps that browsers do not; down or off, it decides nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.twin.sentry import SentryStandIn
from tasks.hidden_maps import set_maps_aside
from tasks.ledger import Ledger, open_ledger
from tasks.models import BuildProof, Check, Outcome
from tasks.sentences import in_language
from tasks.sentry import sentry_line, tell_sentry_of_deploy, tell_sentry_of_release
from tasks.settings import Settings
from tests.tasks.stores import new_plan

PLAN = new_plan("1.1.0-sentry")
NAME = f"greenflow@{PLAN.version}"
SCRIPT, MAP = "~/assets/index-1.js", "~/assets/index-1.js.map"


@pytest.fixture
def sentry() -> Iterator[SentryStandIn]:
    with SentryStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def settings(new_settings: Callable[..., Settings], sentry: SentryStandIn, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SENTRY_TOKEN", sentry.token)
    return new_settings(SENTRY__URL=sentry.url, SENTRY__TOKEN="env:SENTRY_TOKEN", SENTRY__TIMEOUT_S="2")


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id=PLAN.release_id, version=PLAN.version) as opened:
        yield opened


@pytest.fixture
def build(tmp_path: Path) -> BuildProof:
    """A built site whose hidden map was set aside."""
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "assets" / "index-1.js").write_text("throw 1;")
    (dist / "assets" / "index-1.js.map").write_text('{"version":3}')
    aside = set_maps_aside(dist)
    assert [path.name for path in dist.rglob("*.map")] == []
    facts = {"commit": PLAN.commit, "raw_bytes": 8, "gzip_bytes": 8, "files": 1, "took_s": 0.1}
    return BuildProof(folder=str(dist), maps_folder=str(aside), **facts)


def outcomes(checks: tuple[Check, ...]) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in checks}


def test_sentry_gets_the_release_its_commit_its_script_with_the_map_and_the_deploy(
    settings: Settings, release: Ledger, sentry: SentryStandIn, build: BuildProof
) -> None:
    told = tell_sentry_of_release.fn(settings, PLAN, build)
    assert outcomes(told.checks) == {"Sentry release": Outcome.PASSED, "Sentry source maps": Outcome.PASSED}
    known = sentry.releases[NAME]
    assert [commit["id"] for commit in known.commits] == [PLAN.commit]
    assert known.files == {SCRIPT: (b"throw 1;", ["Sourcemap:index-1.js.map"]), MAP: (b'{"version":3}', [])}
    tell_sentry_of_deploy.fn(settings, PLAN)
    assert [(deploy["environment"], deploy["name"]) for deploy in known.deploys] == [("rehearsal", PLAN.release_id)]


def test_telling_it_twice_changes_nothing(
    settings: Settings, release: Ledger, sentry: SentryStandIn, build: BuildProof
) -> None:
    for _ in range(2):
        tell_sentry_of_release.fn(settings, PLAN, build)
        told = tell_sentry_of_deploy.fn(settings, PLAN)
    assert outcomes(told.checks) == {"Sentry deploy": Outcome.PASSED}
    assert len(sentry.releases[NAME].deploys) == 1
    assert len(sentry.releases[NAME].files) == 2


def test_a_sentry_that_is_down_is_said_and_decides_nothing(
    settings: Settings, release: Ledger, sentry: SentryStandIn, build: BuildProof
) -> None:
    sentry.down = True
    told = (*tell_sentry_of_release.fn(settings, PLAN, build).checks, *tell_sentry_of_deploy.fn(settings, PLAN).checks)
    assert {check.outcome for check in told} == {Outcome.FAILED}
    assert "could not look for greenflow@" in told[0].found
    assert {check.note for check in told} == {"nothing is decided by it"}


def test_a_wrong_token_is_told_without_it(
    settings: Settings, release: Ledger, sentry: SentryStandIn, build: BuildProof
) -> None:
    used, sentry.token = sentry.token, "another"
    (first, *_) = tell_sentry_of_release.fn(settings, PLAN, build).checks
    assert "401: Invalid token" in first.found
    assert used not in first.model_dump_json()


def test_off_says_that_it_is_off(settings: Settings, release: Ledger, build: BuildProof) -> None:
    off = settings.model_copy(update={"sentry": None})
    told = (*tell_sentry_of_release.fn(off, PLAN, build).checks, *tell_sentry_of_deploy.fn(off, PLAN).checks)
    assert {check.note for check in told} == {"off: this environment has no section [sentry]"}
    assert {check.outcome for check in told} == {Outcome.SKIPPED}
    assert sentry_line(off, PLAN) == ""


def test_an_approval_shows_how_many_new_issues_there_are_or_that_nobody_knows(
    settings: Settings, sentry: SentryStandIn
) -> None:
    sentry.new_issues[NAME] = 3
    assert sentry_line(settings, PLAN) == f"Sentry: 3 new issues in {PLAN.version}"
    assert in_language(sentry_line(settings, PLAN), "ko") == f"Sentry: {PLAN.version}의 새 이슈 3건"
    sentry.down = True
    assert sentry_line(settings, PLAN).startswith("Sentry did not answer")


def test_a_map_that_its_script_names_was_not_meant_to_be_hidden(tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text("//# sourceMappingURL=index.js.map")
    (tmp_path / "index.js.map").write_text("{}")
    assert set_maps_aside(tmp_path) is None
    assert (tmp_path / "index.js.map").exists()
