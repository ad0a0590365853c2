"""Write an environment's file: production.toml with its comments, and this account's values in it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import Container
from tomlkit.items import Table

from tasks.survey.finding import Finding, Value

TEMPLATE = Path(__file__).parent / "environments" / "production.toml"
QUESTIONS: Mapping[str, str] = {
    "ledger.bucket": "the bucket of the ledger",
    "backup.bucket": "the bucket of the dumps",
    "source.repository": "the git repository that is released",
    "site.token": "where Vercel's token is kept, such as secretsmanager:NAME",
    "site.project_id": "the id of the Vercel project",
    "site.url": "the address of the site",
    "database.url": "where the database's URL is kept, such as secretsmanager:NAME",
    "cache.url": "where the cache's URL is kept, such as secretsmanager:NAME",
    "rds.instance": "the RDS instance",
    "elasticache.replication_group": "the ElastiCache replication group",
    "service.cluster": "the ECS cluster",
    "service.container": "the container that serves",
    "service.repository": "the container registry's repository",
    "sides.a.service": "the service of side a",
    "sides.a.target_group_arn": "the target group of side a",
    "sides.b.service": "the service of side b",
    "sides.b.target_group_arn": "the target group of side b",
    "load_balancer.listener_rule_arn": "the listener rule that names both target groups",
    "load_balancer.load_balancer_arn": "the load balancer",
    "load_balancer.url": "the address of the API",
    "monitoring.topic_arn": "the SNS topic that people hear",
    "checklist.staging.cluster": "the ECS cluster of staging",
    "checklist.staging.services": "the services of staging, separated by commas",
    "checklist.staging.alarm_prefix": "what the names of staging's alarms begin with",
    "slack.token": "where Slack's bot token is kept, such as secretsmanager:NAME",
    "slack.signing_secret": "where Slack's signing secret is kept, such as secretsmanager:NAME",
    "slack.channel": "the id of the Slack channel",
    "approval.approvers": "who may decide, three or more: Slack user ids, separated by commas",
}
"""What the file needs of an account, in the order it is asked for; the rest of it are wishes, not facts."""
LISTS = frozenset({"approval.approvers", "checklist.staging.services"})


def missing(known: Iterable[Finding]) -> tuple[str, ...]:
    """Name the keys that nobody has found or said."""
    found = {each.key for each in known}
    return tuple(key for key in QUESTIONS if key not in found)


def answered(key: str, text: str) -> Finding:
    """Take what a person said for a value."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    value: Value = parts if key in LISTS else text.strip()
    return Finding(key=key, value=value, why="as you said")


def derived(name: str, known: Iterable[Finding]) -> tuple[Finding, ...]:
    """Say what follows from the environment's name and the API's address."""
    url = next((str(each.value) for each in known if each.key == "load_balancer.url"), "")
    base = f"{url.rstrip('/')}/api/v2"
    return (
        Finding(key="name", value=name, why="the environment"),
        Finding(key="build.variables.VITE_ENV", value=name, why="the environment"),
        Finding(key="build.variables.VITE_API_BASE_URL", value=base, why="load_balancer.url"),
    )


def environment_text(known: Iterable[Finding]) -> str:
    """Return the file: the template's order and comments, these values."""
    first, *rest = TEMPLATE.read_text(encoding="utf-8").splitlines(keepends=True)
    # The first line speaks of the template itself.
    document = tomlkit.parse("".join(rest if first.startswith("#") else (first, *rest)))
    for each in known:
        _set(document, each.key.split("."), each.value)
    told = "# Made by `greenflow init` from what the account showed; look at every value once.\n"
    return told + tomlkit.dumps(document)


def _set(document: TOMLDocument, path: list[str], value: Value) -> None:
    table: TOMLDocument | Container | Table = document
    for name in path[:-1]:
        if name not in table:
            table[name] = tomlkit.table()
        found = table[name]
        if not isinstance(found, Table | Container):
            msg = f"expected a table at {name} of {'.'.join(path)}"
            raise TypeError(msg)
        table = found
    table[path[-1]] = value
