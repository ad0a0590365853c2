"""Services whose tasks really run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.deployments.twin.aws_world import DATABASE_URL, World, eventually, production

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with production(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(autouse=True)
def side_b_is_empty_afterwards(world: World) -> Iterator[None]:
    yield
    world.update("b", desiredCount=0, taskDefinition=world.seeded.task_definition_arn)
    world.steady("b")


def candidate(world: World) -> str:
    return world.definition(f"{world.seeded.repository_uri}@{world.seeded.digests['1.1.0']}")


def messages(service: Any) -> str:
    return "\n".join(event["message"] for event in service["events"])


def address_of(task: Any) -> str:
    return str(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])


def test_a_seeded_service_runs_two_healthy_tasks_of_the_stable_image(world: World) -> None:
    service, tasks = world.service("a"), world.tasks("a")
    assert (service["runningCount"], service["pendingCount"], len(tasks)) == (2, 0, 2)
    assert {task["containers"][0]["imageDigest"] for task in tasks} == {world.seeded.digests["1.0.0"]}
    assert world.health("a") == ["healthy", "healthy"]
    assert service["events"][0]["message"] == "(service greenflow-api-a) has reached a steady state."


def test_a_task_is_told_the_value_of_its_secret(world: World) -> None:
    answer = httpx.get(f"http://{address_of(world.tasks('a')[0])}:3000/", trust_env=False)
    assert answer.json() == {"version": "1.0.0", "database": DATABASE_URL}


def test_every_task_has_an_address_of_its_own(world: World) -> None:
    assert len({address_of(task) for task in world.tasks("a")}) == 2


def test_an_update_shows_the_new_deployment_at_once_and_completes_it_when_it_is_healthy(world: World) -> None:
    definition = candidate(world)
    before = world.update("b", desiredCount=2, taskDefinition=definition)
    primary = before["deployments"][0]
    assert (primary["status"], primary["taskDefinition"], primary["rolloutState"]) == (
        "PRIMARY",
        definition,
        "IN_PROGRESS",
    )
    assert (before["taskDefinition"], before["runningCount"]) == (definition, 0)
    after = world.steady("b")
    assert after["deployments"][0]["id"] == primary["id"]
    assert after["deployments"][0]["rolloutStateReason"] == f"ECS deployment {primary['id']} completed."
    assert world.health("b") == ["healthy", "healthy"]


def test_a_rolling_update_starts_the_new_tasks_before_it_stops_the_old(world: World) -> None:
    world.update("b", desiredCount=2, taskDefinition=candidate(world))
    world.steady("b")
    old = {task["taskArn"] for task in world.tasks("b")}
    world.update("b", forceNewDeployment=True)
    least = 2

    def replaced() -> bool:
        nonlocal least
        least = min(least, world.health("b").count("healthy"))
        return not old & {task["taskArn"] for task in world.tasks("b")} and bool(world.steady("b"))

    eventually(replaced)
    assert least == 2
    assert "has begun draining connections" in messages(world.service("b"))


def test_a_change_of_the_desired_count_alone_begins_no_deployment(world: World) -> None:
    before = world.service("b")["deployments"][0]["id"]
    world.update("b", desiredCount=1)
    assert world.steady("b")["deployments"][0]["id"] == before


def test_the_circuit_breaker_brings_back_the_last_completed_deployment(world: World) -> None:
    completed = world.service("b")["deployments"][0]
    world.update("b", desiredCount=2, taskDefinition=world.definition_with_fault("crash"))
    failed = eventually(lambda: [each for each in world.service("b")["deployments"] if each["failedTasks"] >= 3])
    assert failed[0]["rolloutState"] == "FAILED"
    assert failed[0]["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    service = world.steady("b")
    assert service["taskDefinition"] == completed["taskDefinition"]
    assert service["deployments"][0]["id"] == completed["id"]
    assert f"rolling back to deployment {completed['id']}." in messages(service)
    stopped = [task for task in world.tasks("b", "STOPPED") if task["stopCode"] == "EssentialContainerExited"]
    assert {task["containers"][0]["exitCode"] for task in stopped} == {3}


def test_a_version_that_never_becomes_healthy_is_stopped_and_rolled_back(world: World) -> None:
    world.update("b", desiredCount=1, taskDefinition=world.definition_with_fault("sick"))
    eventually(lambda: "Health checks failed with these codes: [503]" in messages(world.service("b")))
    assert world.steady("b")["taskDefinition"] == world.seeded.task_definition_arn


def test_a_missing_image_fails_the_task_as_a_pull_does(world: World) -> None:
    missing = f"{world.seeded.repository_uri}@sha256:{'0' * 64}"
    world.update("b", desiredCount=1, taskDefinition=world.definition(missing))
    stopped = eventually(lambda: [each for each in world.tasks("b", "STOPPED") if missing in str(each)])
    assert stopped[0]["stopCode"] == "TaskFailedToStart"
    assert stopped[0]["stoppedReason"].startswith("CannotPullContainerError")
    assert "exitCode" not in stopped[0]["containers"][0]


def test_a_missing_secret_fails_the_task_before_it_starts(world: World) -> None:
    ecs = world.client("ecs")
    now = ecs.describe_task_definition(taskDefinition=world.seeded.task_definition_arn)["taskDefinition"]
    nowhere = world.seeded.secret_arns["greenflow/redis-url"].replace("redis", "nothing")
    container = {**now["containerDefinitions"][0], "secrets": [{"name": "X", "valueFrom": nowhere}]}
    definition = world.definition("unused", containerDefinitions=[container])
    world.update("b", desiredCount=1, taskDefinition=definition)
    reason = "Reason: ResourceInitializationError: unable to pull secrets"
    eventually(lambda: reason in messages(world.service("b")))


def test_a_role_that_does_not_exist_fails_the_task(world: World) -> None:
    image = f"{world.seeded.repository_uri}:1.0.0"
    definition = world.definition(image, executionRoleArn="arn:aws:iam::210987654321:role/nobody")
    world.update("b", desiredCount=1, taskDefinition=definition)
    eventually(lambda: "ECS was unable to assume the role" in messages(world.service("b")))


def test_a_task_that_dies_is_replaced_without_a_new_deployment(world: World) -> None:
    world.update("b", desiredCount=1)
    deployment = world.steady("b")["deployments"][0]["id"]
    victim = world.tasks("b")[0]
    ecs = world.client("ecs")
    ecs.stop_task(cluster=world.seeded.cluster, task=victim["taskArn"], reason="drill")
    eventually(lambda: [each for each in world.tasks("b", "STOPPED") if each.get("stoppedReason") == "drill"])
    service = world.steady("b")
    assert world.tasks("b")[0]["taskArn"] != victim["taskArn"]
    assert service["deployments"][0]["id"] == deployment


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"taskDefinition": "greenflow-api:999"}, "ClientException"),
        ({"taskDefinition": "nothing"}, "ClientException"),
        ({"desiredCount": -1}, "InvalidParameterException"),
        ({"service": "nobody"}, "ServiceNotFoundException"),
        ({"cluster": "nowhere"}, "ClusterNotFoundException"),
    ],
)
def test_an_update_is_refused_as_ecs_refuses_it(world: World, changes: dict[str, Any], code: str) -> None:
    wanted = {"cluster": world.seeded.cluster, "service": world.seeded.services["b"], **changes}
    with pytest.raises(ClientError) as refusal:
        world.client("ecs").update_service(**wanted)
    assert refusal.value.response["Error"]["Code"] == code


def test_create_service_is_idempotent_by_its_client_token_only(world: World) -> None:
    ecs = world.client("ecs")
    wanted = {
        "cluster": world.seeded.cluster,
        "serviceName": "worker",
        "taskDefinition": world.seeded.task_definition_arn,
        "desiredCount": 0,
    }
    first = ecs.create_service(**wanted, clientToken="token-1")["service"]
    again = ecs.create_service(**wanted, clientToken="token-1")["service"]
    assert again["deployments"][0]["id"] == first["deployments"][0]["id"]
    with pytest.raises(ClientError, match="not idempotent"):
        ecs.create_service(**wanted, clientToken="token-2")


def test_a_deleted_service_drains_its_tasks_and_becomes_inactive(world: World) -> None:
    ecs, cluster = world.client("ecs"), world.seeded.cluster
    wanted = {"taskDefinition": world.seeded.task_definition_arn, "desiredCount": 1}
    ecs.create_service(cluster=cluster, serviceName="passing", **wanted)
    eventually(lambda: ecs.list_tasks(cluster=cluster, serviceName="passing")["taskArns"])
    with pytest.raises(ClientError, match="scaled above 0"):
        ecs.delete_service(cluster=cluster, service="passing")
    ecs.delete_service(cluster=cluster, service="passing", force=True)

    def inactive() -> bool:
        seen = ecs.describe_services(cluster=cluster, services=["passing"])["services"][0]
        return bool(seen["status"] == "INACTIVE" and seen["runningCount"] == 0)

    eventually(inactive)
    assert not [arn for arn in ecs.list_services(cluster=cluster)["serviceArns"] if arn.endswith("/passing")]


def test_run_task_is_refused_rather_than_pretended(world: World) -> None:
    with pytest.raises(ClientError, match="services only"):
        world.client("ecs").run_task(cluster=world.seeded.cluster, taskDefinition=world.seeded.task_definition_arn)


def test_the_waiter_for_stable_services_ends(world: World) -> None:
    waiter = world.client("ecs").get_waiter("services_stable")
    waiter.wait(
        cluster=world.seeded.cluster,
        services=[world.seeded.services["a"]],
        WaiterConfig={"Delay": 1, "MaxAttempts": 3},
    )
