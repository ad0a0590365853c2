"""Signatures hold from their day to their last; the channel is there for the bot; what a release needs answers."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from deployments.twin.aws import AwsEmulator
from deployments.twin.postgres import Postgres
from deployments.twin.processes import Processes
from deployments.twin.slack import SlackStandIn
from deployments.twin.valkey import Valkey
from tasks.checklist.channel import check_channel
from tasks.checklist.reach import check_reach
from tasks.checklist.statements import check_recovery, check_training
from tasks.checklist_settings import Statement
from tasks.errors import PermanentError
from tasks.models import Outcome
from tasks.settings import Settings
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import failed, named, subject


def signed(settings: Settings, statement: Statement | None) -> Settings:
    told = {"recovery": statement, "training": statement}
    return settings.model_copy(update={"checklist": settings.checklist.model_copy(update=told)})


@pytest.mark.parametrize(
    ("on", "until", "outcome"),
    [
        (date(2026, 11, 1), date(2026, 11, 20), Outcome.PASSED),
        (date(2026, 11, 1), date(2026, 11, 19), Outcome.FAILED),
        (date(2026, 11, 21), date(2026, 12, 31), Outcome.FAILED),
    ],
)
def test_a_statement_holds_from_its_day_through_its_last(
    settings: Settings, on: date, until: date, outcome: Outcome
) -> None:
    stated = signed(settings, Statement(by="Kim", on=on, until=until, document="https://wiki/dr"))
    for check in (*check_recovery(stated, subject()), *check_training(stated, subject())):
        assert (check.outcome, check.note) == (outcome, "https://wiki/dr")
        assert check.found == f"signed by Kim on {on}, holds until {until}"


def test_without_a_statement_nobody_has_signed(settings: Settings) -> None:
    (check,) = check_recovery(signed(settings, None), subject())
    assert check.line == "disaster recovery: skipped (checklist.recovery is not set: nobody has signed)"


def test_a_statement_that_ends_before_it_began_is_a_wrong_setting() -> None:
    with pytest.raises(ValidationError, match="holds after it was signed"):
        Statement(by="Kim", on=date(2026, 11, 1), until=date(2026, 11, 1))


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def in_slack(new_settings: NewSettings, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SLACK_TOKEN", slack.token)
    return new_settings(SLACK__API_URL=slack.url, SLACK__CHANNEL=slack.channel, SLACK__TOKEN="env:SLACK_TOKEN")


def test_a_channel_with_the_bot_in_it_passes_and_nothing_is_posted(in_slack: Settings, slack: SlackStandIn) -> None:
    (check,) = check_channel(in_slack, subject())
    assert check.outcome is Outcome.PASSED
    assert check.found == "#greenflow-production: the bot is a member"
    assert slack.messages == []


def test_a_channel_that_is_not_there_cannot_be_asked(in_slack: Settings) -> None:
    elsewhere = in_slack.model_copy(update={"slack": in_slack.slack.model_copy(update={"channel": "C0NOWHERE"})})
    with pytest.raises(PermanentError, match="could not look at Slack channel C0NOWHERE: channel_not_found"):
        check_channel(elsewhere, subject())


def test_programs_databases_and_redis_answer(
    new_settings: NewSettings, ledger_aws: AwsEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Processes() as processes, Postgres(processes, tmp_path) as postgres, Valkey(processes, tmp_path) as valkey:
        monkeypatch.setenv("DATABASE", postgres.create_database("greenflow"))
        monkeypatch.setenv("SCRATCH", "postgresql://nobody:secret-7@127.0.0.1:1/gone")
        monkeypatch.setenv("CACHE", valkey.url)
        settings = new_settings(
            DATABASE__URL="env:DATABASE",
            DATABASE__SCRATCH_URL="env:SCRATCH",
            DATABASE__TOOLS=str(postgres.bin),
            CACHE__URL="env:CACHE",
        )
        checks = check_reach(settings, subject())
        assert failed(checks) == ["scratch database"]
        assert named(checks, "database").found.endswith(", greenflow")
        assert "secret-7" not in named(checks, "scratch database").line
        bare = settings.model_copy(update={"database": settings.database.model_copy(update={"tools": "/nowhere"})})
        assert named(check_reach(bare, subject()), "programs").found == ("no /nowhere/pg_dump, /nowhere/pg_restore")
