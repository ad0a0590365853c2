"""Do for ECS services what moto does not: keep those whose tasks really run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.ecs.exceptions import ECSException

from deployments.twin.aws_calls import AwsError
from deployments.twin.aws_routes import groups_in_use
from deployments.twin.aws_services import Deployment, Service, new_deployment_id, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.ecs.models import TaskDefinition

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.aws_layer import Operations
    from deployments.twin.aws_services import Task

_LONGEST_TOKEN = 36
_KEPT_SETTINGS = (
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
    "deploymentConfiguration",
    "availabilityZoneRebalancing",
    "capacityProviderStrategy",
    "platformVersion",
)
_NEEDS_NEW_DEPLOYMENT = (
    "networkConfiguration",
    "loadBalancers",
    "capacityProviderStrategy",
    "platformVersion",
)
_DEFAULTS: dict[str, Any] = {
    "loadBalancers": [],
    "serviceRegistries": [],
    "networkConfiguration": {},
    "placementConstraints": [],
    "placementStrategy": [],
    "enableExecuteCommand": False,
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "platformVersion": "LATEST",
}
_DEPLOYMENT_DEFAULTS = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
}


class Services:
    """Hold the account's services and answer the calls about them and their tasks."""

    def __init__(self, account: Account, moto: Callable[[Call], Answer]) -> None:
        self._account = account
        self._moto = moto
        self._services: dict[str, Service] = {}

    def __iter__(self) -> Any:
        return iter(list(self._services.values()))

    def add_to(self, operations: Operations) -> None:
        """Take over the calls about services and tasks."""
        own = {
            "CreateService": self.create,
            "UpdateService": self.update,
            "DeleteService": self.delete,
            "DescribeServices": self.describe,
            "ListTasks": self.list_tasks,
            "DescribeTasks": self.describe_tasks,
            "StopTask": self.stop_task,
            "RunTask": _refuse,
            "StartTask": _refuse,
            "CreateTaskSet": _refuse,
        }
        operations.own.update({("ecs", name): operation for name, operation in own.items()})

    def create(self, call: Call) -> object:
        """Create a service; the same clientToken again answers with the one it made."""
        params = call.params
        cluster = self._cluster(params)
        existing = self._services.get(f"{cluster}/{params['serviceName']}")
        if existing and existing.status == "ACTIVE":
            if params.get("clientToken") and existing.token == params["clientToken"]:
                return {"service": existing.described()}
            raise AwsError("InvalidParameterException", "Creation of service was not idempotent.")
        definition = self._task_definition(params.get("taskDefinition", ""))
        self._check(params, definition)
        answer = self._moto(call)
        if not answer.ok:
            return answer
        service = self._new_service(params, cluster, definition.arn)
        self._services[f"{cluster}/{service.name}"] = service
        return {"service": service.described(params.get("tags"))}

    def update(self, call: Call) -> object:
        """Change a service; a new task definition, network or a forced start begin a new deployment."""
        params = call.params
        service = self._service(params)
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        wanted = params.get("taskDefinition")
        # A service goes on with a definition that was deregistered since, and may be scaled with it.
        known = self._account.ecs.describe_task_definition
        definition = self._task_definition(wanted) if wanted else known(service.task_definition)
        self._check({**service.settings, **params}, definition)
        before = {name: service.settings.get(name) for name in _NEEDS_NEW_DEPLOYMENT}
        _settle(service.settings, params)
        self._scale(service, params.get("desiredCount"))
        changed = any(service.settings.get(name) != value for name, value in before.items())
        if changed or definition.arn != service.task_definition or params.get("forceNewDeployment"):
            service.begin(Deployment(new_deployment_id(), definition.arn, service.desired_count))
        return {"service": service.described()}

    def delete(self, call: Call) -> object:
        """Delete a service; its tasks end after the answer."""
        service = self._service(call.params)
        if service.desired_count > 0 and not call.params.get("force"):
            raise AwsError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
        self._scale(service, 0)
        service.status = "DRAINING"
        cluster = service.cluster_arn.rsplit("/", 1)[-1]
        self._account.ecs.services.pop(f"{cluster}:{service.name}", None)
        return {"service": service.described()}

    def describe(self, call: Call) -> object:
        """Describe services by name or ARN, with their tags if they are asked for."""
        cluster = self._cluster(call.params)
        with_tags = "TAGS" in call.params.get("include", [])
        found, failures = [], []
        for name in call.params.get("services", []):
            service = self._services.get(f"{cluster}/{name.rsplit('/', 1)[-1]}")
            if service is None:
                failures.append({"arn": self._arn_of(cluster, name), "reason": "MISSING"})
            else:
                found.append(service.described(self._tags(service) if with_tags else None))
        return {"services": found, "failures": failures}

    def list_tasks(self, call: Call) -> object:
        """List tasks of a cluster; those that are to run unless desiredStatus says otherwise."""
        params = call.params
        cluster = self._cluster(params)
        wanted = params.get("desiredStatus", "RUNNING")
        name = params.get("serviceName", "").rsplit("/", 1)[-1]
        if name and f"{cluster}/{name}" not in self._services:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        arns = [
            task.arn
            for service, task in self._tasks(cluster)
            if task.desired_status == wanted
            and name in ("", service.name)
            and params.get("startedBy") in (None, task.deployment_id)
            and params.get("family") in (None, _family(task))
        ]
        return {"taskArns": arns}

    def describe_tasks(self, call: Call) -> object:
        """Describe tasks by id or ARN."""
        cluster = self._cluster(call.params)
        known = {task.id: (service, task) for service, task in self._tasks(cluster)}
        tasks, failures = [], []
        for name in call.params.get("tasks", []):
            if pair := known.get(name.rsplit("/", 1)[-1]):
                tasks.append(pair[1].described(pair[0].cluster_arn))
            else:
                failures.append({"arn": name, "reason": "MISSING"})
        return {"tasks": tasks, "failures": failures}

    def stop_task(self, call: Call) -> object:
        """Stop one task; its service starts another."""
        wanted = call.params["task"].rsplit("/", 1)[-1]
        for service, task in self._tasks(self._cluster(call.params)):
            if task.id == wanted:
                task.desired_status = "STOPPED"
                task.stop_code = task.stop_code or "UserInitiated"
                task.stopped_reason = call.params.get("reason", "Task stopped by user")
                return {"task": task.described(service.cluster_arn)}
        raise AwsError("InvalidParameterException", "The referenced task was not found.")

    def _tasks(self, cluster: str) -> list[tuple[Service, Task]]:
        services = [service for service in self if service.cluster_arn.endswith(f"/{cluster}")]
        return [(service, task) for service in services for task in service.tasks]

    def _cluster(self, params: dict[str, Any]) -> str:
        name: str = params.get("cluster", "default").rsplit("/", 1)[-1]
        cluster = self._account.ecs.clusters.get(name)
        if cluster is None or cluster.status != "ACTIVE":
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return name

    def _service(self, params: dict[str, Any]) -> Service:
        name = params["service"].rsplit("/", 1)[-1]
        service = self._services.get(f"{self._cluster(params)}/{name}")
        if service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        return service

    def _task_definition(self, name: str) -> TaskDefinition:
        try:
            definition = self._account.ecs.describe_task_definition(name)
        except (ECSException, ValueError) as error:
            raise AwsError("ClientException", "TaskDefinition not found.") from error
        if definition.status != "ACTIVE":
            raise AwsError("ClientException", "TaskDefinition is inactive")
        return definition

    def _check(self, params: dict[str, Any], definition: TaskDefinition) -> None:
        _check_numbers(params)
        containers: list[Any] = definition.container_definitions
        names = {container["name"]: container for container in containers}
        for balancer in params.get("loadBalancers") or []:
            arn, name, port = (balancer.get(key) for key in ("targetGroupArn", "containerName", "containerPort"))
            container = names.get(name)
            if container is None:
                raise AwsError(
                    "InvalidParameterException",
                    f"The container {name} does not exist in the task definition.",
                )
            if port not in [mapping.get("containerPort") for mapping in container.get("portMappings") or []]:
                raise AwsError(
                    "InvalidParameterException",
                    f"The container {name} did not have a container port {port} defined.",
                )
            self._check_target_group(arn)

    def _check_target_group(self, arn: str | None) -> None:
        group = self._account.elbv2.target_groups.get(arn or "")
        if group is None:
            raise AwsError(
                "InvalidParameterException",
                f"Unable to assume role or the target group {arn} does not exist.",
            )
        if arn not in groups_in_use(self._account) and not group.load_balancer_arns:
            raise AwsError(
                "InvalidParameterException",
                f"The target group with targetGroupArn {arn} does not have an associated load balancer.",
            )

    def _new_service(self, params: dict[str, Any], cluster: str, definition: str) -> Service:
        desired = int(params.get("desiredCount", 0))
        settings = {
            **_DEFAULTS,
            "launchType": params.get("launchType", "EC2"),
            "schedulingStrategy": params.get("schedulingStrategy", "REPLICA"),
            "deploymentController": params.get("deploymentController", {"type": "ECS"}),
            "deploymentConfiguration": dict(_DEPLOYMENT_DEFAULTS),
        }
        _settle(settings, params)
        service = Service(
            arn=self._arn_of(cluster, params["serviceName"]),
            name=params["serviceName"],
            cluster_arn=self._account.ecs.clusters[cluster].arn,
            settings=settings,
            token=params.get("clientToken"),
            deployments=[],
            desired_count=desired,
            task_definition=definition,
        )
        service.begin(Deployment(new_deployment_id(), definition, desired))
        return service

    def _scale(self, service: Service, desired: int | None) -> None:
        if desired is None or desired == service.desired_count:
            return
        service.desired_count = service.primary.desired_count = int(desired)
        service.primary.updated_at = now()
        service.steady = False

    def _tags(self, service: Service) -> list[dict[str, str]]:
        cluster = service.cluster_arn.rsplit("/", 1)[-1]
        known = self._account.ecs.services.get(f"{cluster}:{service.name}")
        return list(known.tags) if known else []

    def _arn_of(self, cluster: str, name: str) -> str:
        if name.startswith("arn:"):
            return name
        return f"arn:aws:ecs:{self._account.region}:{self._account.id}:service/{cluster}/{name}"


