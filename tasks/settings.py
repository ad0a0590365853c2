"""Type the environment files: one TOML an environment, ``GREENFLOW_SECTION__KEY`` overrides, secrets by reference.

Nothing here holds a secret: fields that need one hold a reference (``secretsmanager:name``, ``env:NAME`` or
``file:/path``) which ``tasks.secrets`` reads at the moment of use.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from tasks.aftercare_settings import AftercareSettings
from tasks.approval_policy import ApprovalSettings, Percent, Seconds
from tasks.checklist_settings import ChecklistSettings
from tasks.data_settings import ElastiCacheSettings, RdsSettings
from tasks.delivery_settings import BackupSettings, BuildSettings, ImageSettings, ServiceSettings
from tasks.errors import SettingsError
from tasks.guard_settings import GuardSettings
from tasks.judge_policy import JudgePolicy
from tasks.models import Side
from tasks.monitoring_settings import AnalyticsSettings, MonitoringSettings, SentrySettings
from tasks.schedule_settings import ScheduleSettings
from tasks.section import Command, SecretReference, Section
from tasks.sentences import Language
from tasks.verification_settings import PerformanceSettings, SecuritySettings

PREFIX = "GREENFLOW_"
FOLDER_VARIABLE = "GREENFLOW_ENVIRONMENT_FOLDER"


class AwsSettings(Section):
    """Say which account and region are meant; ``endpoint_url`` is empty except on the twin.

    ``rollback_role_arn`` is a role that may bring traffic home and little else. A release takes it up before any
    traffic leaves: its own credentials may expire meanwhile.
    """

    account_id: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    region: str
    rollback_role_arn: Annotated[str, StringConstraints(pattern=r"^(arn:aws[\w-]*:iam::\d{12}:role/.+)?$")] = ""
    endpoint_url: str = ""
    request_timeout_s: Seconds = 10


class LedgerSettings(Section):
    """Say where the ledger lives and how long a silent owner keeps the environment (safety I4, I7)."""

    bucket: str
    lease_s: Seconds = 60
    heartbeat_s: Seconds = 15
    read_back_s: Seconds = 30
    poll_s: Seconds = 1


class SourceSettings(Section):
    """Say which git repository is released; ``v<version>`` is the tag that is built."""

    repository: str
    website_directory: str = "."
    backend_directory: str = "projects/glec-api-backend"
    push_restore_tag: bool = True


class SiteSettings(Section):
    """Say where the site is hosted (guide 2.1 to 2.3); ``deployment_scheme`` is https except on the twin.

    With ``rolling`` the site's new version gets the share of visitors that the API's has, by Vercel's rolling release.
    ``bypass`` is Vercel's "protection bypass for automation", needed where deployments ask visitors to sign in.
    """

    api_url: str = "https://api.vercel.com"
    token: SecretReference
    bypass: SecretReference | None = None
    project_id: str
    team_id: str = ""
    url: str
    deployment_scheme: str = "https"
    ready_timeout_s: Seconds = 600
    poll_s: Seconds = 3
    certificate_days: int = 21
    rolling: bool = False


class DatabaseSettings(Section):
    """Say how to reach PostgreSQL; ``tools`` is the folder of pg_dump and pg_restore, empty for PATH.

    A dump is tried in a scratch database on the server of ``scratch_url``, or on the live server without one.
    """

    url: SecretReference
    scratch_url: SecretReference | None = None
    tools: str = ""
    scratch_prefix: str = "greenflow_restore_"


class CacheSettings(Section):
    """Say how to reach Redis."""

    url: SecretReference


class SideSettings(Section):
    """Name the ECS service and the target group of one side."""

    service: str
    target_group_arn: str


class LoadBalancerSettings(Section):
    """Name the one weighted rule, and the header that reaches one side whatever the weights."""

    listener_rule_arn: str
    load_balancer_arn: str
    url: str
    test_header: str = "x-greenflow-side"
    probe_header: str = "x-greenflow-probe"
    read_back_s: Seconds = 30
    poll_s: Seconds = 1


class RolloutSettings(Section):
    """Say the weights in their order and how the bake is watched; ``poll_s`` between two looks at the metrics."""

    phases: Annotated[tuple[Percent, ...], Field(min_length=1)] = (10, 50, 100)
    poll_s: Seconds = 15
    period_s: Seconds = 60
    final_after_s: Seconds = 120
    reread_periods: int = 5
    share_tolerance_sigma: float = 5


class MigrationSettings(Section):
    """Say how the schema moves (guide 4.3); commands and ``folder`` are of the backend's directory of the source.

    ``status`` prints JSON with the lists ``applied`` and ``pending``; ``table`` is where the tool keeps them. ``lint``
    is squawk, empty for none; rules that ``lint_tolerated`` names are named and refuse nothing.

    ``lock_timeout_s`` is how long one of the ``attempts`` waits for a lock: as long as it waits, whoever comes to that
    table waits behind it, so it stays below what the API waits for its database before it answers an error (2 s).
    ``longest_lock_s`` is how long a migration may keep writers from a table, measured on the restored backup.
    """

    install: Command = ("npm", "ci")
    migrate: Command = ("npm", "run", "--silent", "db:migrate")
    status: Command = ("npm", "run", "--silent", "db:status")
    lock_timeout_s: Annotated[float, Field(ge=0.01, le=60)] = 1  # 0 would be PostgreSQL's "for ever"
    attempts: Annotated[int, Field(ge=1, le=50)] = 10
    retry_s: Seconds = 5
    longest_lock_s: Seconds = 3
    timeout_s: Seconds = 1800
    lint: tuple[str, ...] = ("squawk", "--assume-in-transaction")
    # Matters of taste; and both limits are set around the tool.
    lint_tolerated: tuple[str, ...] = ("prefer-*", "require-lock-timeout", "require-statement-timeout")
    folder: str = "migrations"
    table: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")] = "pgmigrations"


class HealthSettings(Section):
    """Say what healthy means (guide 5.1)."""

    path: str = "/api/v2/health"
    attempts: Annotated[int, Field(ge=1)] = 5
    poll_s: Seconds = 2
    timeout_s: Seconds = 5


class JourneySettings(Section):
    """Say how the user's journey is tried (guide 5.4); everything it makes belongs to ``tenant`` and is removed."""

    api_prefix: str = "/api/v2"
    email_domain: str = "test.greenflow.dev"
    timeout_s: Seconds = 10
    slow_ms: float = 2000


