"""Hold the rules by which people decide: who, how many of them, and for how long an ask stands (safety I19 to I21)."""

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0, le=86_400)]
Percent = Annotated[int, Field(ge=1, le=100)]
Quorum = Annotated[int, Field(ge=1, le=10)]
GROUP = re.compile(r"S[A-Z0-9]{2,20}")
"""The id of a Slack user group; a person's begins with another letter."""


class PhaseApproval(BaseModel):
    """Say what one weight asks of people; what is left out is as the environment says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: tuple[str, ...] | None = None
    quorum: Quorum | None = None
    expires_s: Seconds | None = None
    allow_requester: bool | None = None


class RollCallSettings(BaseModel):
    """Say who has to be on duty before a release goes to users (guide, checklist); ``needed`` 0 asks nobody.

    Without ``people`` whoever may decide is asked. An answer stands for ``stands_s``, a shift: a release that goes on
    after a crash asks nobody twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needed: Annotated[int, Field(ge=0, le=20)] = 0
    people: tuple[str, ...] | None = None
    wait_s: Seconds = 900
    stands_s: Seconds = 28_800


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
    roll_call: RollCallSettings = RollCallSettings()

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        """Refuse a quorum that all who are named could not reach."""
        rules: list[ApprovalSettings] = [self, *(self.at(weight) for weight in self.phases)]
        for rule in rules:
            named = {self.person(name) for name in rule.approvers}
            has_group = any(GROUP.fullmatch(name) for name in rule.approvers)
            if named and not has_group and len(named) < rule.quorum:
                msg = f"a quorum of at most {len(named)}, which is how many different approvers are named"
                raise ValueError(msg)
        self._roll_call_can_be_answered()
        return self

    def _roll_call_can_be_answered(self) -> None:
        named = {self.person(name) for name in self.on_duty}
        if named and len(named) < self.roll_call.needed and not any(GROUP.fullmatch(name) for name in self.on_duty):
            msg = f"a roll call of at most {len(named)}, which is how many different people are named for it"
            raise ValueError(msg)

    @property
    def everybody(self) -> tuple[str, ...]:
        """Return the names of all who may bring a release home: whoever may decide about any weight."""
        named = [self.approvers, *(phase.approvers or () for phase in self.phases.values())]
        return tuple(dict.fromkeys(name for names in named for name in names))

    @property
    def on_duty(self) -> tuple[str, ...]:
        """Return the names of those whom a roll call asks."""
        return self.everybody if self.roll_call.people is None else self.roll_call.people

    def at(self, weight: int) -> "ApprovalSettings":
        """Return the rules for the way to one weight."""
        phase = self.phases.get(weight)
        return self.model_copy(update=phase.model_dump(exclude_none=True)) if phase else self

    def person(self, name: str) -> str:
        """Return who stands behind a name: their Slack user id where the settings know it, else the name itself."""
        return self.people.get(name, name)
