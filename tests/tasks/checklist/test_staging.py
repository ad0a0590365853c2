"""A version comes from staging, where its very image has run for a day in silence; production is as it was left."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deployments.twin.staging import ALARMS, SERVICE, Staged, Staging
from tasks.checklist.drift import check_drift
from tasks.checklist.staging import check_staging
from tasks.checklist.subject import Subject, version_on_staging
from tasks.errors import SettingsError
from tasks.ledger import Ledger, note, open_ledger
from tasks.models import Check, Evidence, Outcome
from tests.tasks.checklist.subjects import failed, named, subject
from tests.tasks.production import CANDIDATE_COMMIT, Production

STAGINGS: dict[int, Staging] = {}
"""One staging an emulator: it is made once, and shows what the test at hand needs."""


@pytest.fixture
def staging(production: Production) -> Staging:
    key = id(production.aws)
    if key not in STAGINGS:
        STAGINGS[key] = Staging(production.aws, production.seeded)
    for name in ALARMS:
        production.aws.past.forget(name)
    return STAGINGS[key]


def staged(production: Production, ran_h: float = 30) -> Staged:
    return Staged("1.1.0", CANDIDATE_COMMIT, production.seeded.digests["1.1.0"], ran_h)


def candidate(production: Production) -> Subject:
    return subject(commit=CANDIDATE_COMMIT, digest=production.seeded.digests["1.1.0"], now=datetime.now(UTC))


def asked(production: Production) -> tuple[Check, ...]:
    return check_staging(production.settings, candidate(production))


def test_the_image_that_ran_for_a_day_in_silence_passes(production: Production, staging: Staging) -> None:
    staging.show(staged(production))
    checks = asked(production)
    assert failed(checks) == []
    assert named(checks, "staging unchanged").found.startswith("30.0 h since ")
    assert named(checks, "staging quiet").found == "silence"
    assert version_on_staging(production.settings) == "1.1.0"


def test_an_image_that_has_not_run_long_enough_is_told_how_long_to_wait(
    production: Production, staging: Staging
) -> None:
    staging.show(staged(production, ran_h=20))
    checks = asked(production)
    assert failed(checks) == ["staging unchanged"]
    assert named(checks, "staging unchanged").note == "wait another 4.0 h"


def test_another_image_on_staging_is_refused(production: Production, staging: Staging) -> None:
    staging.show(Staged("1.0.0", CANDIDATE_COMMIT, production.seeded.digests["1.0.0"]))
    checks = asked(production)
    assert failed(checks) == ["image on staging"]
    assert named(checks, "image on staging").found == production.seeded.digests["1.0.0"]


def test_a_version_without_an_image_is_refused(production: Production, staging: Staging) -> None:
    staging.show(staged(production))
    checks = check_staging(production.settings, candidate(production).model_copy(update={"digest": ""}))
    assert named(checks, "image on staging").expected == "an image tagged 1.1.0, which the registry does not have"


def test_an_alarm_of_the_last_day_is_refused_and_an_older_one_is_history(
    production: Production, staging: Staging
) -> None:
    staging.show(staged(production))
    now = datetime.now(UTC)
    production.aws.past.rang(ALARMS[0], now - timedelta(hours=25))
    assert failed(asked(production)) == []
    production.aws.past.rang(ALARMS[0], now - timedelta(hours=2))
    checks = asked(production)
    assert failed(checks) == ["staging quiet"]
    assert named(checks, "staging quiet").found.startswith("greenflow-staging-errors at 20")


def test_a_staging_that_nothing_watches_is_not_quiet(production: Production, staging: Staging) -> None:
    staging.show(staged(production))
    lonely = production.settings.checklist.staging
    assert lonely
    unwatched = lonely.model_copy(update={"alarm_prefix": "nobody-"})
    checklist = production.settings.checklist.model_copy(update={"staging": unwatched})
    checks = check_staging(production.settings.model_copy(update={"checklist": checklist}), candidate(production))
    assert failed(checks) == ["staging alarms"]


def test_tasks_that_are_gone_are_refused(production: Production, staging: Staging) -> None:
    production.aws.past.ran(SERVICE, staging.definition(production.seeded.digests["1.1.0"]), datetime.now(UTC), count=0)
    assert {"image on staging", "staging tasks"} <= set(failed(asked(production)))
    with pytest.raises(SettingsError, match="version: found none that its image tells on greenflow-staging"):
        version_on_staging(production.settings)


def test_without_a_staging_the_row_says_that_it_is_off(production: Production) -> None:
    checklist = production.settings.checklist.model_copy(update={"staging": None})
    settings = production.settings.model_copy(update={"checklist": checklist})
    (check,) = check_staging(settings, candidate(production))
    assert check.outcome is Outcome.SKIPPED
    with pytest.raises(SettingsError, match="expected one such as --version"):
        version_on_staging(settings)


@pytest.fixture
def past(production: Production) -> Iterator[Ledger]:
    """The ledger of a release before this one."""
    name = f"1.0.0-20261101T030000-{secrets.token_hex(2)}"
    with open_ledger(production.settings, release_id=name, version="1.0.0") as ledger:
        yield ledger


def left(production: Production, ending: str, **shipped: str) -> None:
    """Write into the ledger how an earlier release left production."""
    point = production.restore_point().model_dump(mode="json")
    note("release.opened", {"version": "1.0.0", "environment": "rehearsal", "requested_by": "kim"})
    note("stage.finished", {"stage": "1.4 record the restore point", "took_s": 1, "evidence": point})
    if shipped:
        note("stage.finished", {"stage": "3.3 deploy", "took_s": 1, "evidence": shipped})
    note("release.ended", {"ending": ending, "reason": ""})


def drift(production: Production) -> tuple[Check, ...]:
    return check_drift(production.settings, candidate(production))


def test_a_first_release_finds_nothing_to_compare_with(production: Production) -> None:
    assert failed(drift(production)) == []
    assert drift(production)[1].found == "no release before this one"


def test_production_as_a_release_that_came_home_left_it_passes(production: Production, past: Ledger) -> None:
    left(production, "rolled back", side="b", task_definition_arn="arn:never")
    checks = drift(production)
    assert failed(checks) == []
    assert checks[1].note == f"release {past.release_id}"


def test_a_task_definition_that_nobody_here_set_is_refused(production: Production, past: Ledger) -> None:
    left(production, "shipped", side="a", task_definition_arn="arn:aws:ecs:x:y:task-definition/greenflow-api:99")
    checks = drift(production)
    assert failed(checks) == ["as the last release left it"]
    assert "which runs greenflow-api:99" in checks[1].expected
    assert "somebody changed it since" in checks[1].note


def test_traffic_that_was_moved_to_the_other_side_is_refused(production: Production, past: Ledger) -> None:
    left(production, "rolled back")
    production.set_weights(0, 100)
    assert failed(drift(production)) == ["as the last release left it"]
    production.set_weights(90, 10)
    assert failed(drift(production)) == ["traffic on one side", "as the last release left it"]


def test_a_release_that_was_refused_before_its_restore_point_left_nothing(production: Production, past: Ledger) -> None:
    note("release.opened", {"version": "1.0.0", "environment": "rehearsal", "requested_by": "kim"})
    note("stage.finished", {"stage": "0 checklist", "took_s": 1, "evidence": Evidence().model_dump(mode="json")})
    note("release.ended", {"ending": "refused", "reason": "no"})
    assert drift(production)[1].found == "no release before this one"