class ProbeSettings(Section):
    """Say what both sides are asked all through a canary; ``every_s`` 0 asks nothing.

    Below 500 is good: an honest 401 of a path that wants a token shows that the side answers.
    """

    path: str = "/api/v2/order/bids"
    every_s: Seconds = 1
    period_s: Annotated[float, Field(ge=1, le=60)] = 10
    timeout_s: Seconds = 6


class SlackSettings(Section):
    """Say where people are told and asked.

    With an ``app_token`` clicks come by Socket Mode and need no address of ours; without one Slack posts them, signed,
    to the approvals service. ``team_id`` and ``app_id`` pin what Slack tells about the bot's token; empty believes it.
    """

    api_url: str = "https://slack.com/api/"
    token: SecretReference
    signing_secret: SecretReference
    app_token: SecretReference | None = None
    team_id: str = ""
    app_id: str = ""
    channel: str
    timeout_s: Seconds = 5


class Settings(BaseSettings):
    """Hold everything one environment says; ``language`` is what people read in Slack and in reports."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    name: str
    language: Language = "en"
    aws: AwsSettings
    ledger: LedgerSettings
    source: SourceSettings
    build: BuildSettings = BuildSettings()
    site: SiteSettings
    database: DatabaseSettings
    cache: CacheSettings
    rds: RdsSettings = RdsSettings()
    elasticache: ElastiCacheSettings = ElastiCacheSettings()
    backup: BackupSettings
    service: ServiceSettings
    image: ImageSettings = ImageSettings()
    sides: dict[Side, SideSettings]
    load_balancer: LoadBalancerSettings
    rollout: RolloutSettings = RolloutSettings()
    judge: JudgePolicy = JudgePolicy()
    migration: MigrationSettings = MigrationSettings()
    health: HealthSettings = HealthSettings()
    probe: ProbeSettings = ProbeSettings()
    journey: JourneySettings = JourneySettings()
    approval: ApprovalSettings = ApprovalSettings()
    aftercare: AftercareSettings = AftercareSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    checklist: ChecklistSettings = ChecklistSettings()
    guard: GuardSettings = GuardSettings()
    slack: SlackSettings
    performance: PerformanceSettings = PerformanceSettings()
    security: SecuritySettings = SecuritySettings()
    monitoring: MonitoringSettings
    sentry: SentrySettings | None = None
    analytics: AnalyticsSettings | None = None

    @property
    def judge_policy(self) -> JudgePolicy:
        """Return the judge's policy with this environment's weights and period."""
        return self.judge.model_copy(update={"weights": self.rollout.phases, "period_s": self.rollout.period_s})

    @model_validator(mode="after")
    def _refuse_to_load_production_for_a_checklist(self) -> Self:
        asked = self.checklist.performance
        if asked and asked.staging_url and asked.staging_url.rstrip("/") == self.load_balancer.url.rstrip("/"):
            msg = f"checklist.performance.staging_url: found production's own {asked.staging_url}, expected staging's"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _refuse_what_the_judge_cannot_work_with(self) -> Self:
        rollout = self.rollout
        try:
            JudgePolicy.model_validate(self.judge_policy.model_dump())
        except ValidationError as error:
            why = error.errors()[0]
            raise ValueError(f"judge, with rollout.phases and rollout.period_s: {why['msg']}") from None
        patience_s = self.judge.silent_periods * rollout.period_s
        if rollout.final_after_s >= patience_s:
            found = f"rollout.final_after_s: found {rollout.final_after_s:g} s, expected < {patience_s:g} s"
            raise ValueError(
                f"{found} ({self.judge.silent_periods} periods): young metrics would be taken for silent ones"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let overrides from the process environment win over the file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(environment: str, **given: Any) -> Settings:
    """Load the settings of one environment; raises SettingsError with one line a wrong key.

    ``given`` holds sections, or parts of them, that win over the file and the process environment.
    """
    return load_file(environment_file(environment), **given)


def load_file(path: Path, **given: Any) -> Settings:
    """Load the settings of one file, wherever it lies, as ``load_settings`` does."""
    _refuse_unknown_overrides(os.environ)

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        return Located(**given)
    except ValidationError as error:
        raise SettingsError(_lines(error, path.name)) from None
    except ValueError as error:
        msg = f"could not read {path.name}: {error}"
        raise SettingsError(msg) from None


def environment_file(environment: str) -> Path:
    """Find the file of an environment; raises SettingsError naming the ones there are."""
    folder = environment_folder()
    known = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    if environment not in known:
        names = ", ".join(known) or f"none, since {folder} holds no file"
        msg = f"environment: found {environment!r}, expected one of {names}"
        raise SettingsError(msg)
    return known[environment]


def environment_names() -> tuple[str, ...]:
    """Name the environments there are."""
    return tuple(sorted(path.stem for path in environment_folder().glob("*.toml")))


def environment_folder() -> Path:
    """Return where the environments' files lie."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path(__file__).parents[1] / "deployments" / "environments")


