import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from deployments.twin.aws import FaultRule
from tasks import deployment_watch
from tasks.errors import GateRefused, PermanentError, RemoteError
from tasks.ledger import Ledger
from tasks.models import ImageProof, PhaseNeed, Side
from tasks.scaling import read_scaling, resume_scaling, suspend_scaling
from tasks.service import candidate_size, deploy_service, scale_down_side
from tasks.task_definition import environment_of, plaintext_names, refuse_plaintext, registrable, render
from tests.tasks.production import CANDIDATE_COMMIT, Production


def deploy(production: Production, image: ImageProof) -> Any:
    return deploy_service.fn(production.settings, production.plan, image, production.restore_point())


def registered(production: Production, arn: str) -> dict[str, Any]:
    ecs = production.aws.client("ecs")
    found: dict[str, Any] = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    return found


def test_the_new_version_runs_on_the_idle_side_and_nobody_is_sent_there(
    production: Production, release: Ledger
) -> None:
    image = production.push()
    proof = deploy(production, image)
    assert (proof.side, proof.running_count, proof.healthy_targets) == (Side.B, 2, 2)
    assert proof.digest == image.digest
    assert not proof.failed
    assert production.service("b")["taskDefinition"] == proof.task_definition_arn
    assert production.service("a")["taskDefinition"] == production.seeded.task_definition_arn
    assert production.weights() == {"a": 100, "b": 0}


def test_the_task_definition_is_the_running_one_with_another_image(production: Production, release: Ledger) -> None:
    image = production.push()
    found = registered(production, deploy(production, image).task_definition_arn)
    before = registered(production, production.seeded.task_definition_arn)["taskDefinition"]
    after = found["taskDefinition"]
    container, old = after["containerDefinitions"][0], before["containerDefinitions"][0]
    assert container["image"] == image.uri
    for kept in ("secrets", "portMappings", "healthCheck", "logConfiguration"):
        assert container[kept] == old[kept]
    assert after["executionRoleArn"] == before["executionRoleArn"]
    told = {each["name"]: each["value"] for each in container["environment"]}
    assert (told["APP_VERSION"], told["APP_REVISION"]) == (production.plan.version, CANDIDATE_COMMIT)
    assert told["NODE_ENV"] == "production"
    assert {"key": "greenflow:release", "value": production.plan.release_id} in found["tags"]


def test_deploying_again_makes_nothing_new(production: Production, release: Ledger) -> None:
    image = production.push()
    first = deploy(production, image)
    before = {name: production.calls(name) for name in ("RegisterTaskDefinition", "UpdateService")}
    point = production.restore_point()
    again = deploy_service.fn(production.settings, production.plan, image, point)
    assert again.task_definition_arn == first.task_definition_arn
    assert again.deployment_id == first.deployment_id
    assert before == {name: production.calls(name) for name in before}


@pytest.mark.parametrize("operation", ["RegisterTaskDefinition", "UpdateService"])
@pytest.mark.parametrize("kind", ["lost_answer", "503_after", "empty_200"])
def test_a_lost_answer_is_looked_up_and_nothing_is_done_twice(
    production: Production, release: Ledger, operation: str, kind: str
) -> None:
    image = production.push()
    point = production.restore_point()
    production.aws.faults.add(FaultRule(kind, "ecs", operation))
    before = production.calls(operation)
    deploy_service.fn(production.settings, production.plan, image, point)
    assert production.calls(operation) == before + 1


def test_a_crash_between_the_two_calls_goes_on_with_the_definition_it_registered(
    production: Production, release: Ledger
) -> None:
    image = production.push()
    point = production.restore_point()
    production.aws.faults.add(FaultRule("throttle", "ecs", "UpdateService"))
    with pytest.raises(RemoteError, match=r"throttl|Rate exceeded"):
        deploy_service.fn(production.settings, production.plan, image, point)
    before = production.calls("RegisterTaskDefinition")
    deploy_service.fn(production.settings, production.plan, image, point)
    assert production.calls("RegisterTaskDefinition") == before


def test_tasks_that_crash_are_refused_long_before_the_deadline(production: Production, release: Ledger) -> None:
    image = production.push(fault="crash-on-start")
    started_s = time.monotonic()
    with pytest.raises(GateRefused, match=r"service greenflow-api-b refused: .*exit code 3") as refused:
        deploy(production, image)
    assert time.monotonic() - started_s < production.settings.service.deadline_s / 2
    assert refused.value.checks[0].outcome == "failed"


def test_when_ecs_breaks_the_circuit_itself_its_own_words_are_told(
    production: Production, release: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_watch, "FAILED_STARTS", 1000)
    with pytest.raises(GateRefused, match="deployment circuit breaker"):
        deploy(production, production.push(fault="crash-on-start"))
    assert production.weights() == {"a": 100, "b": 0}


def test_an_image_that_cannot_be_pulled_is_refused_at_once_in_ecs_words(
    production: Production, release: Ledger
) -> None:
    image = production.push()
    gone = f"{production.seeded.repository_uri}@sha256:{'0' * 64}"
    started_s = time.monotonic()
    with pytest.raises(GateRefused, match="CannotPullContainerError"):
        deploy(production, image.model_copy(update={"uri": gone, "digest": f"sha256:{'0' * 64}"}))
    assert time.monotonic() - started_s < 5


