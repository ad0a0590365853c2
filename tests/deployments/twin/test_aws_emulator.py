"""The emulator as a whole: it starts, serves any account, and leaves nothing behind."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.processes import Processes, survivors
from tests.deployments.twin.aws_world import production

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_the_seed_names_exists_in_the_chosen_account(tmp_path: Path) -> None:
    with production(tmp_path, account_id="111122223333") as world:
        seeded = world.seeded
        assert world.client("sts").get_caller_identity()["Account"] == "111122223333"
        assert ":111122223333:" in seeded.load_balancer_arn
        buckets = [bucket["Name"] for bucket in world.client("s3").list_buckets()["Buckets"]]
        assert sorted(buckets) == ["greenflow-backups", "greenflow-ledger"]
        listed = world.client("secretsmanager").list_secrets()["SecretList"]
        assert sorted(secret["Name"] for secret in listed) == sorted(seeded.secret_names)
        versioning = world.client("s3").get_bucket_versioning(Bucket=seeded.ledger_bucket)
        assert versioning["Status"] == "Enabled"
        targets = world.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
        assert len(targets["ScalableTargets"]) == 2
        assert [world.service(side)["runningCount"] for side in "ab"] == [2, 0]


def test_leaving_it_ends_its_threads_within_three_seconds_whatever_the_cause(tmp_path: Path) -> None:
    left_at: list[float] = []
    before = set(threading.enumerate())  # another account may be emulated beside this one

    def work(processes: Processes) -> None:
        with AwsEmulator(processes, tmp_path, lambda _: []) as aws:
            clients = [aws.client("sts") for _ in range(3)]
            assert {client.get_caller_identity()["Account"] for client in clients} == {"123456789012"}
            left_at.append(time.monotonic())
            raise KeyboardInterrupt

    with Processes() as processes, pytest.raises(KeyboardInterrupt):
        work(processes)
    assert time.monotonic() - left_at[0] < 3
    left = set(threading.enumerate()) - before
    assert [thread.name for thread in left if thread.name.startswith("aws-")] == []


def test_no_task_outlives_the_emulator(tmp_path: Path) -> None:
    with production(tmp_path) as world:
        alive = [task for task in world.tasks("a") if task["lastStatus"] == "RUNNING"]
        twin_id = world.aws._processes.twin_id
        assert len(alive) == 2
        assert len(survivors(twin_id)) == 2
    assert survivors(twin_id) == []


def test_an_account_is_emulated_once_at_a_time_and_forgotten_afterwards(tmp_path: Path) -> None:
    with Processes() as processes:
        with AwsEmulator(processes, tmp_path, lambda _: []) as first:
            first.client("s3").create_bucket(Bucket="greenflow-ledger")
            with pytest.raises(RuntimeError, match="already emulated"), AwsEmulator(processes, tmp_path, lambda _: []):
                pass
        with AwsEmulator(processes, tmp_path, lambda _: []) as second:
            assert second.client("s3").list_buckets()["Buckets"] == []


def test_an_operation_that_nobody_emulates_is_said_so(tmp_path: Path) -> None:
    with Processes() as processes, AwsEmulator(processes, tmp_path, lambda _: []) as aws:
        ecs = aws.client("ecs")
        with pytest.raises(ecs.exceptions.ClientError, match="the twin's AWS has no"):
            ecs.list_service_deployments(service="x")
