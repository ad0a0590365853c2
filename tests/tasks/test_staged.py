"""A release without a version takes what staging has proved, by table."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.errors import GateRefused, SettingsError
from tasks.models import Live, Side, SideState, Weights
from tasks.settings import Settings
from tasks.staged import Staged, find_staged, propose
from tests.conftest import NewSettings

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
OLD, NEW = ("sha256:" + letter * 64 for letter in "ab")


def side(which: Side, digest: str, weight: int) -> SideState:
    return SideState(
        side=which,
        service=f"greenflow-api-{which}",
        target_group_arn=f"arn:{which}",
        task_definition_arn="arn:task:1",
        image="image",
        digest=digest,
        desired_count=2,
        running_count=2,
        healthy_targets=2,
        weight=weight,
    )


PRODUCTION = Live(weights=Weights(a=100, b=0), a=side(Side.A, OLD, 100), b=side(Side.B, NEW, 0))


def staged(digest: str, hours: float, version: str = "1.4.0") -> Staged:
    return Staged(environment="staging", version=version, digest=digest, since=NOW - timedelta(hours=hours))


def test_what_staging_has_run_for_a_day_is_released(settings: Settings) -> None:
    assert propose(staged(NEW, 24), PRODUCTION, settings, NOW) == ("1.4.0", "staging has run 1.4.0 for 24.0 h")


def test_what_production_runs_already_is_nothing_new_and_no_failure(settings: Settings) -> None:
    version, why = propose(staged(OLD, 3, version=""), PRODUCTION, settings, NOW)
    assert version == ""
    assert why.startswith("nothing new: rehearsal runs")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (staged(NEW, 23.5), "found 1.4.0 running for 23.5 h, expected at least 24.0 h"),
        (staged(NEW, 48, version=""), "does not say it"),
    ],
)
def test_what_is_not_proved_is_refused(settings: Settings, found: Staged, said: str) -> None:
    with pytest.raises(GateRefused, match=said):
        propose(found, PRODUCTION, settings, NOW)


def test_an_environment_that_takes_from_nowhere_wants_a_version(new_settings: NewSettings) -> None:
    with pytest.raises(SettingsError, match=r"schedule.takes_from: found nothing"):
        find_staged(new_settings(), NOW)
