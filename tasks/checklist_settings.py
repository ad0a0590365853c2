"""Hold what an environment asks of its checklist before a release may touch anything (guide, the checklist)."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import Field, StringConstraints, field_validator, model_validator

from tasks.approval_policy import Seconds
from tasks.checklist.rows import Row
from tasks.data_settings import TimeZone
from tasks.section import SecretReference, Section

Hours = Annotated[float, Field(ge=0, le=8760)]
Location = Annotated[str, StringConstraints(pattern=r"^(s3://[a-z0-9.-]+/\S+|https?://\S+|[^\s:]+)$")]
ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class StagingSettings(Section):
    """Say where a version proves itself first; ``alarm_prefix`` is how its alarms' names begin.

    It lies in the account and region of the environment, its container carries the same name. Of several ``services``,
    such as two sides, those that have tasks are meant.
    """

    cluster: str
    services: Annotated[tuple[str, ...], Field(min_length=1)]
    alarm_prefix: str
    stable_h: Hours = 24


class ResultsSettings(Section):
    """Say where a version's results lie; ``{version}`` and ``{commit}`` in ``file`` are filled in.

    A ``command`` is run first, in the released source, by verifying, too: it may touch staging alone. ``file`` is then
    a path in that source. Results tell their commit themselves, or a file beside them with ``.commit`` added to its
    name does.
    """

    file: Location
    max_age_h: Hours = 24
    command: tuple[str, ...] = ()
    timeout_s: Seconds = 3600


class PerformanceResultsSettings(ResultsSettings):
    """Say what autocannon must have found on staging, or finds there now; P97.5 is gated as an upper bound of P95.

    A young file of the very commit counts, good or bad. Without one staging's own API at ``staging_url`` is measured,
    under the load of ``performance``; never production. ``token`` is staging's.
    """

    file: Location = ""
    staging_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^/\s]+)?$")] = ""
    token: SecretReference | None = None
    p95_ms: float = 300
    p99_ms: float = 1000
    error_rate: Annotated[float, Field(ge=0, le=1)] = 0.01
    least_requests: Annotated[int, Field(ge=1)] = 1000

    @model_validator(mode="after")
    def _knows_where_to_look(self) -> Self:
        if not self.file and not self.staging_url:
            msg = "a file of results or a staging_url to measure at, found neither"
            raise ValueError(msg)
        return self


class ToleratedAdvisory(Section):
    """Tolerate one advisory, such as GHSA-xxxx-xxxx-xxxx, up to and including a day."""

    advisory: Sentence
    until: date
    why: Sentence


class AuditSettings(Section):
    """Say which projects of the source are audited and from which severity on a finding counts.

    An empty ``projects`` audits none; ``registry`` is empty for npm's own choice.
    """

    projects: tuple[str, ...] | None = None
    level: Literal["low", "moderate", "high", "critical"] = "high"
    registry: str = ""
    timeout_s: Seconds = 120
    tolerated: tuple[ToleratedAdvisory, ...] = ()


class Statement(Section):
    """Hold what a person has signed: on which day, and through which day it holds."""

    by: Sentence
    on: date
    until: date
    document: str = ""

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.until <= self.on:
            msg = f"a statement that holds after it was signed, found until {self.until}, signed on {self.on}"
            raise ValueError(msg)
        return self


class DrillSettings(Section):
    """Say how many drills of this very product must be on record, and how old they may be; 0 asks for none."""

    needed: Annotated[int, Field(ge=0, le=20)] = 3
    within_days: Annotated[int, Field(ge=1, le=365)] = 30


class Freeze(Section):
    """Hold days, in the window's time zone, on which nothing is released; both are included."""

    why: Sentence
    first: date
    last: date


class WindowSettings(Section):
    """Say when a release may begin: ``cron`` opens the window for ``duration_h`` in ``time_zone``.

    ``holidays`` is a country of the ``holidays`` library, empty for none. ``override`` says what it takes to start all
    the same. What a schedule starts late is refused before anything is asked (``schedule.late_s``).
    """

    cron: str
    duration_h: Annotated[float, Field(gt=0, le=168)]
    time_zone: TimeZone = "Asia/Seoul"
    holidays: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2,3})?$")] = "KR"
    freezes: tuple[Freeze, ...] = ()
    override: Literal["never", "reason", "approval"] = "approval"

    @field_validator("cron")
    @classmethod
    def _can_be_read(cls, cron: str) -> str:
        try:
            CronSim(cron, ANY_DAY)
        except CronSimError as error:
            msg = f"five cron fields such as '0 3 * * 6' ({error})"
            raise ValueError(msg) from None
        return cron


class ChecklistSettings(Section):
    """Say what must hold before a release; a row that is not set is skipped, and ``tolerate`` says which may be."""

    tolerate: frozenset[Row] = frozenset()
    staging: StagingSettings | None = None
    e2e: ResultsSettings | None = None
    performance: PerformanceResultsSettings | None = None
    audit: AuditSettings = AuditSettings()
    drills: DrillSettings = DrillSettings()
    recovery: Statement | None = None
    training: Statement | None = None
    window: WindowSettings | None = None
