"""Hold the rules by which people decide: who, how many of them, and for how long an ask stands (safety I19 to I21)."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0, le=86_400)]
Percent = Annotated[int, Field(ge=1, le=100)]
Quorum = Annotated[int, Field(ge=1, le=10)]


class PhaseApproval(BaseModel):
    """Say what one weight asks of people; what is left out is as the environment says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: tuple[str, ...] | None = None
    quorum: Quorum | None = None
    expires_s: Seconds | None = None
    allow_requester: bool | None = None


class ApprovalSettings(BaseModel):
    """Say who may answer and for how long an ask stands (safety I19 to I21); an empty list means nobody.

    ``quorum`` is how many different people it takes to go on; one of them is enough to go back. ``phases`` holds what
    the way to one weight asks beyond that, ``people`` the Slack user id behind an ARN or another name: one person is
    one voice at every door. Silence is always a no.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: tuple[str, ...] = ()
    quorum: Quorum = 1
    expires_s: Seconds = 3600
    allow_unverified_resume: bool = False
    allow_requester: bool = False
    poll_s: Seconds = 1
    repost_s: Seconds = 30
    phases: dict[Percent, PhaseApproval] = {}
    people: dict[str, str] = {}

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        """Refuse a quorum that all who are named could not reach."""
        rules: list[ApprovalSettings] = [self, *(self.at(weight) for weight in self.phases)]
        for rule in rules:
            named = {self.person(name) for name in rule.approvers}
            if named and len(named) < rule.quorum:
                msg = f"a quorum of at most {len(named)}, which is how many different approvers are named"
                raise ValueError(msg)
        return self

    @property
    def everybody(self) -> frozenset[str]:
        """Return all who may bring a release home: whoever may decide about any weight."""
        named = [self.approvers, *(phase.approvers or () for phase in self.phases.values())]
        return frozenset(self.person(name) for names in named for name in names)

    def at(self, weight: int) -> "ApprovalSettings":
        """Return the rules for the way to one weight."""
        phase = self.phases.get(weight)
        return self.model_copy(update=phase.model_dump(exclude_none=True)) if phase else self

    def person(self, name: str) -> str:
        """Return who stands behind a name: their Slack user id where the settings know it, else the name itself."""
        return self.people.get(name, name)
