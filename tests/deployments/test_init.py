"""A live account is looked at, and its environment's file written: what it shows is found, what it cannot is asked."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.commands.init import init
from deployments.environment_text import QUESTIONS, derived, environment_text, missing
from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed import seed
from deployments.twin.aws_seeded import ImageSpec, Seeded
from deployments.twin.processes import Processes
from deployments.twin.vercel import VercelStandIn
from tasks.errors import GateRefused, RemoteError, SettingsError
from tasks.settings import FOLDER_VARIABLE, Settings, load_settings
from tasks.survey.api import secret_name
from tasks.survey.finding import Finding
from tests.tasks.production import STABLE_COMMIT, start_task

ROOT = Path(__file__).parents[2]
ANSWERS = ["slack.channel=C0GREENFLOW", "approval.approvers=U0LEE, U0KIM,U0PARK"]
FACES = [f"checklist.staging.{key}" for key in ("cluster=stage", "services=api", "alarm_prefix=stage-")]


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[AwsEmulator, Seeded]]:
    with Processes() as processes, AwsEmulator(processes, processes.folder, start_task) as aws:
        image = ImageSpec("1.0.0", STABLE_COMMIT)
        later = ImageSpec("1.1.0", STABLE_COMMIT)
        yield aws, seed(aws, "postgresql://u:p@localhost/x", "redis://x", stable=image, candidate=later, wait_s=0)


@pytest.fixture(scope="module")
def vercel() -> Iterator[VercelStandIn]:
    with VercelStandIn() as started:
        yield started


@pytest.fixture
def folder(
    account: tuple[AwsEmulator, Seeded], vercel: VercelStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """Where the file goes, in a shell that is signed in to the account."""
    monkeypatch.setenv("GREENFLOW_AWS__ENDPOINT_URL", account[0].url)
    monkeypatch.setenv("GREENFLOW_SITE__API_URL", vercel.url)
    monkeypatch.setenv("VERCEL_TOKEN", vercel.token)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def run(*answers: str, environment: str = "production", yes: bool = False, as_json: bool = False) -> int:
    token = "env:VERCEL_TOKEN"
    return init(
        environment=environment,
        region="us-east-1",
        vercel_token=token,
        answers=[*answers],
        yes=yes,
        as_json=as_json,
    )


def test_the_file_says_what_the_account_shows(
    folder: Path, account: tuple[AwsEmulator, Seeded], vercel: VercelStandIn
) -> None:
    seeded = account[1]
    assert run(*ANSWERS, *FACES) == 0
    settings = load_settings("production")
    assert (settings.aws.account_id, settings.aws.region) == (seeded.account_id, seeded.region)
    for side, section in settings.sides.items():
        assert (section.service, section.target_group_arn) == (seeded.services[side], seeded.target_group_arns[side])
    assert settings.load_balancer.listener_rule_arn == seeded.listener_rule_arn
    assert settings.load_balancer.load_balancer_arn == seeded.load_balancer_arn
    assert settings.load_balancer.url == f"http://{seeded.load_balancer_dns}"
    assert (settings.site.project_id, settings.site.team_id) == (vercel.project_id, vercel.team_id)
    assert settings.monitoring.topic_arn == seeded.topic_arn
    assert settings.approval.approvers == ("U0LEE", "U0KIM", "U0PARK")


def test_what_it_says_is_what_the_rehearsals_own_file_says_of_this_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*ANSWERS, *FACES) == 0
    written = load_settings("production")
    monkeypatch.delenv(FOLDER_VARIABLE)
    known = load_settings("rehearsal")

    def values(settings: Settings) -> tuple[object, ...]:
        service, cache = settings.service, settings.elasticache
        return (
            *(service.cluster, service.container, service.repository, service.desired_count),
            *(settings.ledger.bucket, settings.backup.bucket, settings.rds.instance),
            *(cache.replication_group, cache.transit_encryption),
            *(settings.database.url, settings.cache.url, settings.site.token),
            *(settings.slack.token, settings.slack.signing_secret, settings.slack.channel),
        )

    assert values(written) == values(known)


def test_what_no_account_shows_is_listed_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*FACES, as_json=True) == 2
    told = json.loads(capsys.readouterr().out)
    assert [each["key"] for each in told["missing"]] == ["slack.channel", "approval.approvers"]
    assert {each["key"]: each["value"] for each in told["found"]}["rds.instance"] == "greenflow-db"
    assert list(folder.iterdir()) == []


def test_a_file_that_is_there_is_written_over_only_after_a_yes(folder: Path) -> None:
    file = folder / "production.toml"
    file.write_text("mine")
    with pytest.raises(GateRefused, match="look at the values above, then say --yes"):
        run(*ANSWERS, *FACES)
    assert file.read_text() == "mine"
    assert run(*ANSWERS, *FACES, yes=True) == 0
    assert file.read_text().startswith("# Made by `greenflow init`")


@pytest.mark.slow
def test_at_a_terminal_the_missing_is_asked_for(folder: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"C0GREENFLOW\nU0LEE,U0KIM,U0PARK\n")
    argv = [sys.executable, "-m", "deployments.cli", "init", "--environment", "production", "--region", "us-east-1"]
    said = [part for face in FACES for part in ("--set", face)]
    done = subprocess.run(
        [*argv, "--vercel-token", "env:VERCEL_TOKEN", *said],
        cwd=ROOT,
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "slack.channel: the id of the Slack channel?" in done.stderr
    assert load_settings("production").slack.channel == "C0GREENFLOW"


def test_a_wrong_token_and_a_wrong_key_are_said_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"--set slack\.chanel: expected KEY=VALUE"):
        run("slack.chanel=C0")
    monkeypatch.setenv("VERCEL_TOKEN", "vcp_wrong")
    with pytest.raises(RemoteError, match="could not list the Vercel projects"):
        run(*ANSWERS)


@pytest.mark.parametrize(
    ("held", "name"),
    [
        ("arn:aws:secretsmanager:us-east-1:1:secret:greenflow/database-url-a1B2c3", "greenflow/database-url"),
        ("arn:aws:secretsmanager:us-east-1:1:secret:greenflow/all-a1B2c3:url::", ""),
        ("arn:aws:ssm:us-east-1:1:parameter/greenflow/database-url", ""),
    ],
)
def test_only_a_whole_secret_is_taken_for_one(held: str, name: str) -> None:
    assert secret_name(held) == name


def test_the_template_is_filled_and_keeps_its_comments() -> None:
    known = [Finding(key=key, value="x", why="") for key in QUESTIONS]
    assert missing(known) == ()
    text = environment_text((*known, *derived("green", known)))
    assert 'name = "green"' in text
    assert "# Saturday 03:00 to 06:00 in Seoul, when nobody bids." in text
    assert "Values in capitals are yours to set" not in text
