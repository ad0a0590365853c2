"""Releases on the twin, end to end: real processes, real traffic, a real way back."""

import math
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

import pytest

from deployments.bench.clicks import GOAL_S, seconds_to_shift
from deployments.follow import Follower
from deployments.twin.faults import DAMAGES
from deployments.twin.processes import Child
from deployments.twin.slack import Person
from flows.core.aftercare import Look, outcome_of
from flows.core.record import Ending
from tasks.aftercare_models import After
from tasks.announcements import thread_of
from tasks.event_store import EventStore, read_events
from tasks.models import Check, Outcome
from tests.korean_reader import english_left
from tests.rehearsal.conftest import WHOLE, Ended, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(240)]

SIGMAS = 4.5
AGAIN = ("traffic.", "scaling.", "postgres.")
"""What a release that goes on does anew: the canary, and the scratch database in which the migration is tried."""
ROOT = Path(__file__).parents[2]


def assert_home(stage: Stage, ended: Ended, before: object) -> None:
    """All traffic is where it was, the ledger says so, and the way home was one call."""
    assert stage.weights() == before
    assert ended.state.weights == before or ended.state.weights is None


def test_a_healthy_release_ships_without_one_failed_request(stage: Stage) -> None:
    before, seen = stage.stable(), len(stage.twin.slack.clicks)
    ended = stage.release(**WHOLE)
    assert ended.code == 0, ended.said
    assert ended.report.ending is Ending.SHIPPED
    assert stage.stable() is before.other
    assert ended.failed == 0
    assert ended.requests > 1000
    assert [event.data["weights"][before.other] for event in ended.events if event.kind == "traffic.shifted"] == [
        10,
        50,
        100,
    ]
    assert_shares_are_as_asked(stage)
    assert_every_change_was_intended_first(stage, ended)
    assert_once(ended)
    assert {answer.door for answer in ended.state.answers.values()} == {"slack"}
    # Steered by signed clicks alone: three people on duty, two who let it go on, each a shifted weight soon after.
    clicks = stage.twin.slack.clicks[seen:]
    assert Counter(click.action_id for click in clicks) == {"on_duty": 3, "approve": 2}
    assert {check.outcome for check in ended.state.gates["people on duty"].checks} == {Outcome.PASSED}
    took_s = seconds_to_shift(ended.events, clicks)
    assert len(took_s) == 2
    assert statistics.median(took_s) < GOAL_S, took_s
    assert not stage.held_back()
    assert not english_left(ended.report)
    assert_nothing_is_skipped_in_silence(ended)
    # The old side has let go of its tasks; the new one has them all.
    assert ended.state.stages["3.3 scale a side down"].status == "finished"


UNHURRIED = {
    # What is slow on a loaded machine says nothing about the look.
    "GREENFLOW_AFTERCARE__SLOW_300MS_MAX": "1",
    "GREENFLOW_AFTERCARE__SLOW_1S_MAX": "1",
    "GREENFLOW_AFTERCARE__WORSE_RATIO": "1000",
}


def test_a_release_that_shipped_is_looked_at_again_and_its_retrospective_is_drafted(stage: Stage) -> None:
    state = Follower(stage.settings).look()
    if state.ending is not Ending.SHIPPED:
        state = stage.release().state
    for after in (After.DAY, After.WEEK):
        child = look_again(stage, state.release_id, after)
        assert child.wait(60) == 0, child.log.read_text()
    events = read_events(EventStore(stage.settings), state.release_id, room="aftercare")
    day, week = (Look.model_validate(event.data["look"]) for event in events if event.kind == "aftercare.looked")
    assert [outcome_of(box) for box in day.boxes] == ["passed", "passed", "passed", "skipped", "passed"]
    assert [outcome_of(box) for box in week.boxes] == ["passed", "passed", "passed"]
    (draft,) = (event.data["markdown"] for event in events if event.kind == "retrospective.drafted")
    assert f"{state.version} carries 100 % of rehearsal" in draft
    assert_told_in_the_thread(stage, state.release_id, "Aftercare 24h", "How does", "Aftercare 7d")
    assert Follower(stage.settings).look().release_id == state.release_id  # the lease of the environment was not taken


def look_again(stage: Stage, release_id: str, after: After) -> Child:
    argv = [sys.executable, "-m", "deployments.cli", "aftercare", "--environment", "rehearsal"]
    argv += ["--release", release_id, "--after", after.value]
    return stage.twin.start(argv, f"after-{after}.log", UNHURRIED, "aftercare")


def assert_told_in_the_thread(stage: Stage, release_id: str, *beginnings: str) -> None:
    """Each of these was said once in the release's own thread."""
    parent = thread_of(read_events(EventStore(stage.settings), release_id), release_id)
    said = [message["text"] for message in stage.twin.slack.messages if message.get("thread_ts") == parent]
    assert [sum(text.startswith(beginning) for text in said) for beginning in beginnings] == [1] * len(beginnings)


