"""Type what people type, wrongly too: one clear line each, the right exit code, nothing touched."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.processes import Processes
from tests.conftest import LEDGER_ACCOUNT

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def greenflow(tmp_path: Path) -> Run:
    """Run the command in a folder of its own, as a newcomer's shell would."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "200", **environment}
        argv = [sys.executable, "-m", "deployments.cli", *arguments]
        return subprocess.run(
            argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )

    return run


@pytest.fixture
def production(ledger_aws: AwsEmulator) -> dict[str, str]:
    """Overrides that point `production` to an emulated account with everything but the secrets and the rule."""
    ledger, backups = (f"{name}-{secrets.token_hex(4)}" for name in ("ledger", "backups"))
    for bucket in (ledger, backups):
        ledger_aws.client("s3").create_bucket(Bucket=bucket)
    return {
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "GREENFLOW_AWS__ENDPOINT_URL": ledger_aws.url,
        "GREENFLOW_AWS__ACCOUNT_ID": LEDGER_ACCOUNT,
        "GREENFLOW_LEDGER__BUCKET": ledger,
        "GREENFLOW_BACKUP__BUCKET": backups,
        "GREENFLOW_SITE__TOKEN": "env:A_TOKEN",
        "GREENFLOW_DATABASE__URL": "env:A_TOKEN",
        "GREENFLOW_CACHE__URL": "env:A_TOKEN",
        "GREENFLOW_SLACK__TOKEN": "env:A_TOKEN",
        "GREENFLOW_SLACK__SIGNING_SECRET": "env:A_TOKEN",
        "A_TOKEN": "canary-of-a-secret",
    }


def writes(aws: AwsEmulator, since: int) -> list[str]:
    return [call.operation for call in aws.calls.since(since) if call.mutating]


def test_help_names_every_command_and_exit_code(greenflow: Run) -> None:
    done = greenflow("--help")
    assert done.returncode == 0
    for word in (
        "rehearse",
        "drill",
        "release",
        "rollback",
        "approve",
        "reject",
        "status",
        "twin",
        "approvals",
        "Exit codes",
    ):
        assert word in done.stdout


def test_the_faults_are_listed_with_their_ending(greenflow: Run) -> None:
    lines = greenflow("faults").stdout.splitlines()
    assert any(line.startswith("errors-30") and "comes home" in line for line in lines)
    assert any(line.startswith("cold-start") and "ships" in line for line in lines)
    assert any(line.startswith("dump-cut") and "is refused" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rehearse", "--version", "1.1"], "version: found '1.1', expected major.minor.patch"),
        (["rehearse", "--version", "1.1.0; rm -rf /"], "version: found '1.1.0; rm -rf /'"),
        (["rehearse", "--version", "1.0.0"], "version: found '1.0.0', which the twin runs already"),
        (["rehearse", "--fault", "errors-31"], "fault: found 'errors-31', expected one of errors-30"),
        (["release", "1.1.0", "--environment", "prod"], "environment: found 'prod', expected one of production"),
        (["release", "latest", "--environment", "production"], "version: found 'latest'"),
        (["approvals", "--environment", "production", "--environment", "prod"], "environment: found 'prod', expected"),
        (["rehearse", "--verion", "1.1.0"], "Unknown option"),
        (["relaese"], "relaese"),
    ],
)
def test_wrong_usage_gets_one_line_and_code_two(greenflow: Run, arguments: list[str], said: str) -> None:
    done = greenflow(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_a_twin_the_rehearsals_environment_says_how_to_start_one(greenflow: Run) -> None:
    if (ROOT / ".greenflow" / "twin.json").exists():
        pytest.skip("a twin is running beside the tests")
    done = greenflow("status", "--environment", "rehearsal")
    assert done.returncode == 2
    assert "start it with: greenflow twin" in done.stderr


def test_a_wrong_account_is_one_line_and_nothing_is_touched(
    greenflow: Run, production: dict[str, str], ledger_aws: AwsEmulator
) -> None:
    before = len(ledger_aws.calls.since())
    done = greenflow(
        "release", "1.1.0", "--environment", "production", **production | {"GREENFLOW_AWS__ACCOUNT_ID": "111111111111"}
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        f"aws.account_id: found account {LEDGER_ACCOUNT}, expected 111111111111; check AWS_PROFILE"
    )
    assert writes(ledger_aws, before) == []


def test_a_missing_secret_is_named_and_its_neighbours_are_not_shown(
    greenflow: Run, production: dict[str, str], ledger_aws: AwsEmulator
) -> None:
    before = len(ledger_aws.calls.since())
    gone = production | {"GREENFLOW_SLACK__TOKEN": "env:NOT_SET"}
    done = greenflow("release", "1.1.0", "--environment", "production", **gone)
    assert done.returncode == 2
    assert "slack.token: secret env:NOT_SET: found nothing, expected a value" in done.stderr.splitlines()
    assert "canary-of-a-secret" not in done.stderr + done.stdout
    assert writes(ledger_aws, before) == []


def test_an_app_token_that_cannot_be_read_is_found_before_anything_starts(
    greenflow: Run, production: dict[str, str]
) -> None:
    wrong = production | {"GREENFLOW_SLACK__APP_TOKEN": "env:NOT_SET"}
    done = greenflow("release", "1.1.0", "--environment", "production", **wrong)
    assert done.returncode == 2
    assert "slack.app_token: secret env:NOT_SET: found nothing, expected a value" in done.stderr.splitlines()


@pytest.fixture(scope="module")
def occupied() -> Iterator[str]:
    """A bucket that another account has."""
    with Processes() as processes, AwsEmulator(processes, processes.folder, lambda _: [], "111111111111") as other:
        other.client("s3").create_bucket(Bucket="occupied")
        yield "occupied"


@pytest.mark.parametrize(
    ("bucket", "cause"), [("occupied", "a bucket of somebody else"), ("never-made", "no such bucket")]
)
def test_a_bucket_that_is_not_ours_is_refused(
    greenflow: Run, production: dict[str, str], ledger_aws: AwsEmulator, occupied: str, bucket: str, cause: str
) -> None:
    before = len(ledger_aws.calls.since())
    wrong = production | {"GREENFLOW_LEDGER__BUCKET": bucket}
    done = greenflow("release", "1.1.0", "--environment", "production", **wrong)
    assert done.returncode == 2
    assert f"ledger.bucket: found {cause} named {bucket}, expected one of account {LEDGER_ACCOUNT}" in done.stderr
    assert writes(ledger_aws, before) == []


def test_the_shell_learns_the_commands_and_their_options(greenflow: Run, tmp_path: Path) -> None:
    done = greenflow("--install-completion", SHELL="/bin/bash")
    assert done.returncode == 0, done.stderr
    script = (tmp_path / ".local/share/bash-completion/completions/greenflow").read_text()
    assert all(word in script for word in ("restore-database", "on-duty", "--environment", "--with-waiting"))


def test_help_is_quick_because_it_imports_neither_prefect_nor_boto3() -> None:
    code = "import sys, deployments.cli; print([name for name in ('prefect', 'boto3', 'moto') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
