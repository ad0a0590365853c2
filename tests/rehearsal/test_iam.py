"""What each process calls in AWS is what its shipped policy allows: nothing is refused, nothing is left over (I25).

Everything that has a policy is done once, under this policy alone; the emulator refuses the rest.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from deployments.operate import lock_is_alive
from deployments.policies import policies_of
from deployments.twin.aws_seed import BACKUPS
from deployments.twin.aws_seed_data import GROUP, INSTANCE
from deployments.twin.roles import as_role
from flows.core.record import Ending
from tasks.event_store import EventStore
from tasks.lock import read_lock
from tests.rehearsal.conftest import Ended, Stage
from tests.rehearsal.test_endings import baking
from tests.rehearsal.test_rehearsal import UNHURRIED

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "release": {"s3:AbortMultipartUpload"},  # of an upload that breaks off: tests/tasks/test_backup.py
    "restore": {"s3:AbortMultipartUpload"},
}
NOTHING: Mapping[str, str] = MappingProxyType({})
UNREHEARSED = {"build", "drill", "init"}
"""They need a builder, a twin of their own, an account that nobody knows; their actions are compared by name alone."""
UNSEEN = {"kms:Decrypt", "kms:GenerateDataKey"}
"""Used by S3 itself, where an environment has a key of its own for dumps."""


def test_each_role_is_allowed_what_it_does_and_nothing_else(stage: Stage) -> None:
    permissions = stage.twin.emulator.permissions
    plan(stage)
    shipped = stage.release()
    assert shipped.code == 0, shipped.said
    aftercare(stage, shipped)
    infra(stage)
    restore(stage, shipped)
    killed_for_the_guard(stage)
    killed_for_people(stage)
    for role, policy in policies_of(stage.settings).items():
        if role in UNREHEARSED:
            continue
        granted = {name for each in policy["Statement"] for name in listed(each["Action"])} - UNSEEN
        assert permissions.used[role] == granted - ELSEWHERE.get(role, set()), role


def listed(part: str | list[str]) -> list[str]:
    return [part] if isinstance(part, str) else part


def greenflow(role: str, *arguments: str, codes: tuple[int, ...] = (0,), given: Mapping[str, str] = NOTHING) -> str:
    """Run a command as a person whose role in AWS has that one policy."""
    argv = [sys.executable, "-m", "deployments.cli", *arguments, "--environment", "rehearsal"]
    env = {**os.environ, **as_role(role), **given}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=240)
    said = done.stdout + done.stderr
    assert done.returncode in codes, said
    assert "not authorized" not in said
    return said


def plan(stage: Stage) -> None:
    version = stage.publish()
    greenflow("plan", "plan", version, codes=(0, 3, 10))
    assert "found" in greenflow("plan", "verify", "--json", codes=(0, 3))
    greenflow("plan", "infra", "plan", codes=(0, 10))
    greenflow("plan", "status")
    greenflow("plan", "alarms", codes=(0, 3))


def aftercare(stage: Stage, shipped: Ended) -> None:
    costs = {**UNHURRIED, "GREENFLOW_AFTERCARE__COST": "true"}
    for after in ("1h", "24h", "7d"):
        greenflow("aftercare", "aftercare", "--release", shipped.state.release_id, "--after", after, given=costs)


def infra(stage: Stage) -> None:
    """Let everything differ, and put it right: once with a cache to be changed, once with one to be made."""
    aws = stage.twin.emulator
    aws.client("rds").modify_db_instance(DBInstanceIdentifier=INSTANCE, BackupRetentionPeriod=7, ApplyImmediately=True)
    aws.client("elasticache").modify_replication_group(
        ReplicationGroupId=GROUP, SnapshotRetentionLimit=1, ApplyImmediately=True
    )
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=BACKUPS, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_encryption(Bucket=BACKUPS)
    s3.delete_public_access_block(Bucket=BACKUPS)
    s3.delete_bucket_lifecycle(Bucket=BACKUPS)
    (first, *_) = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="greenflow-")["MetricAlarms"]
    aws.client("cloudwatch").delete_alarms(AlarmNames=[first["AlarmName"]])
    more = {"GREENFLOW_ELASTICACHE__NODES": "4", "GREENFLOW_RDS__CHANGE_TIMEOUT_S": "30"}
    assert "changed and read back" in greenflow("infra", "infra", "apply", "--yes", given=more)
    other = {**more, "GREENFLOW_ELASTICACHE__REPLICATION_GROUP": f"{GROUP}-2", "GREENFLOW_ELASTICACHE__NODES": "3"}
    permit_the_other(stage)
    greenflow("infra", "infra", "apply", "--yes", given=other)
    greenflow("infra", "alarms", "--apply")


def permit_the_other(stage: Stage) -> None:
    """Fill in the policy for a group that is to be created, as whoever renames it in the settings does."""
    renamed = stage.settings.elasticache.model_copy(update={"replication_group": f"{GROUP}-2"})
    found = policies_of(stage.settings.model_copy(update={"elasticache": renamed}))
    stage.twin.emulator.permissions.give("infra", [found["infra"]])


def restore(stage: Stage, shipped: Ended) -> None:
    (key,) = {event.data["evidence"]["key"] for event in shipped.events if "sha256" in event.data.get("evidence", {})}
    why = ("--reason", "to look at it")
    greenflow("restore", "restore-database", "--dump", key, "--into", "restored_beside", *why)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    greenflow("restore", "restore-database", "--at", now, "--into", "greenflow-beside", *why)


def killed_for_the_guard(stage: Stage) -> None:
    before, version = stage.weights(), stage.publish()
    child = stage.start(version)
    stage.until("a bake at half", baking, version)
    child.kill()
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending is Ending.ROLLED_BACK
    assert over.left_over == ()
    assert stage.weights() == before
    stage.eventually("a free environment", lambda: free(stage))


def killed_for_people(stage: Stage) -> None:
    """Let no guard be there: people bring it home at the command line."""
    before, version = stage.weights(), stage.publish()
    child = stage.start(version)
    stage.until("a bake at half", baking, version)
    stage.twin.guard.kill()
    child.kill()
    stage.eventually("a lease that has run out", lambda: not lock_is_alive(stage.settings))
    said = greenflow("rollback", "rollback", "--reason", "its machine is gone", codes=(0, 3, 4))
    stage.eventually("traffic at home", lambda: stage.weights() == before)
    over = stage.until("its end", lambda state: state.ended, version)
    assert over.ending is Ending.REJECTED, said
    assert over.left_over == ()
    stage.twin.start_guard()


def free(stage: Stage) -> bool:
    lock = read_lock(EventStore(stage.settings), "rehearsal")
    return lock is not None and lock.state == "free"