def assert_shares_are_as_asked(stage: Stage) -> None:
    """The balancer's own counts lie within a binomial interval of each weight."""
    phases = stage.twin.traffic()[-4:]
    weights = [max(phase["weights"].values()) for phase in phases]
    assert weights == [100, 90, 50, 100]
    for phase in phases:
        total = sum(phase["requests"].values())
        for group, weight in phase["weights"].items():
            share = weight / 100
            allowed = SIGMAS * math.sqrt(total * share * (1 - share))
            mixed = 12 if weight in {0, 100} else 0  # a request that began before a shift may end after it
            assert abs(phase["requests"].get(group, 0) - total * share) <= allowed + mixed


def assert_nothing_is_skipped_in_silence(ended: Ended) -> None:
    """What a rehearsal as it is shipped skips is what the manual says it skips, no more and no less."""
    table = (ROOT / "docs" / "operating.md").read_text().partition("## What a rehearsal skips")[2].partition("\n## ")[0]
    listed = [
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall("`([^`]+)`", row.split("|")[1])
    ]
    found = {str(check.name) for check in checks_of(ended) if check.outcome is Outcome.SKIPPED}
    assert {name for name in found if not any(fnmatchcase(name, pattern) for pattern in listed)} == set()
    assert [pattern for pattern in listed if not any(fnmatchcase(name, pattern) for name in found)] == []


def checks_of(ended: Ended) -> Iterator[Check]:
    """Give every check of every stage, as the ledger has it."""
    for event in ended.events:
        if event.kind == "stage.finished":
            yield from map(Check.model_validate, event.data["evidence"].get("checks", ()))


def assert_every_change_was_intended_first(stage: Stage, ended: Ended) -> None:
    """No mutating call reached AWS outside of an effect; the ledger's own writes are the effects' record."""
    intents = Counter(event.kind for event in ended.events)
    assert intents["effect.intended"] == intents["effect.done"] + intents["effect.unknown"] + intents["effect.refused"]
    opened = ended.state.opened_at
    assert opened is not None
    kinds = {event.data["effect"] for event in ended.events if event.kind == "effect.intended"}
    assert {"traffic.shift", "slack.post"} <= kinds


def assert_once(ended: Ended) -> None:
    """Nothing was done twice that anybody keeps: no second dump, tag, task definition, deployment or message."""
    done = Counter(
        (event.data["effect"], event.data["key"])
        for event in ended.events
        if event.kind == "effect.done" and not event.data["already"]
    )
    assert {kind for kind, _ in done} >= {"image.tag", "task_definition.register", "vercel.deploy", "slack.post"}
    twice = {key: count for key, count in done.items() if count > 1 and not key[0].startswith(AGAIN)}
    assert not twice


@pytest.mark.parametrize("fault", ["errors-30", pytest.param("errors-7", marks=pytest.mark.slow)])
def test_a_version_that_fails_comes_home_by_itself(stage: Stage, fault: str) -> None:
    before = stage.weights()
    ended = stage.release(fault)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.ROLLED_BACK
    assert_home(stage, ended, before)
    # Why, with both numbers: failed of all on the new side against the old side.
    assert re.search(r"errors \d+/\d+ .* against \d+/", ended.report.verdict)
    assert len(stage.shifts(ended)) == 2  # up to 10 %, and home by one call
    assert 0 < ended.failed < 0.1 * ended.requests


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("crash-on-start", r"service greenflow-api-. refused: .*exit code 1"),
        ("never-healthy", r"service greenflow-api-. refused: .*Health checks failed with these codes: \[503\]"),
    ],
)
def test_a_version_that_does_not_come_up_never_meets_a_user(stage: Stage, fault: str, says: str) -> None:
    before = stage.weights()
    ended = stage.release(fault)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    assert re.search(says, ended.report.verdict), ended.report.verdict
    assert_home(stage, ended, before)
    assert stage.shifts(ended) == []
    assert ended.failed == 0


@pytest.mark.slow
def test_a_version_that_dies_at_half_of_the_traffic_comes_home(stage: Stage) -> None:
    before = stage.weights()
    ended = stage.release("dies-at-50")
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.ROLLED_BACK
    assert_home(stage, ended, before)
    assert ended.state.phase == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cold-start", "outage-of-both"])
def test_trouble_that_is_not_the_new_versions_does_not_bring_it_home(stage: Stage, fault: str) -> None:
    before = stage.stable()
    ended = stage.release(fault)
    assert ended.code == 0, ended.said
    assert stage.stable() is before.other


@pytest.mark.parametrize("damage", ["dump-cut", pytest.param("dump-flipped", marks=pytest.mark.slow)])
def test_a_damaged_dump_stops_the_release_before_the_migration(stage: Stage, damage: str) -> None:
    before = stage.weights()
    stage.twin.damage_backups(DAMAGES[damage])
    ended = stage.release()
    assert ended.code == 3, ended.said
    assert "sha256" in ended.report.verdict
    assert_home(stage, ended, before)
    assert "4.3 migrate the database" not in ended.state.stages