def test_a_deployment_that_never_settles_is_refused_with_what_was_seen_last(
    new_production: Callable[..., Production], opened: Callable[[Production], Ledger]
) -> None:
    production = new_production(SERVICE__DEADLINE_S="0.3", SERVICE__HEALTHY_POLLS="1000")
    opened(production)
    with pytest.raises(GateRefused, match=r"within 0\.3 s; last seen: (IN_PROGRESS|COMPLETED), \d of 2 running"):
        deploy(production, production.push())


def test_progress_is_told_while_it_happens(production: Production, release: Ledger) -> None:
    deploy(production, production.push())
    told = [event.data for event in release.events if event.kind == "stage.progress"]
    assert any(data.get("rollout_state") == "IN_PROGRESS" for data in told)
    assert any("has started 2 tasks" in str(data.get("event", "")) for data in told)


def test_a_foreign_task_definition_on_the_idle_side_is_not_overwritten(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    foreign = production.register_image(f"{production.seeded.repository_uri}:1.0.0")
    production.run("b", foreign, 0)
    with pytest.raises(PermanentError, match=r"drift: found task definition .* on service greenflow-api-b"):
        deploy_service.fn(production.settings, production.plan, production.push(), point)
    assert production.service("b")["taskDefinition"] == foreign


def test_a_definition_of_this_release_with_another_image_is_drift(production: Production, release: Ledger) -> None:
    deploy(production, production.push())
    point = production.restore_point()
    with pytest.raises(PermanentError, match="drift: found image"):
        deploy_service.fn(production.settings, production.plan, production.push(), point)


def test_the_candidate_gets_the_size_of_the_side_that_serves(production: Production) -> None:
    point = production.restore_point()
    assert candidate_size(point, (), running_count=5) == 5
    assert candidate_size(point, (), running_count=1) == 2
    grown = (PhaseNeed(weight=100, tasks=7),)
    assert candidate_size(point, grown, running_count=5) == 7


def test_scale_in_is_suspended_for_the_release_and_given_back_after(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    assert suspend_scaling(production.settings) == ("greenflow-api-a", "greenflow-api-b")
    assert all(found.scale_in_suspended for found in read_scaling(production.settings).values())
    assert (found := read_scaling(production.settings)["greenflow-api-a"]).least == 0
    assert found.most == 6
    resume_scaling(production.settings, point)
    assert not any(found.scale_in_suspended for found in read_scaling(production.settings).values())


def test_what_a_person_had_suspended_stays_suspended(production: Production, release: Ledger) -> None:
    point = production.restore_point().model_copy(update={"scale_in_suspended": ("greenflow-api-b",)})
    suspend_scaling(production.settings)
    assert resume_scaling(production.settings, point) == ("greenflow-api-a",)
    assert read_scaling(production.settings)["greenflow-api-b"].scale_in_suspended
    resume_scaling(production.settings, production.restore_point())


def test_a_side_is_scaled_down_once(production: Production, release: Ledger) -> None:
    production.run("b", production.seeded.task_definition_arn, 2)
    assert not scale_down_side.fn(production.settings, Side.B, 0).failed
    before = production.calls("UpdateService")
    scale_down_side.fn(production.settings, Side.B, 0)
    assert production.calls("UpdateService") == before
    assert production.service("b")["desiredCount"] == 0


SOURCE: dict[str, Any] = {
    "taskDefinitionArn": "arn:1",
    "revision": 7,
    "status": "ACTIVE",
    "requiresAttributes": [],
    "compatibilities": ["FARGATE"],
    "registeredAt": "now",
    "family": "api",
    "containerDefinitions": [
        {"name": "api", "image": "old", "environment": [{"name": "APP_VERSION", "value": "1"}]},
        {"name": "sidecar", "image": "proxy"},
    ],
}


def test_only_what_can_be_registered_is_rendered(production: Production) -> None:
    source = copy.deepcopy(SOURCE)
    wanted = render(source, registrable(production.settings), "api", "new", {"APP_VERSION": "2"})
    assert set(wanted) == {"family", "containerDefinitions"}
    assert wanted["containerDefinitions"] == [
        {"name": "api", "image": "new", "environment": [{"name": "APP_VERSION", "value": "2"}]},
        {"name": "sidecar", "image": "proxy"},
    ]
    assert source == SOURCE


def test_a_container_is_read_by_its_name_not_its_place() -> None:
    assert environment_of(SOURCE, "api") == {"APP_VERSION": "1"}
    assert environment_of(SOURCE, "sidecar") == {}


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DATABASE_URL", "postgres://glec_admin:password@db:5432/glec_prod", True),
        ("DATABASE_URL", "postgres://db:5432/glec_prod", False),
        ("REDIS_URL", "redis://:hunter2@cache:6379", True),
        ("REDIS_URL", "redis://cache:6379", False),
        ("JWT_SECRET", "abc", True),
        ("STRIPE_API_KEY", "abc", True),
        ("DB_PASSWORD", "", False),
        ("TOKEN_TTL_S", "60", False),
        ("NODE_ENV", "production", False),
    ],
)
def test_a_secret_in_plain_text_is_found(name: str, value: str, secret: bool) -> None:  # noqa: FBT001
    containers = [{"name": "api", "environment": [{"name": name, "value": value}]}]
    assert plaintext_names(containers) == ((f"api.{name}",) if secret else ())


def test_a_secret_in_plain_text_is_refused_by_name_and_its_value_is_not_told() -> None:
    containers = [{"name": "api", "environment": [{"name": "DATABASE_URL", "value": "postgres://u:hunter2@db/x"}]}]
    with pytest.raises(GateRefused, match=r"found api\.DATABASE_URL in plain text") as refused:
        refuse_plaintext(containers)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in str(refused.value.checks)