def _refuse_unknown_overrides(variables: Mapping[str, str]) -> None:
    """Refuse a misspelt override: pydantic-settings would ignore it in silence."""
    for name in sorted(variables):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        section = name.removeprefix(PREFIX).split("__")[0].lower()
        if section not in Settings.model_fields:
            known = ", ".join(sorted(Settings.model_fields))
            msg = f"{name}: found section {section!r}, expected one of {known}"
            raise SettingsError(msg)


def _lines(error: ValidationError, file: str) -> str:
    return "\n".join(_line(dict(detail), file) for detail in error.errors())


def _line(detail: dict[str, Any], file: str) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return (
            f"{key}: found nothing, expected a value; set it in {file} or as {PREFIX}{key.upper().replace('.', '__')}"
        )
    if detail["type"] == "extra_forbidden":
        return f"{key}: found in {file}, expected no such key; remove it or correct its name"
    if detail["type"] == "value_error":
        return ": ".join(part for part in (key, _expected(detail)) if part)
    pattern = detail.get("ctx", {}).get("pattern", "")
    if "secretsmanager" in str(pattern):
        return f"{key}: found a plain value, expected a reference: secretsmanager:NAME, env:NAME or file:/PATH"
    return f"{key}: found {detail['input']!r}, expected {_expected(detail)}"


def _expected(detail: dict[str, Any]) -> str:
    message = str(detail["msg"])
    for prefix in ("Input should be ", "Value error, ", "String should "):
        message = message.removeprefix(prefix)
    return message