@pytest.mark.slow
def test_a_verification_that_is_red_after_all_traffic_brings_it_home_and_a_lost_sentry_brings_nothing(
    stage: Stage,
) -> None:
    before, site = stage.weights(), stage.twin.vercel.current
    stage.twin.sentry.down = True
    try:
        ended = stage.release(GREENFLOW_PERFORMANCE__P99_MS="0.5")
    finally:
        stage.twin.sentry.down = False
    assert ended.code == 3, ended.said
    assert "verified refused: P99 of" in ended.report.verdict
    assert "expected < 0.5 ms" in ended.report.verdict
    assert "Sentry did not answer" in ended.said
    assert stage.weights() == before
    assert stage.twin.vercel.current is site
    assert ended.failed == 0
    told = stage_checks(ended, "monitoring: tell Sentry of the release")
    assert {check["outcome"] for check in told} == {"failed"}


def stage_checks(ended: Ended, stage: str) -> list[dict[str, str]]:
    """List what a stage has found, as the ledger has it."""
    (found,) = (each.data for each in ended.events if each.kind == "stage.finished" and each.data["stage"] == stage)
    checks: list[dict[str, str]] = found["evidence"]["checks"]
    return checks


@pytest.mark.slow
def test_people_who_say_no_end_a_release_with_their_own_code(stage: Stage) -> None:
    before = stage.weights()
    stage.twin.slack.person = Person("U0TWINPERSON", decision="reject", delay_s=0.2)
    ended = stage.release()
    assert ended.code == 4, ended.said
    assert ended.report.ending is Ending.REJECTED
    assert_home(stage, ended, before)
    assert "rejected by U0TWINPERSON" in ended.report.verdict


@pytest.mark.slow
def test_a_stranger_in_slack_decides_nothing_and_silence_is_a_no(stage: Stage) -> None:
    before = stage.weights()
    stage.twin.slack.person = Person("U0STRANGER", decision="approve", delay_s=0.2)
    ended = stage.release(GREENFLOW_APPROVAL__EXPIRES_S="3")
    assert ended.code == 4, ended.said
    assert {answer.door for answer in ended.state.answers.values()} == {"clock"}
    assert "nobody answered in time" in ended.report.verdict
    assert_home(stage, ended, before)


def test_a_second_release_is_refused_and_ctrl_c_in_a_bake_brings_the_first_one_home(stage: Stage) -> None:
    # Staging runs what was published last.
    before, users, other, version = stage.weights(), stage.users(), stage.publish(), stage.publish()
    child = stage.start(version)
    stage.until("a bake", lambda state: state.rollout == "baking", version)
    second = stage.start(other)
    assert second.wait(60) == 6
    assert f"held by release {version}" in second.log.read_text()
    child.interrupt()
    ended = stage.finish(child, users)
    assert ended.code == 4, ended.said
    assert_home(stage, ended, before)
    assert ended.failed == 0


def test_a_release_killed_in_a_bake_goes_on_by_the_same_command_and_does_nothing_twice(stage: Stage) -> None:
    before, users, version = stage.stable(), stage.users(), stage.publish()
    first = stage.start(version)
    killed = stage.until("a bake at 50 %", lambda state: state.rollout == "baking" and state.phase == 1, version)
    first.kill()
    ended = stage.finish(stage.start(version), users)
    assert ended.code == 0, ended.said
    assert ended.state.release_id == killed.release_id
    assert stage.stable() is before.other
    assert ended.failed == 0
    assert_once(ended)
    # The guard may have been there first; the canary started over at its first weight and asked again.
    assert 1 <= sum(event.kind == "lease.taken_over" for event in ended.events) <= 2
    shifted = [event.data["weights"][before.other] for event in ended.events if event.kind == "traffic.shifted"]
    assert [weight for weight, _ in groupby(shifted)] == [10, 50, 0, 10, 50, 100]


@pytest.mark.slow
def test_an_operator_steers_a_release_at_the_command_line_and_calls_it_back(stage: Stage) -> None:
    stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("the first ask", lambda state: state.open_ask is not None, version)
    approved = greenflow("approve", "--environment", "rehearsal", "--reason", "looks fine")
    assert approved.returncode == 0, approved.stderr
    assert f"{version} from 10 % to 50 %" in approved.stdout
    stage.until("a bake at 50 %", lambda state: state.rollout == "baking" and state.phase == 1, version)
    shown = greenflow("status", "--environment", "rehearsal")
    assert "50 %" in shown.stdout
    called = greenflow("rollback", "--environment", "rehearsal", "--reason", "a customer called")
    assert called.returncode == 0, called.stderr
    ended = stage.finish(child, users)
    assert ended.code == 4, ended.said
    assert ended.report.ending is Ending.REJECTED
    assert "a customer called" in ended.report.verdict
    assert stage.weights() == before
    assert ended.failed == 0


def test_nothing_can_be_answered_when_nothing_is_asked(stage: Stage) -> None:
    refused = greenflow("approve", "--environment", "rehearsal")
    assert refused.returncode == 3
    assert "asks nothing right now" in refused.stderr


def greenflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "deployments.cli", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
