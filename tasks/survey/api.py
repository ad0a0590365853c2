"""Find the weighted pair: the listener rule that names two target groups, and the services behind them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from tasks.clients.aws import ecs, elbv2, translated
from tasks.sentences import named, sentence
from tasks.settings import AwsSettings
from tasks.survey.finding import Finding, best, only

PAIR = 2
AT_MOST = 10
"""How many services DescribeServices takes."""


class Pair(NamedTuple):
    """Hold a rule with its load balancer, and the two services it names, by their names."""

    balancer: Mapping[str, Any]
    listener: Mapping[str, Any]
    rule: Mapping[str, Any]
    services: Sequence[Mapping[str, Any]]

    @property
    def cluster(self) -> str:
        """Return the name of the services' cluster."""
        return str(self.services[0]["clusterArn"]).rpartition("/")[2]


def survey_api(aws: AwsSettings, hint: str) -> tuple[Finding, ...]:
    """Return what the load balancer and ECS tell; nothing where there is no weighted pair, or several."""
    pair = only(_pairs(aws), lambda found: found.cluster, hint)
    if pair is None:
        return ()
    return (*_of_rule(pair), *_of_services(aws, pair))


def survey_staging(aws: AwsSettings) -> tuple[Finding, ...]:
    """Return the cluster that is called staging, and its services."""
    services = _services(aws)
    cluster = best({_cluster(service) for service in services}, "staging")
    if not cluster:
        return ()
    names = sorted(service["serviceName"] for service in services if _cluster(service) == cluster)
    why = "the one cluster called staging"
    return (
        Finding(key="checklist.staging.cluster", value=cluster, why=why),
        Finding(key="checklist.staging.services", value=names, why=f"the services of {cluster}"),
        Finding(key="checklist.staging.alarm_prefix", value=f"{cluster}-", why=f"named after {cluster}"),
    )


def _of_rule(pair: Pair) -> Iterator[Finding]:
    name = pair.balancer["LoadBalancerName"]
    why = f"the rule of load balancer {name} that names two target groups"
    yield Finding(key="load_balancer.listener_rule_arn", value=pair.rule["RuleArn"], why=why)
    yield Finding(key="load_balancer.load_balancer_arn", value=pair.balancer["LoadBalancerArn"], why=f"{name} itself")
    hosts = [host for each in pair.rule.get("Conditions", []) for host in _hosts(each)]
    host = hosts[0] if hosts else pair.balancer["DNSName"]
    told = "the rule's host" if hosts else "the load balancer's own name, since the rule names no host"
    scheme = str(pair.listener.get("Protocol", "HTTPS")).lower()
    yield Finding(key="load_balancer.url", value=f"{scheme}://{host}", why=told)


def _of_services(aws: AwsSettings, pair: Pair) -> Iterator[Finding]:
    for side, service in zip("ab", pair.services, strict=True):
        name, group = service["serviceName"], service["loadBalancers"][0]
        yield Finding(key=f"sides.{side}.service", value=name, why=f"behind the rule, in cluster {pair.cluster}")
        yield Finding(key=f"sides.{side}.target_group_arn", value=group["targetGroupArn"], why=f"of {name}")
    container = pair.services[0]["loadBalancers"][0]["containerName"]
    yield Finding(key="service.cluster", value=pair.cluster, why="the cluster of both")
    yield Finding(key="service.container", value=container, why="the container that the target groups reach")
    desired = max(int(service.get("desiredCount", 0)) for service in pair.services)
    if desired:
        yield Finding(key="service.desired_count", value=desired, why="the tasks that serve now")
    yield from _of_definition(aws, pair, container)


def _of_definition(aws: AwsSettings, pair: Pair, name: str) -> Iterator[Finding]:
    arn = max(pair.services, key=lambda service: int(service.get("desiredCount", 0)))["taskDefinition"]
    with translated(sentence("read task definition {arn}", arn=arn)):
        found = ecs(aws).describe_task_definition(taskDefinition=arn)["taskDefinition"]
    family = arn.rpartition("/")[2]
    container = next(each for each in found.get("containerDefinitions", []) if each.get("name") == name)
    repository = container.get("image", "").partition("/")[2].partition("@")[0].partition(":")[0]
    if repository:
        yield Finding(key="service.repository", value=repository, why=f"the image of {family}")
    keys = {"DATABASE_URL": "database.url", "REDIS_URL": "cache.url"}
    for secret in container.get("secrets", []):
        key, held = keys.get(secret["name"]), secret_name(secret["valueFrom"])
        if key and held:
            yield Finding(key=key, value=f"secretsmanager:{held}", why=f"{secret['name']} of {family}")


def secret_name(held: str) -> str:
    """Return the name of the whole secret that a container is given; nothing for a part of one, or another store's.

    A secret's ARN ends with a hyphen and six characters of AWS's own; behind that stands what part of it is meant.
    """
    name, part, _ = held.partition(":secret:")[2].partition(":")
    return "" if part else name.rpartition("-")[0]


def _pairs(aws: AwsSettings) -> Iterator[Pair]:
    behind = {group["targetGroupArn"]: service for service in _services(aws) for group in _groups(service)}
    for balancer, listener, rule in _rules(aws):
        services = [behind[arn] for arn in _named(rule) if arn in behind]
        if len(_named(rule)) == PAIR and len(services) == PAIR and len({_cluster(each) for each in services}) == 1:
            yield Pair(balancer, listener, rule, sorted(services, key=lambda each: str(each["serviceName"])))


def _rules(aws: AwsSettings) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]:
    client = elbv2(aws)
    with translated(named("look at the load balancers")):
        for balancer in _paged(client, "describe_load_balancers", "LoadBalancers"):
            arn = balancer["LoadBalancerArn"]
            for listener in _paged(client, "describe_listeners", "Listeners", LoadBalancerArn=arn):
                for rule in _paged(client, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]):
                    yield balancer, listener, rule


def _services(aws: AwsSettings) -> list[Mapping[str, Any]]:
    client, found = ecs(aws), []
    with translated(named("look at the services")):
        for cluster in _paged(client, "list_clusters", "clusterArns"):
            arns = list(_paged(client, "list_services", "serviceArns", cluster=cluster))
            for start in range(0, len(arns), AT_MOST):
                some = client.describe_services(cluster=str(cluster), services=arns[start : start + AT_MOST])
                found += some["services"]
    return cast("list[Mapping[str, Any]]", found)


def _paged(client: Any, operation: str, key: str, **asked: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page.get(key, [])


def _named(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the target groups that a rule shares its traffic among."""
    forwards = [action.get("ForwardConfig", {}) for action in rule.get("Actions", []) if action["Type"] == "forward"]
    return tuple(group["TargetGroupArn"] for each in forwards for group in each.get("TargetGroups", []))


def _groups(service: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [each for each in service.get("loadBalancers", []) if each.get("targetGroupArn")]


def _cluster(service: Mapping[str, Any]) -> str:
    return str(service["clusterArn"]).rpartition("/")[2]


def _hosts(condition: Mapping[str, Any]) -> list[str]:
    values: list[str] = condition.get("HostHeaderConfig", {}).get("Values", [])
    return [host for host in values if "*" not in host]
