"""Fill an environment's names into the IAM policies that are shipped: what each process may do, and nothing else.

A file of ``deployments/iam`` is a policy as AWS reads it, with ``${names}`` for what the environment's settings know.
A name that stands alone may mean several resources, or none: then its statement has nothing to allow and goes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from tasks.settings import Settings

FOLDER = Path(__file__).parent / "iam"
ALONE = re.compile(r"^\$\{(\w+)\}$")

Policy = dict[str, Any]
Names = Mapping[str, str | tuple[str, ...]]


def roles() -> tuple[str, ...]:
    """Name the policies there are."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def policies_of(settings: Settings) -> dict[str, Policy]:
    """Return the policies of an environment by the role that each is for."""
    names = _names(settings)
    found = {role: _filled(json.loads((FOLDER / f"{role}.json").read_text("utf-8")), names) for role in roles()}
    if settings.image.source != "build":
        del found["build"]
    return found


def _filled(policy: Policy, names: Names) -> Policy:
    filled = [_put_in(statement, names) for statement in policy["Statement"]]
    return {**policy, "Statement": [statement for statement in filled if _allows_anything(statement)]}


def _put_in(part: Any, names: Names) -> Any:
    if isinstance(part, dict):
        return {key: _put_in(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [filled for item in part for filled in _several(item, names)]
    return Template(part).substitute(names)


def _several(item: str, names: Names) -> tuple[str, ...]:
    alone = ALONE.match(item)
    found = names[alone[1]] if alone else ()
    return found if isinstance(found, tuple) and alone else (_put_in(item, names),)


def _allows_anything(statement: Mapping[str, Any]) -> bool:
    conditions = (value for test in statement.get("Condition", {}).values() for value in test.values())
    return all(part != [] for part in (statement["Resource"], *conditions))


def _names(settings: Settings) -> Names:
    aws, staging = settings.aws, settings.checklist.staging
    where = f"{aws.region}:{aws.account_id}"
    return {
        "region": aws.region,
        "account_id": aws.account_id,
        "rollback_role_arns": _named("", aws.rollback_role_arn),
        "ledger_bucket": settings.ledger.bucket,
        "backup_bucket": settings.backup.bucket,
        "backup_prefix": settings.backup.prefix,
        "backup_keys": _keys(settings, where),
        "results": tuple(sorted(_results(settings))),
        "listener_rule_arn": settings.load_balancer.listener_rule_arn,
        "service_arns": _services(where, settings.service.cluster, *(side.service for side in settings.sides.values())),
        "staging_service_arns": _services(where, staging.cluster, *staging.services) if staging else (),
        "staging_cluster_arns": (f"arn:aws:ecs:{where}:cluster/{_last(staging.cluster)}",) if staging else (),
        "task_roles": settings.service.roles or (f"arn:aws:iam::{aws.account_id}:role/*",),
        "repository_arn": f"arn:aws:ecr:{where}:repository/{settings.service.repository}",
        "alarm_prefix": settings.monitoring.name_prefix,
        "topic_arn": settings.monitoring.topic_arn,
        "database_arns": _named(f"arn:aws:rds:{where}:db:", settings.rds.instance),
        "cache_arns": _named(f"arn:aws:elasticache:{where}:replicationgroup:", settings.elasticache.replication_group),
        **_secrets(settings, where),
    }


def _secrets(settings: Settings, where: str) -> dict[str, tuple[str, ...]]:
    """Return which secrets are read by all, on the way home, and by who talks with Slack alone."""
    slack = _references(settings.slack.model_dump())
    site, database = _references(settings.site.model_dump()), _references(settings.database.model_dump())
    told = {
        "secret_arns": _references(settings.model_dump(mode="json")),
        "home_secret_arns": {settings.slack.token, *site, *database},
        "slack_secret_arns": slack,
    }
    return {name: tuple(sorted(filter(None, (_secret(each, where) for each in found)))) for name, found in told.items()}


def _references(part: Any) -> set[str]:
    """Find every reference to Secrets Manager in a part of the settings."""
    if isinstance(part, dict):
        return {found for value in part.values() for found in _references(value)}
    if isinstance(part, list | tuple):
        return {found for value in part for found in _references(value)}
    return {part} if isinstance(part, str) and part.startswith("secretsmanager:") else set()


def _secret(reference: str, where: str) -> str:
    """Return the ARN of a secret; AWS adds a dash and six letters to its name."""
    scheme, _, name = reference.partition(":")
    if scheme != "secretsmanager" or name.startswith("arn:"):
        return name if name.startswith("arn:") else ""
    return f"arn:aws:secretsmanager:{where}:secret:{name}-??????"


def _results(settings: Settings) -> Iterator[str]:
    """Give where the pipeline leaves results in S3, up to the first place that a release fills in."""
    for results in (settings.checklist.e2e, settings.checklist.performance):
        place = urlsplit(results.file if results else "")
        if place.scheme == "s3":
            yield f"arn:aws:s3:::{place.netloc}{place.path.partition('{')[0]}*"


def _services(where: str, cluster: str, *services: str) -> tuple[str, ...]:
    return tuple(f"arn:aws:ecs:{where}:service/{_last(cluster)}/{service}" for service in services)


def _keys(settings: Settings, where: str) -> tuple[str, ...]:
    """Return the key of the dumps; behind an alias any of the account may be, and only S3 may use it."""
    key = settings.backup.kms_key
    if not key or (key.startswith("arn:aws:kms") and ":key/" in key):
        return (key,) if key else ()
    return (f"arn:aws:kms:{where}:key/{'*' if 'alias/' in key else key}",)


def _named(prefix: str, name: str) -> tuple[str, ...]:
    return (f"{prefix}{name}",) if name else ()


def _last(cluster: str) -> str:
    return cluster.rpartition("/")[2]
