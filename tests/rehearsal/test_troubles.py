"""What a release of a real night meets: old credentials, throttling, a missing permission, a full disk, no ledger.

Each ends at 100 % on one version, says in a line what it was, and costs no user a request.
"""

import sys
import time
from collections.abc import Callable, Iterator

import pytest

from deployments.twin.aws import FaultRule
from deployments.twin.aws_seed import LEDGER
from flows.core.record import Ending
from tests.rehearsal.conftest import Ended, Stage
from tests.rehearsal.test_endings import GUARD_S, LEASE_S, VERIFICATION_S, baking

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(300)]

OWN = "release"
"""The key of the release's own credentials; those of its way home, and the guard's, are others."""
FIVE_MINUTES_S = 5.0
"""Of the twin: a minute of a bake lasts a second there."""
LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.argv = sys.argv[1:]
runpy.run_module("deployments.run_flow", run_name="__main__")
"""


@pytest.fixture
def met(stage: Stage) -> Iterator[Callable[..., Ended]]:
    """Run a release into a trouble at half of the traffic, and wait for its end."""

    def run(*rules: FaultRule, lasts_s: float | None = None) -> Ended:
        users, version = stage.users(), stage.publish()
        child = stage.start(version)
        stage.until("a bake at half", baking, version)
        for rule in rules:
            stage.twin.emulator.faults.add(rule)
        if lasts_s is not None:
            time.sleep(lasts_s)
            stage.twin.emulator.faults.clear()
        child.wait(120)
        stage.eventually("one version", lambda: 100 in {stage.weights().a, stage.weights().b})
        stage.twin.emulator.faults.clear()
        over = stage.until("its end", lambda state: state.ended, version)
        assert over.ended
        return stage.finish(child, users)

    yield run
    stage.twin.emulator.faults.clear()


def told(stage: Stage, ended: Ended, *words: str) -> bool:
    texts = [message["text"] for message in stage.twin.slack.messages if ended.state.version in message["text"]]
    return any(word in text for word in words for text in texts)


def test_credentials_that_expire_in_mid_release_bring_it_home_by_the_role_taken_up_before(
    stage: Stage, met: Callable[..., Ended]
) -> None:
    before = stage.weights()
    ended = met(FaultRule("expired", caller=OWN, count=None))
    assert stage.weights() == before
    assert "sign in again" in ended.said
    assert ended.failed == 0


def test_credentials_that_are_renewed_in_time_let_it_go_on(stage: Stage, met: Callable[..., Ended]) -> None:
    ended = met(FaultRule("expired", "s3", caller=OWN, count=None), lasts_s=2)
    assert ended.code == 0, ended.said
    assert ended.failed == 0


def test_five_minutes_of_throttling_end_on_one_version(stage: Stage, met: Callable[..., Ended]) -> None:
    ended = met(FaultRule("throttle", caller=OWN, count=None), lasts_s=FIVE_MINUTES_S)
    assert ended.code in {0, 3}, ended.said
    assert ended.report.ending in {Ending.SHIPPED, Ending.ROLLED_BACK}
    assert ended.failed == 0


def test_a_permission_that_is_missing_on_the_way_up_brings_it_home_and_says_which(
    stage: Stage, met: Callable[..., Ended]
) -> None:
    before = stage.weights()
    ended = met(FaultRule("denied", "elbv2", "ModifyRule", caller=OWN, count=None))
    assert ended.code == 3, ended.said
    assert stage.weights() == before
    assert "greenflow iam --environment" in ended.report.verdict
    assert ended.failed == 0


def test_a_ledger_whose_bucket_is_gone_lets_the_traffic_come_home_and_people_hear_of_it(
    stage: Stage, met: Callable[..., Ended]
) -> None:
    before, messages = stage.weights(), len(stage.twin.slack.messages)
    ended = met(FaultRule("no_bucket", "s3", match={"Bucket": LEDGER}, count=None))
    assert stage.weights() == before
    assert "NoSuchBucket" in ended.said
    assert any("Traffic is home" in each["text"] for each in stage.twin.slack.messages[messages:])
    assert ended.failed == 0


def test_a_clock_that_jumps_by_an_hour_leaves_the_traffic_to_the_guard(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("a bake at half", baking, version)
    for caller in (OWN, "?SIA*"):  # its own credentials, and those of the role of its way home
        stage.twin.emulator.faults.add(FaultRule("skewed", caller=caller, count=None))
    jumped_s = time.monotonic()
    stage.eventually("traffic at home", lambda: stage.weights() == before)
    assert time.monotonic() - jumped_s < LEASE_S + GUARD_S + VERIFICATION_S
    stage.until("its end", lambda state: state.ended, version)
    stage.twin.emulator.faults.clear()
    ended = stage.finish(child, users)
    assert ended.state.ending is Ending.ROLLED_BACK
    assert "this machine's clock may be off" in ended.said
    assert told(stage, ended, "The guard brought the traffic home")
    assert stage.weights() == before
    assert ended.failed == 0


def test_a_full_disk_is_said_and_ends_before_any_traffic_moves(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    argv = [sys.executable, "-c", LIMITED, "run_flow", "rehearsal", "--version", version, "--requested-by", "tests"]
    child = stage.twin.start(argv, f"{version}.log", dict(stage.quick))
    ended = stage.finish(child, users)
    assert ended.report.version == version
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    # Programs that write beyond such a limit are ended by a signal, where a full disk would give them an error.
    assert any(word in ended.report.verdict for word in ("File too large", "SIGXFSZ")), ended.report.verdict
    assert stage.weights() == before
    assert ended.failed == 0
