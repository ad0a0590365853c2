"""Hold the records that pass between stages, flows, the ledger and the report.

Everything here is frozen, forbids unknown fields and turns into JSON and back without loss. Nothing here looks at a
clock or another system, so the core may import it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tasks.sentences import Said, named, sentence

VERSION_PATTERN = r"^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*)?$"
FULL_WEIGHT = 100

Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN, max_length=40)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Record(BaseModel):
    """Be frozen and strict about fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Side(StrEnum):
    """Name one of the two long-lived services behind the load balancer."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Side":
        """Give the opposite side."""
        return Side.B if self is Side.A else Side.A


class Weights(Record):
    """Hold the percent of traffic each side gets; both sum to 100."""

    a: Annotated[int, Field(ge=0, le=FULL_WEIGHT)]
    b: Annotated[int, Field(ge=0, le=FULL_WEIGHT)]

    @model_validator(mode="after")
    def _sum_is_hundred(self) -> Self:
        if self.a + self.b != FULL_WEIGHT:
            msg = f"weights sum to {self.a + self.b}, expected {FULL_WEIGHT}"
            raise ValueError(msg)
        return self

    @classmethod
    def giving(cls, side: Side, weight: int) -> "Weights":
        """Give ``weight`` percent to ``side`` and the rest to the other."""
        rest = FULL_WEIGHT - weight
        return cls(a=weight, b=rest) if side is Side.A else cls(a=rest, b=weight)

    def of(self, side: Side) -> int:
        """Return the percent one side gets."""
        return self.a if side is Side.A else self.b

    def __str__(self) -> str:
        return f"a {self.a} % / b {self.b} %"


class Outcome(StrEnum):
    """Say how a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(Record):
    """Answer one question with its evidence: what was found, what was expected, and why it was skipped."""

    name: Said
    outcome: Outcome
    found: Said = ""
    expected: Said = ""
    note: Said = ""

    @classmethod
    def of(cls, name: str, *, ok: bool, found: object, expected: object, note: str = "") -> "Check":
        """Make a passed or failed check from an answer."""
        outcome = Outcome.PASSED if ok else Outcome.FAILED
        return cls(name=name, outcome=outcome, found=str(found), expected=str(expected), note=note)

    @classmethod
    def skipped(cls, name: str, why: str) -> "Check":
        """Make a check that was not asked, with the reason."""
        return cls(name=name, outcome=Outcome.SKIPPED, note=why)

    @property
    def line(self) -> str:
        """Write the check as one sentence for logs, Slack and the report."""
        told = {"name": named(self.name), "found": named(self.found), "expected": named(self.expected)}
        if self.outcome is Outcome.SKIPPED:
            return sentence("{name}: skipped ({note})", name=named(self.name), note=named(self.note))
        if self.note:
            return sentence("{name}: found {found}, expected {expected} ({note})", **told, note=named(self.note))
        return sentence("{name}: found {found}, expected {expected}", **told)