def _check_numbers(params: dict[str, Any]) -> None:
    if int(params.get("desiredCount") or 0) < 0:
        raise AwsError("InvalidParameterException", "Desired count must be greater than or equal to 0.")
    if len(params.get("clientToken") or "") > _LONGEST_TOKEN:
        raise AwsError("InvalidParameterException", f"clientToken longer than {_LONGEST_TOKEN}.")
    configuration = {**_DEPLOYMENT_DEFAULTS, **(params.get("deploymentConfiguration") or {})}
    least, most = configuration["minimumHealthyPercent"], configuration["maximumPercent"]
    if int(least) >= int(most):
        raise AwsError("InvalidParameterException", "maximumPercent must be greater than minimumHealthyPercent.")


def _settle(settings: dict[str, Any], params: dict[str, Any]) -> None:
    for name in _KEPT_SETTINGS:
        value = params.get(name)
        if name == "deploymentConfiguration":
            settings[name] = {**settings[name], **(value or {})}
        elif value is not None:
            settings[name] = value


def _family(task: Task) -> str:
    return task.task_definition.rsplit("/", 1)[-1].split(":")[0]


def _refuse(call: Call) -> object:
    raise AwsError("UnsupportedFeatureException", f"The twin runs the tasks of services only, not {call.operation}.")
