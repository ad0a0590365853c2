"""Rooms for the approvals service's tests, a ledger and a workspace of its own for each; a plugin of those tests."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.slack import SlackStandIn
from deployments.twin.slack_channel import Member
from tasks.settings import Settings
from tests.deployments.approvals_room import (
    APPROVERS,
    RULES,
    STRANGER,
    NewRoom,
    Room,
    open_service,
    write_rules,
)

TOKEN, SECRET, APP_TOKEN = "SLACK_TOKEN_OF_THE_TEST", "SLACK_SECRET_OF_THE_TEST", "SLACK_APP_TOKEN_OF_THE_TEST"
ENVIRONMENTS = Path(__file__).parents[2] / "deployments" / "environments"


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        for variable, value in (
            (TOKEN, stand_in.token),
            (SECRET, stand_in.signing_secret),
            (APP_TOKEN, stand_in.app_token),
        ):
            monkeypatch.setenv(variable, value)
        stand_in.workspace.members |= {user: Member(user.lower()) for user in (*APPROVERS, STRANGER)}
        yield stand_in


@pytest.fixture
def rules_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment file of the test's own."""
    file = tmp_path / "rehearsal.toml"
    shutil.copyfile(ENVIRONMENTS / "rehearsal.toml", file)
    monkeypatch.setenv("GREENFLOW_ENVIRONMENT_FOLDER", str(tmp_path))
    return file


@pytest.fixture
def new_room(
    slack: SlackStandIn,
    rules_file: Path,
    new_settings: Callable[..., Settings],
    ledger_aws: AwsEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[NewRoom]:
    """Open a release and, unless it is closed, the service in this process; ``rules`` go into its file."""
    with ExitStack() as stack:

        def make(rules: str = RULES, *, by_socket: bool = False, is_closed: bool = False, **overrides: str) -> Room:
            write_rules(rules_file, rules)
            app = {"SLACK__APP_TOKEN": f"env:{APP_TOKEN}"} if by_socket else {}
            settings = new_settings(**slack_overrides(slack), **app, **overrides)
            room = Room(settings, slack, ledger_aws, rules_file)
            room.open_release(stack)
            for module in ("desk", "caretaker"):
                monkeypatch.setattr(f"deployments.approvals.{module}.wake", room.wake)
            if not is_closed:
                room.url = stack.enter_context(open_service(room, by_socket=by_socket))
            return room

        yield make
        ledger_aws.faults.clear()


@pytest.fixture
def quiet_room(
    slack: SlackStandIn, rules_file: Path, new_settings: Callable[..., Settings], ledger_aws: AwsEmulator
) -> Room:
    """A workspace and an environment in which no release is running yet, and no service."""
    write_rules(rules_file, RULES)
    return Room(new_settings(**slack_overrides(slack)), slack, ledger_aws, rules_file)


@pytest.fixture
def room(new_room: NewRoom) -> Room:
    return new_room()


def slack_overrides(slack: SlackStandIn) -> dict[str, str]:
    return {
        "SLACK__API_URL": slack.url,
        "SLACK__TOKEN": f"env:{TOKEN}",
        "SLACK__SIGNING_SECRET": f"env:{SECRET}",
        "SLACK__CHANNEL": slack.channel,
    }