class Evidence(Record):
    """Be what a stage returns: at least its checks; subclasses add what later stages need."""

    checks: tuple[Check, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """List the checks that failed."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAILED)


class SideState(Record):
    """Hold what one side runs right now, as observed."""

    side: Side
    service: str
    target_group_arn: str
    task_definition_arn: str
    image: str
    digest: str
    desired_count: int
    running_count: int
    healthy_targets: int
    weight: int


class Live(Record):
    """Hold what production runs right now: both sides, as observed."""

    weights: Weights
    a: SideState
    b: SideState

    def of(self, side: Side) -> SideState:
        """Return the state of one side."""
        return self.a if side is Side.A else self.b


class RestorePoint(Evidence):
    """Hold what ran before the first effect; the way back uses nothing else (safety I13)."""

    stable: Side
    live: Live
    vercel_deployment_id: str | None
    vercel_last_change: str = ""
    schema_version: str
    stable_version: str
    commit: str
    autoscaling: dict[str, tuple[int, int]] = {}
    scale_in_suspended: tuple[str, ...] = ()
    rule_actions: tuple[dict[str, Any], ...] = ()
    git_tag: str = ""
    image_tag: str = ""
    recorded_at: datetime


class Load(Record):
    """Hold what production carries: tasks that serve, and requests a second where they are measured."""

    tasks: int
    requests_s: float | None = None


class PhaseNeed(Record):
    """Hold how many tasks a side needs to carry one weight, and what that number comes from."""

    weight: int
    tasks: int
    why: Said = ""


class ReleasePlan(Record):
    """Hold what one release is going to do; made once, by the core, before the first effect."""

    release_id: str
    version: Version
    environment: str
    requested_by: str
    commit: str
    stable: Side
    candidate: Side
    phases: tuple[int, ...]
    stable_version: str = ""
    needs: tuple[PhaseNeed, ...] = ()


class Checkout(Evidence):
    """Hold where the released tag's source lies, the commit it was found to be, and when that was made."""

    tag: str
    commit: str
    folder: str
    committed_at: datetime | None = None


class BuildProof(Evidence):
    """Hold what 1.1 and 1.2 built: the folder to upload, what browsers will load, the source maps they will not."""

    commit: str
    folder: str
    raw_bytes: int
    gzip_bytes: int
    files: int
    took_s: float
    maps_folder: str = ""


class TableProof(Record):
    """Hold the row count and content hash of one table, taken in the dump's own snapshot."""

    rows: int
    sha256: str


class BackupProof(Evidence):
    """Hold the proof that this dump was stored and restored and matched (safety I16)."""

    bucket: str
    key: str
    size_bytes: int
    sha256: str
    tables: dict[str, TableProof]
    server_version: str
    client_version: str
    dump_s: float
    restore_s: float


class SiteProof(Evidence):
    """Hold a Vercel deployment and its immutable address."""

    deployment_id: str
    url: str


class ImageProof(Evidence):
    """Hold the image that will run: one digest from staging to production (safety I24)."""

    digest: Digest
    uri: str
    revision: str
    version: str


class ServiceProof(Evidence):
    """Hold the candidate as it was observed to run at weight 0."""

    side: Side
    service: str
    task_definition_arn: str
    digest: str
    deployment_id: str
    running_count: int
    healthy_targets: int
    took_s: float


class MigrationProof(Evidence):
    """Hold what 4.3 applied."""

    applied: tuple[str, ...]
    schema_version: str
    took_s: float


class MigrationStep(Record):
    """Hold what one migration took on the restored backup: its seconds, and its locks on tables that were there."""

    name: str
    took_s: float
    locks: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Write the step for people."""
        locks = ", ".join(self.locks) or named("no lock on what was there")
        return sentence("{name} {took_s:g} s with {locks}", name=self.name, took_s=self.took_s, locks=locks)


class MigrationTrial(Evidence):
    """Hold what the pending migrations did to the restored backup, before the live database sees them."""

    steps: tuple[MigrationStep, ...] = ()
    took_s: float = 0


class TrafficProof(Evidence):
    """Hold the weights as read back after a shift."""

    weights: Weights
    took_s: float


Decision = Literal["approve", "reject", "roll_back", "expired", "interrupted", "unverified"]


class Ask(Record):
    """Hold one question to people; written to the ledger before it is posted (safety I19).

    Of a restore, ``version`` is the name of what is to be made.
    """

    nonce: str
    release_id: str
    environment: str
    version: str
    phase: int
    number: int
    from_weight: int
    to_weight: int
    digest: str
    requested_by: str
    allowed: tuple[str, ...]
    asked_at: datetime
    expires_at: datetime
    summary: tuple[Said, ...] = ()
    flow_run_id: str = ""
    quorum: int = 1
    commit: str = ""
    run_url: str = ""
    shown_sha256: str = ""
    subject: Literal["traffic", "restore"] = "traffic"


class RollCall(Record):
    """Hold one call for the people on duty; written to the ledger before it is posted."""

    nonce: str
    release_id: str
    environment: str
    version: str
    requested_by: str
    allowed: tuple[str, ...]
    needed: int
    asked_at: datetime
    expires_at: datetime


class Answer(Record):
    """Hold the one recorded answer to an ask; ``voters`` are all whose yes it took, where it took several."""

    nonce: str
    decision: Decision
    by: str
    door: Literal["slack", "cli", "ui", "judge", "clock", "signal"]
    at: datetime
    reason: Said = ""
    voters: tuple[str, ...] = ()


class Event(Record):
    """Hold one link of a release's chain in the ledger."""

    seq: int
    release_id: str
    kind: str
    at: datetime
    epoch: int
    writer: str
    data: dict[str, Any]
    previous: str
    sha256: str = ""
