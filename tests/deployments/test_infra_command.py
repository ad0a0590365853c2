"""`greenflow infra` shows before it changes, asks before it touches, and tells by its exit code what it would do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.twin.aws import AwsEmulator
from tasks.settings import Settings
from tests.tasks.stores import NewStores

pytest_plugins = ["tests.tasks.data_stores_fixtures"]

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings(new_stores: NewStores) -> Settings:
    return new_stores()


@pytest.fixture
def infra(settings: Settings, stores_aws: AwsEmulator) -> Run:
    """Run the command against an account whose bucket is as it was made."""
    overrides = {
        "AWS__ENDPOINT_URL": stores_aws.url,
        "AWS__ACCOUNT_ID": settings.aws.account_id,
        "LEDGER__BUCKET": settings.ledger.bucket,
        "BACKUP__BUCKET": settings.backup.bucket,
        "RDS__INSTANCE": settings.rds.instance,
        "RDS__BACKUP_WINDOW": str(settings.rds.backup_window),
        "ELASTICACHE__REPLICATION_GROUP": settings.elasticache.replication_group,
        "ELASTICACHE__TRANSIT_ENCRYPTION": "false",
    }
    env = {f"GREENFLOW_{key}": value for key, value in overrides.items()}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "deployments.cli", "infra", *arguments, "--environment", "production"]
        given = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "twin", "AWS_SECRET_ACCESS_KEY": "twin", **env}
        return subprocess.run(
            argv, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )

    return run


def test_a_plan_ends_with_ten_when_something_would_change_and_is_json_for_machines(infra: Run) -> None:
    done = infra("plan", "--json")
    assert done.returncode == 10, done.stderr
    plan = json.loads(done.stdout)
    assert [each["name"] for each in plan["differences"]] == [
        "versioning",
        "encryption",
        "public_access_block",
        "lifecycle",
    ]


def test_nothing_is_changed_where_nobody_can_be_asked_and_everything_once_after_a_yes(
    infra: Run, stores_aws: AwsEmulator
) -> None:
    since = len(stores_aws.calls.since())
    refused = infra("apply")
    assert refused.returncode == 3
    assert refused.stderr.strip() == ("infra apply refused: nobody can be asked here; look at the plan, then say --yes")
    assert not [call for call in stores_aws.calls.since(since) if call.mutating]
    done = infra("apply", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "변경하고 확인함: 4건, 사람이 할 일: 0건"
    again = infra("plan")
    assert again.returncode == 0
    assert again.stdout.strip() == "production: 설정대로입니다"
