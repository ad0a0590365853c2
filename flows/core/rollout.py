r"""Move traffic by rule: every state and every transition of a rollout, and nothing else.

    READY --Start--> SHIFTING --Shifted--> BAKING --Judged promote or ask--> ASKING --Answered approve--> SHIFTING
                                              |                                 |                      (next weight)
                                              | Judged promote at 100 %         | Answered approve at 100 %
                                              v                                 v
                                           SHIPPED                           SHIPPED

    any of READY, SHIFTING, BAKING, ASKING  --Judged roll back / Answered no or silence / Failed-->  HOMING
    HOMING --CameHome--> HOME          HOMING --HomeBlocked--> STUCK

Rules: weights only rise by one phase at a time, and only past an approval; coming home needs nobody's yes; what ended
stays ended. Weights are percent given to the candidate.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from flows.core.judge import Judgement, Verdict
from tasks.models import Decision, Record
from tasks.sentences import Said, joined, named, sentence


class State(StrEnum):
    """Name where a rollout is."""

    READY = "ready"
    SHIFTING = "shifting"
    BAKING = "baking"
    ASKING = "asking"
    SHIPPED = "shipped"
    HOMING = "homing"
    HOME = "home"
    STUCK = "stuck"


class Start(Record):
    """Begin the rollout."""


class Shifted(Record):
    """Report that the balancer was read back to give the candidate ``weight`` percent."""

    weight: int


class Judged(Record):
    """Report what the judge says of the running phase."""

    judgement: Judgement


class Answered(Record):
    """Report what people said to the open ask; ``why`` is their reason."""

    decision: Decision
    by: str
    why: Said = ""


class Failed(Record):
    """Report that something broke or somebody stopped the release."""

    why: Said
    by_people: bool = False


class CameHome(Record):
    """Report that all traffic was read back on the stable side."""


class HomeBlocked(Record):
    """Report that the way back did not work."""

    why: Said


RolloutEvent = Start | Shifted | Judged | Answered | Failed | CameHome | HomeBlocked

JUDGE = "judge"
"""Who answers an ask when the numbers turn bad while people are being asked."""

ENDED = frozenset({State.SHIPPED, State.HOME, State.STUCK})
MOVING = frozenset({State.READY, State.SHIFTING, State.BAKING, State.ASKING})


class UnexpectedEventError(ValueError):
    """Report an event that cannot happen in this state: a bug, or a clock that ran twice."""


class Rollout(Record):
    """Hold where one rollout is; ``on`` gives the next one."""

    phases: tuple[int, ...]
    state: State = State.READY
    phase: int = 0
    reason: Said = ""
    by_people: bool = False

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.state in ENDED

    @property
    def weight(self) -> int:
        """Return the percent the running phase gives to the candidate."""
        return self.phases[self.phase]

    @property
    def is_last(self) -> bool:
        """Tell whether the running phase is the last one."""
        return self.phase == len(self.phases) - 1

    @property
    def next_weight(self) -> int:
        """Return the percent the next phase would give, or the present one in the last phase."""
        return self.phases[min(self.phase + 1, len(self.phases) - 1)]

    def on(self, event: RolloutEvent) -> "Rollout":
        """Return the rollout after ``event``; raises UnexpectedEventError for one that cannot happen here."""
        if self.ended:
            return self
        if isinstance(event, Failed) and self.state in MOVING:
            return _homing(self, event.why, by_people=event.by_people)
        step = _STEPS.get((self.state, type(event)))
        if step is None:
            msg = f"{type(event).__name__} cannot happen while {self.state}"
            raise UnexpectedEventError(msg)
        return step(self, event)


def _to(rollout: Rollout, state: State, *, reason: str = "", **changes: Any) -> Rollout:
    return rollout.model_copy(update={"state": state, "reason": reason, **changes})


def _homing(rollout: Rollout, why: str, *, by_people: bool = False) -> Rollout:
    return _to(rollout, State.HOMING, reason=why, by_people=by_people)


def _started(rollout: Rollout, _: Start) -> Rollout:
    return _to(rollout, State.SHIFTING)


def _shifted(rollout: Rollout, event: Shifted) -> Rollout:
    if event.weight != rollout.weight:
        why = sentence(
            "the balancer gives the candidate {found} %, expected {expected} %",
            found=event.weight,
            expected=rollout.weight,
        )
        return _homing(rollout, why)
    return _to(rollout, State.BAKING)


def _judged(rollout: Rollout, event: Judged) -> Rollout:
    why = joined("; ", event.judgement.reasons)
    match event.judgement.verdict:
        case Verdict.ROLL_BACK:
            return _homing(rollout, why)
        case Verdict.PROMOTE if rollout.is_last:
            return _to(rollout, State.SHIPPED, reason=why)
        case Verdict.PROMOTE | Verdict.ASK:
            return _to(rollout, State.ASKING, reason=why)
        case Verdict.WAIT:
            return rollout


def _judged_while_asking(rollout: Rollout, event: Judged) -> Rollout:
    if event.judgement.verdict is Verdict.ROLL_BACK:
        return _homing(rollout, joined("; ", event.judgement.reasons))
    return rollout


def _answered(rollout: Rollout, event: Answered) -> Rollout:
    if event.decision != "approve":
        # The judge answers the open ask when it finds reason to; only people's no is people's no.
        return _homing(rollout, _refusal(event), by_people=event.by != JUDGE)
    if rollout.is_last:
        return _to(
            rollout, State.SHIPPED, reason=sentence("kept at {weight} % by {who}", weight=rollout.weight, who=event.by)
        )
    return _to(rollout, State.SHIFTING, reason=sentence("approved by {who}", who=event.by), phase=rollout.phase + 1)


def _came_home(rollout: Rollout, _: CameHome) -> Rollout:
    return _to(rollout, State.HOME, reason=rollout.reason)


def _blocked(rollout: Rollout, event: HomeBlocked) -> Rollout:
    return _to(rollout, State.STUCK, reason=event.why)


def _refusal(event: Answered) -> str:
    said = {
        "reject": sentence("rejected by {who}", who=event.by),
        "roll_back": sentence("rolled back by {who}", who=event.by),
        "expired": named("nobody answered in time"),
        "interrupted": named("the release was asked to stop"),
        "unverified": named("resumed without a recorded approval"),
    }.get(event.decision, named(event.decision))
    return sentence("{what}: {why}", what=said, why=event.why) if event.why else said


_STEPS: dict[tuple[State, type[Record]], Callable[[Rollout, Any], Rollout]] = {
    (State.READY, Start): _started,
    (State.SHIFTING, Shifted): _shifted,
    (State.BAKING, Judged): _judged,
    (State.ASKING, Judged): _judged_while_asking,
    (State.ASKING, Answered): _answered,
    (State.HOMING, CameHome): _came_home,
    (State.HOMING, HomeBlocked): _blocked,
}
