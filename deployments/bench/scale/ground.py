"""Prepare what the scale is measured on: an emulated account, and environments by the hundred that point there."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.twin.aws import AwsEmulator
from deployments.twin.processes import Processes
from deployments.twin.slack import SlackStandIn

TEMPLATE = Path(__file__).parents[2] / "environments" / "rehearsal.toml"
BUCKET = "greenflow-scale"
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Ground:
    """Hold the stand-ins and a folder; ``environment`` is what a process of ours needs to work there."""

    processes: Processes
    aws: AwsEmulator
    environment: dict[str, str]

    @property
    def folder(self) -> Path:
        """Return where logs and files go."""
        return self.processes.folder


@contextmanager
def prepared(names: Sequence[str]) -> Iterator[Ground]:
    """Hold the ground open, with an environment of each name; this process sees the same settings meanwhile."""
    with ExitStack() as stack:
        processes = stack.enter_context(Processes())
        aws = stack.enter_context(AwsEmulator(processes, processes.folder, lambda _: [], ACCOUNT))
        slack = stack.enter_context(SlackStandIn())
        aws.client("s3").create_bucket(Bucket=BUCKET)
        before = dict(os.environ)
        environment = _environment(processes.folder, names, aws, slack)
        os.environ.update(environment)
        try:
            yield Ground(processes, aws, environment)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _environment(folder: Path, names: Sequence[str], aws: AwsEmulator, slack: SlackStandIn) -> dict[str, str]:
    files = folder / "environments"
    files.mkdir()
    for name in names:
        text = TEMPLATE.read_text(encoding="utf-8").replace('name = "rehearsal"', f'name = "{name}"', 1)
        (files / f"{name}.toml").write_text(text, encoding="utf-8")
    overrides = {
        "AWS__ENDPOINT_URL": aws.url,
        "AWS__ACCOUNT_ID": ACCOUNT,
        "AWS__REQUEST_TIMEOUT_S": "30",
        "LEDGER__BUCKET": BUCKET,
        # As in production: a stand-in for S3 in one process is not asked more often than S3 would be.
        "LEDGER__LEASE_S": "60",
        "LEDGER__HEARTBEAT_S": "15",
        "APPROVAL__POLL_S": "5",
        "APPROVAL__EXPIRES_S": "3600",
        "SLACK__API_URL": slack.url,
        "SLACK__TOKEN": "env:SCALE_SLACK_TOKEN",
        "SLACK__CHANNEL": slack.channel,
    }
    return {
        **{f"GREENFLOW_{key}": value for key, value in overrides.items()},
        "GREENFLOW_ENVIRONMENT_FOLDER": str(files),
        "SCALE_SLACK_TOKEN": slack.token,
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
