import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from deployments.twin.aws import FaultRule
from tasks.clients import aws
from tasks.clients.standby import Standby, hold
from tasks.errors import LeaseLost, PermanentError, RollbackFailed
from tasks.event_store import EventStore
from tasks.homecoming import (
    ROLE_S,
    bring_home,
    give_capacity_back,
    home_commands,
    keep_way_home_open,
    open_way_home,
    retire_candidate,
)
from tasks.ledger import Ledger
from tasks.models import Weights
from tasks.waits import request_stop
from tests.tasks.production import Production

HOME = Weights(a=100, b=0)


def test_traffic_comes_home_from_any_split(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(50, 50)
    proof = bring_home(production.settings, point)
    assert proof.weights == HOME
    assert not proof.failed
    assert production.weights() == {"a": 100, "b": 0}


def test_the_first_call_to_the_outside_is_the_shift(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(50, 50)
    before = production.aws.calls.since()[-1].number
    bring_home(production.settings, point)
    outside = [call for call in production.aws.calls.since(before) if call.service != "s3"]
    assert outside[0].operation == "ModifyRule"


def test_coming_home_needs_nothing_but_the_load_balancer(
    new_production: Callable[..., Production], opened: Callable[[Production], Ledger]
) -> None:
    production = new_production(AWS__REQUEST_TIMEOUT_S="1")
    opened(production)
    point = production.restore_point()
    production.set_weights(50, 50)
    for service in ("ecs", "ecr", "s3", "cloudwatch", "secretsmanager", "application-autoscaling", "sts"):
        production.aws.faults.add(FaultRule("500_before", service, "*", count=None))
    started_s = time.monotonic()
    assert bring_home(production.settings, point).weights == HOME
    assert production.weights() == {"a": 100, "b": 0}
    assert time.monotonic() - started_s < 15
    production.aws.faults.clear()


@pytest.mark.parametrize("kind", ["throttle", "500_before", "reset_before", "lost_answer", "503_after", "empty_200"])
def test_coming_home_survives_a_call_that_fails(production: Production, release: Ledger, kind: str) -> None:
    point = production.restore_point()
    production.set_weights(0, 100)
    production.aws.faults.add(FaultRule(kind, "elbv2", "ModifyRule"))
    assert bring_home(production.settings, point, budget_s=20).weights == HOME


def test_coming_home_is_repeated_until_it_is_seen(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(0, 100)
    production.aws.faults.add(FaultRule("500_before", "elbv2", "ModifyRule", count=6))
    before = production.calls("ModifyRule")
    assert bring_home(production.settings, point, budget_s=20).weights == HOME
    assert production.calls("ModifyRule") == before + 7


def test_a_throttled_call_home_is_repeated_at_once(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(0, 100)
    production.aws.faults.add(FaultRule("throttle", "elbv2", "ModifyRule", count=3))
    assert bring_home(production.settings, point, budget_s=20).took_s < 1


def test_a_request_to_stop_does_not_stop_the_way_home(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(0, 100)
    production.aws.faults.add(FaultRule("500_before", "elbv2", "ModifyRule"))
    request_stop()
    assert bring_home(production.settings, point, budget_s=20).weights == HOME


def test_a_bent_rule_comes_home_to_the_recorded_actions(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    fixed = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "closed"}
    production.set_actions([{"Type": "fixed-response", "Order": 1, "FixedResponseConfig": fixed}])
    assert bring_home(production.settings, point).weights == HOME


def test_a_restore_point_without_actions_comes_home_with_the_live_ones(production: Production, release: Ledger) -> None:
    point = production.restore_point().model_copy(update={"rule_actions": ()})
    production.set_weights(10, 90)
    assert bring_home(production.settings, point).weights == HOME


def test_a_blocked_way_home_calls_a_person_with_the_exact_commands(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(50, 50)
    production.aws.faults.add(FaultRule("500_before", "elbv2", "ModifyRule", count=None))
    with pytest.raises(RollbackFailed, match=r"a person must do it now.* 123456789012") as failed:
        bring_home(production.settings, point, budget_s=0.2)
    assert production.weights() == {"a": 50, "b": 50}
    production.aws.faults.clear()
    argv = shlex.split(failed.value.commands[0])
    assert argv[:3] == ["aws", "elbv2", "modify-rule"]
    options = dict(zip(argv[3::2], argv[4::2], strict=True))
    assert options["--rule-arn"] == production.seeded.listener_rule_arn
    production.set_actions(json.loads(options["--actions"]))
    assert production.weights() == {"a": 100, "b": 0}


def test_the_commands_do_not_need_the_load_balancer_to_answer(production: Production, release: Ledger) -> None:
    point = production.restore_point().model_copy(update={"rule_actions": ()})
    production.aws.faults.add(FaultRule("500_before", "elbv2", "*", count=None))
    shift = home_commands(production.settings, point)[0]
    assert production.seeded.target_group_arns["a"] in shift
    assert production.seeded.target_group_arns["b"] in shift


def test_another_owner_brings_it_home_not_this_one(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(50, 50)
    store = EventStore(production.settings)
    stored = store.read(release.lock.key)
    assert stored is not None
    stolen = release.lock.record.model_copy(update={"nonce": "somebody-else", "owner": "guard"})
    store.replace(release.lock.key, stolen.model_dump_json().encode(), stored.etag)
    release.lock._renew_or_explain()
    before = production.calls("ModifyRule")
    with pytest.raises(LeaseLost):
        bring_home(production.settings, point)
    assert production.calls("ModifyRule") == before


def test_the_candidate_is_retired_to_what_it_was(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    arn = production.register_image(f"{production.seeded.repository_uri}:1.1.0")
    production.run("b", arn, 2)
    retire_candidate(production.settings, point)
    retire_candidate(production.settings, point)
    service = production.service("b")
    assert service["desiredCount"] == 0
    assert service["taskDefinition"] == point.live.b.task_definition_arn


def test_a_candidate_whose_old_definition_is_gone_loses_its_tasks_all_the_same(
    production: Production, release: Ledger
) -> None:
    before = production.register_image(f"{production.seeded.repository_uri}:1.0.0")
    production.run("b", before, 0)
    point = production.restore_point()
    production.run("b", production.register_image(f"{production.seeded.repository_uri}:1.1.0"), 2)
    production.aws.client("ecs").deregister_task_definition(taskDefinition=before)
    with pytest.raises(PermanentError, match=r"inactive.*; side b has 0 tasks again and keeps the new definition"):
        retire_candidate(production.settings, point)
    assert production.service("b")["desiredCount"] == 0


def test_a_side_that_was_let_go_gets_its_tasks_back_although_its_definition_was_deregistered(
    production: Production, release: Ledger
) -> None:
    own = production.register_image(f"{production.seeded.repository_uri}:1.0.0")
    production.run("a", own, 2)
    point = production.restore_point()
    production.run("a", own, 0)
    production.aws.client("ecs").deregister_task_definition(taskDefinition=own)
    assert give_capacity_back(production.settings, point) == 2


def test_a_side_that_gets_no_tasks_back_keeps_traffic_away_and_its_tasks_come_first_in_the_commands(
    new_production: Callable[..., Production], opened: Callable[[Production], Ledger]
) -> None:
    production = new_production(SERVICE__DEADLINE_S="0.2")
    opened(production)
    point = production.restore_point()
    production.set_weights(0, 100)
    production.aws.faults.add(FaultRule("500_before", "ecs", "*", count=None))
    with pytest.raises(RollbackFailed, match="traffic stays where it is") as failed:
        give_capacity_back(production.settings, point)
    production.aws.faults.clear()
    assert production.weights() == {"a": 0, "b": 100}
    assert [shlex.split(command)[1:3] for command in failed.value.commands] == [
        ["ecs", "update-service"],
        ["ecs", "wait"],
        ["elbv2", "modify-rule"],
        ["elbv2", "describe-rules"],
    ]
    assert "--desired-count 2" in failed.value.commands[0]


def test_the_candidate_keeps_its_tasks_while_it_has_traffic(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.run("b", production.seeded.task_definition_arn, 2)
    production.set_weights(90, 10)
    with pytest.raises(PermanentError, match="bring traffic home first"):
        retire_candidate(production.settings, point)
    assert production.service("b")["desiredCount"] == 2


def test_the_way_home_does_without_prefect() -> None:
    program = "import sys, tasks.homecoming, tasks.scaling; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.fixture
def own_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the product call under another key than the tests' own hand."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-releases-own")
    aws._made.cache_clear()
    yield "the-releases-own"
    aws._made.cache_clear()


def test_a_role_taken_up_before_brings_traffic_home_when_the_releases_own_credentials_have_expired(
    own_key: str, production: Production, release: Ledger
) -> None:
    point = production.restore_point()
    open_way_home(production.settings)
    production.set_weights(50, 50)
    production.aws.faults.add(FaultRule("expired", caller=own_key, count=None))
    assert bring_home(production.settings, point, budget_s=20).weights == HOME
    assert production.weights() == {"a": 100, "b": 0}
    production.aws.faults.clear()


def test_the_releases_own_credentials_bring_traffic_home_where_the_role_is_refused(
    own_key: str, production: Production, release: Ledger
) -> None:
    point = production.restore_point()
    open_way_home(production.settings)
    production.set_weights(50, 50)
    production.aws.permissions.give("rollback", [])
    assert bring_home(production.settings, point, budget_s=20).weights == HOME
    production.aws.permissions.forget("rollback")


def test_the_role_is_taken_up_once_and_again_when_half_of_its_time_is_over(production: Production) -> None:
    settings, before = production.settings, production.calls("AssumeRole")
    hold(settings.aws, Standby("key", "secret", "token", time.monotonic()))
    for _ in range(2):
        open_way_home(settings)
    assert production.calls("AssumeRole") == before + 1
    hold(settings.aws, Standby("key", "secret", "token", time.monotonic() + ROLE_S / 2 - 1))
    open_way_home(settings)
    assert production.calls("AssumeRole") == before + 2


def test_a_role_that_cannot_be_taken_up_is_said_and_a_renewal_that_fails_stops_nothing(
    production: Production, caplog: pytest.LogCaptureFixture
) -> None:
    settings = production.settings.model_copy(
        update={"aws": production.settings.aws.model_copy(update={"region": "x"})}
    )
    production.aws.faults.add(FaultRule("denied", "sts", "AssumeRole", count=None))
    with pytest.raises(PermanentError, match=r"could not take up role .*rollback for the way home: AccessDenied"):
        open_way_home(settings)
    keep_way_home_open(settings)
    assert "keeps the credentials it has" in caplog.text
