"""Name what production is made of on the emulated AWS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageSpec:
    """Say what an image holds: its version, the commit it was built from, the fault it was given."""

    version: str
    revision: str
    fault: str = ""


@dataclass(frozen=True)
class Tokens:
    """The other systems' secrets, as their stand-ins know them; nobody prints them."""

    vercel: str = "twin-vercel-token"
    slack: str = "xoxb-twin"
    slack_signing_secret: str = "twin-signing-secret"  # noqa: S105 made up, for a stand-in
    sentry: str = "twin-sentry-token"
    analytics_secret: str = "twin-analytics-secret"  # noqa: S105 made up, for a stand-in


@dataclass(frozen=True)
class Seeded:
    """Name everything that was made.

    `target_group_arns` and `services` are by side, `digests` by version, `secret_arns` by name.
    """

    account_id: str
    region: str
    vpc_id: str
    subnet_ids: list[str]
    security_group_id: str
    load_balancer_arn: str
    load_balancer_dns: str
    listener_arn: str
    listener_rule_arn: str
    target_group_arns: dict[str, str]
    cluster: str
    services: dict[str, str]
    task_definition_arn: str
    repository: str
    repository_uri: str
    digests: dict[str, str]
    ledger_bucket: str
    backup_bucket: str
    secret_arns: dict[str, str]
    execution_role_arn: str
    task_role_arn: str
    release_role_arn: str
    topic_arn: str
    on_call_queue_url: str

    @property
    def secret_names(self) -> list[str]:
        return list(self.secret_arns)
