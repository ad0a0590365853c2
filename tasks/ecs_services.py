"""Look at an ECS service by its cluster and name, whatever it is there for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.clients.aws import ecs, translated
from tasks.errors import PermanentError, TransientError
from tasks.sentences import sentence
from tasks.settings import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

TASKS_A_CALL = 100


def find_service(aws: AwsSettings, cluster: str, name: str) -> "ServiceTypeDef":
    """Return a service; raises PermanentError when it does not exist or is being deleted."""
    with translated(sentence("read service {name}", name=name)):
        answer = ecs(aws).describe_services(cluster=cluster, services=[name])
    found = answer.get("services", [])
    if not found and not answer.get("failures"):
        msg = sentence("could not read service {name}: the answer was empty", name=name)
        raise TransientError(msg)
    status = found[0].get("status", "?") if found else "MISSING"
    if status != "ACTIVE":
        msg = sentence(
            "could not read service {name} in cluster {cluster}: found status {status}, expected ACTIVE",
            name=name,
            cluster=cluster,
            status=status,
        )
        raise PermanentError(msg)
    return found[0]


def find_serving(aws: AwsSettings, cluster: str, names: Sequence[str]) -> tuple["ServiceTypeDef", ...]:
    """Return those of the services that are to have tasks, or the first one when none is."""
    found = [find_service(aws, cluster, name) for name in names]
    return tuple(service for service in found if service.get("desiredCount")) or tuple(found[:1])


def find_tasks(aws: AwsSettings, cluster: str, name: str, *, stopped: bool = False) -> tuple["TaskTypeDef", ...]:
    """Return a service's running tasks, or those that stopped in the last hour."""
    client = ecs(aws)
    with translated(sentence("read the tasks of service {name}", name=name)):
        pages = client.get_paginator("list_tasks").paginate(
            cluster=cluster, serviceName=name, desiredStatus="STOPPED" if stopped else "RUNNING"
        )
        arns = [arn for page in pages for arn in page.get("taskArns", [])]
        starts = range(0, len(arns), TASKS_A_CALL)
        answers = [client.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_A_CALL]) for start in starts]
    return tuple(task for answer in answers for task in answer.get("tasks", []))


def pulled_digest(task: "TaskTypeDef", container: str) -> str:
    """Return the digest of the image that a task's container runs, or an empty string while it pulls."""
    containers = task.get("containers", [])
    return next((each.get("imageDigest", "") for each in containers if each.get("name") == container), "")


def running_digest(task: "TaskTypeDef", container: str) -> str:
    """Return the digest that a task's container runs: the one its image is pinned to, else the one it pulled."""
    images = (each.get("image", "") for each in task.get("containers", []) if each.get("name") == container)
    return next(images, "").partition("@")[2] or pulled_digest(task, container)
