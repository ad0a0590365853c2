"""Fold a release's events into its state: one function for the flow, the command line, the report and the guard."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from flows.core.gates import Gate
from flows.core.traces import Change, How, Move, Order, Share, Shift, readable, with_outcome
from tasks.judge_policy import JudgePolicy
from tasks.models import Answer, Ask, BackupProof, Check, Event, Record, ReleasePlan, RestorePoint, RollCall, Weights
from tasks.sentences import Said, named, said, sentence

WALKED, REMOVED = "api.journey", "api.clean_up"
COPIED, COPY_DROPPED = "postgres.create_database", "postgres.drop_database"


class Ending(StrEnum):
    """Say how a release ended."""

    RUNNING = "running"
    SHIPPED = "shipped"
    REFUSED = "refused"
    ROLLED_BACK = "rolled back"
    REJECTED = "rejected"
    STUCK = "stuck"


class StageState(Record):
    """Hold one stage: when it began, how it is, what it found."""

    name: str
    status: str
    started_at: datetime
    ended_at: datetime | None = None
    tries: int = 1
    cause: Said = ""
    checks: tuple[Check, ...] = ()
    said: str = ""


class Poll(Record):
    """Hold one look at the metrics during a bake, as the judge saw it."""

    at: datetime
    phase: int
    judgement: dict[str, Any]


class Moment(Record):
    """Hold one line of the release's story."""

    at: datetime
    text: Said


class ReleaseState(Record):
    """Hold everything the ledger knows about a release."""

    release_id: str = ""
    version: str = ""
    environment: str = ""
    requested_by: str = ""
    flow_run_id: str = ""
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    ending: Ending = Ending.RUNNING
    reason: Said = ""
    plan: ReleasePlan | None = None
    restore_point: RestorePoint | None = None
    weights: Weights | None = None
    rollout: str = ""
    rollout_reason: Said = ""
    called_back: bool = False
    phase: int = 0
    stages: dict[str, StageState] = Field(default_factory=dict)
    polls: tuple[Poll, ...] = ()
    asks: dict[str, Ask] = Field(default_factory=dict)
    answers: dict[str, Answer] = Field(default_factory=dict)
    roll_call: RollCall | None = None
    story: tuple[Moment, ...] = ()
    effects: int = 0
    users: dict[str, Any] = Field(default_factory=dict)
    policy: JudgePolicy | None = None
    backup: BackupProof | None = None
    committed_at: datetime | None = None
    shifts: tuple[Shift, ...] = ()
    moves: tuple[Move, ...] = ()
    shares: tuple[Share, ...] = ()
    gates: dict[str, Gate] = Field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    orders: dict[str, Order] = Field(default_factory=dict)
    left_over: tuple[Said, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Tell whether this release is over for good."""
        return self.ending is not Ending.RUNNING

    @property
    def let_go(self) -> bool:
        """Tell whether the old side may have lost its tasks: nothing may go back to it before it has them again."""
        return any(change.what == "service.scale" for change in self.changes)

    @property
    def keeps_a_copy(self) -> bool:
        """Tell whether a scratch database with a copy of the data may still be there: its release died over it."""
        about = [change for change in self.changes if change.what in {COPIED, COPY_DROPPED}]
        return bool(about) and not (about[-1].what == COPY_DROPPED and about[-1].how in {How.DONE, How.ALREADY})

    @property
    def tenants_left(self) -> tuple[str, ...]:
        """Name the test tenants of journeys that may still be in production: nobody saw them removed."""
        removed = {each.key for each in self.changes if each.what == REMOVED and each.how in {How.DONE, How.ALREADY}}
        return tuple(each.key for each in self.changes if each.what == WALKED and each.key not in removed)

    @property
    def open_ask(self) -> Ask | None:
        """Return the question people have not answered yet."""
        waiting = [ask for nonce, ask in self.asks.items() if nonce not in self.answers]
        return waiting[-1] if waiting and not self.ended else None


def fold(events: Sequence[Event], state: ReleaseState | None = None) -> ReleaseState:
    """Return the state after ``events``; give the state so far to go on from it."""
    state = state or ReleaseState()
    for event in events:
        step = _STEPS.get(event.kind)
        if step:
            state = state.model_copy(update=step(state, event))
    return state


def _opened(state: ReleaseState, event: Event) -> dict[str, Any]:
    data = event.data
    again = state.opened_at is not None
    asked_for = sentence("asked for by {who}", who=data["requested_by"])
    return {
        "release_id": event.release_id,
        "version": data["version"],
        "environment": data["environment"],
        "requested_by": data["requested_by"],
        "flow_run_id": data.get("flow_run_id", ""),
        "opened_at": state.opened_at or event.at,
        # What an earlier process asked, nobody waits for any more.
        "asks": {nonce: ask for nonce, ask in state.asks.items() if nonce in state.answers},
        **_told(state, event, named("went on after a restart") if again else asked_for),
    }


def _planned(state: ReleaseState, event: Event) -> dict[str, Any]:
    plan = ReleasePlan.model_validate(event.data["plan"])
    told = _told(
        state, event, sentence("planned: side {side} gets {version}", side=plan.candidate, version=plan.version)
    )
    policy = readable(JudgePolicy, event.data["judge"]) if "judge" in event.data else state.policy
    return {"plan": plan, "policy": policy, **told}


def _stage_started(state: ReleaseState, event: Event) -> dict[str, Any]:
    name = event.data["stage"]
    before = state.stages.get(name)
    tries = before.tries + 1 if before else 1
    return _with_stage(state, StageState(name=name, status="running", started_at=event.at, tries=tries))


def _stage_progressed(state: ReleaseState, event: Event) -> dict[str, Any]:
    """Keep the last word of a running stage; what says nothing readable is left to the ledger."""
    section, told = event.data["stage"], said(event.data.get("said") or event.data.get("event", ""))
    running = (each for each in state.stages.values() if each.status == "running" and each.name.startswith(section))
    found = next(running, None)
    return _with_stage(state, found.model_copy(update={"said": told})) if found and told else {}


def _stage_finished(state: ReleaseState, event: Event) -> dict[str, Any]:
    data = event.data
    checks = tuple(Check.model_validate(check) for check in data["evidence"].get("checks", ()))
    update = _with_stage(state, _closed(state, event, "finished", checks=checks))
    if "stable" in data["evidence"] and "live" in data["evidence"]:
        update["restore_point"] = RestorePoint.model_validate(data["evidence"])
    if "tables" in data["evidence"] and "restore_s" in data["evidence"]:
        update["backup"] = readable(BackupProof, data["evidence"])
    if when := data["evidence"].get("committed_at"):
        update["committed_at"] = datetime.fromisoformat(when)
    return update


def _stage_failed(state: ReleaseState, event: Event) -> dict[str, Any]:
    cause = said(event.data["cause"])
    told = _told(state, event, sentence("{stage} failed: {cause}", stage=named(event.data["stage"]), cause=cause))
    return _with_stage(state, _closed(state, event, "failed", cause=cause)) | told


def _closed(state: ReleaseState, event: Event, status: str, **found: Any) -> StageState:
    name = event.data["stage"]
    begun = state.stages.get(name) or StageState(name=name, status=status, started_at=event.at)
    return begun.model_copy(update={"status": status, "ended_at": event.at, **found})


def _with_stage(state: ReleaseState, found: StageState) -> dict[str, Any]:
    return {"stages": {**state.stages, found.name: found}}


def _moved(state: ReleaseState, event: Event) -> dict[str, Any]:
    move = Move(at=event.at, state=event.data["state"], phase=event.data["phase"], reason=event.data["reason"])
    moves = (*state.moves, move)
    return {"rollout": move.state, "phase": move.phase, "rollout_reason": move.reason, "moves": moves}


def _shifted(state: ReleaseState, event: Event) -> dict[str, Any]:
    weights = Weights.model_validate(event.data["weights"])
    shifts = (*state.shifts, Shift(at=event.at, weights=weights))
    return {
        "weights": weights,
        "shifts": shifts,
        **_told(state, event, sentence("traffic read back: {weights}", weights=weights)),
    }


def _measured(state: ReleaseState, event: Event) -> dict[str, Any]:
    check = readable(Check, event.data["check"])
    return {"shares": (*state.shares, Share(at=event.at, phase=state.phase, check=check))} if check else {}


def _gated(state: ReleaseState, event: Event) -> dict[str, Any]:
    decision = readable(Gate, event.data["gate"])
    return {"gates": {**state.gates, decision.name: decision}} if decision else {}


def _override_recorded(state: ReleaseState, event: Event) -> dict[str, Any]:
    data = event.data
    about = {"who": said(data["by"]), "why": data["reason"], "what": said(data["against"])}
    return _told(state, event, sentence("checklist overridden by {who}: {why} ({what})", **about))


def _polled(state: ReleaseState, event: Event) -> dict[str, Any]:
    data = event.data
    return {"polls": (*state.polls, Poll(at=event.at, phase=data["phase"], judgement=data["judgement"]))}


def _asked(state: ReleaseState, event: Event) -> dict[str, Any]:
    ask = Ask.model_validate(event.data["ask"])
    weights = {"before": ask.from_weight, "after": ask.to_weight}
    told = _told(state, event, sentence("asked people: {before} % -> {after} %?", **weights))
    return {"asks": {**state.asks, ask.nonce: ask}, **told}


def _answered(state: ReleaseState, event: Event) -> dict[str, Any]:
    answer = Answer.model_validate(event.data["answer"])
    what = sentence("{what} by {who} ({door})", what=named(answer.decision), who=answer.by, door=named(answer.door))
    told = _told(state, event, _because(what, answer.reason))
    return {"answers": {**state.answers, answer.nonce: answer}, **told}


def _called(state: ReleaseState, event: Event) -> dict[str, Any]:
    call = RollCall.model_validate(event.data["roll_call"])
    told = sentence("asked who is on duty: {needed} people are needed", needed=call.needed)
    return {"roll_call": call, **_told(state, event, told)}


def _roll_called(state: ReleaseState, event: Event) -> dict[str, Any]:
    present = event.data["present"]
    who = ", ".join(present) or named("nobody")
    return {"roll_call": None, **_told(state, event, sentence("on duty: {who}", who=who))}


def _homing(state: ReleaseState, event: Event) -> dict[str, Any]:
    reason = said(event.data["reason"])
    decided = {"rollout": "homing", "rollout_reason": reason, "called_back": bool(event.data.get("by_people"))}
    return {**decided, **_told(state, event, _because(named("bringing traffic home"), reason))}


def _ended(state: ReleaseState, event: Event) -> dict[str, Any]:
    ending = Ending(event.data["ending"])
    reason = said(event.data["reason"])
    told = _told(state, event, _because(named(ending.value), reason))
    commands = tuple(event.data.get("commands", ()))
    return {"ending": ending, "reason": reason, "ended_at": event.at, "commands": commands, **told}


def _operation_ended(state: ReleaseState, event: Event) -> dict[str, Any]:
    return {"ended_at": event.at, **_told(state, event, sentence("operation ended: {why}", why=event.data["reason"]))}


def _left_over(state: ReleaseState, event: Event) -> dict[str, Any]:
    what = said(event.data["what"])
    return {
        "left_over": (*state.left_over, what),
        **_told(state, event, sentence("left to people: {what}", what=what)),
    }


def _taken_over(state: ReleaseState, event: Event) -> dict[str, Any]:
    data = event.data
    if data.get("from_role") == "guard":
        return _told(state, event, sentence("taken over from the guard by {owner}", owner=data["by"]))
    return _told(state, event, sentence("taken over from {owner}, which died", owner=data["from"]))


def _guarded(state: ReleaseState, event: Event) -> dict[str, Any]:
    did = {"home": "traffic is home", "keep": "traffic stays at 100 %", "untouched": "no traffic had moved"}
    course = str(event.data["course"])
    return _told(state, event, sentence("the guard came: {what}", what=named(did.get(course, course))))


def _moved_late(state: ReleaseState, event: Event) -> dict[str, Any]:
    return _told(state, event, sentence("the guard brought traffic back from {found}", found=event.data["found"]))


def _effect_intended(state: ReleaseState, event: Event) -> dict[str, Any]:
    return {"changes": (*state.changes, _change(event, How.UNDER_WAY))}


def _effect_done(state: ReleaseState, event: Event) -> dict[str, Any]:
    already = bool(event.data.get("already"))
    found = _change(event, How.ALREADY if already else How.DONE)
    known = {"orders": {**state.orders, event.data["service"]: _order(event)}} if "service" in event.data else {}
    return {"effects": state.effects + (not already), "changes": with_outcome(state.changes, found), **known}


def _order(event: Event) -> Order:
    data = event.data
    return Order(task_definition_arn=data.get("task_definition_arn", ""), desired_count=data["desired_count"])


def _effect_refused(state: ReleaseState, event: Event) -> dict[str, Any]:
    return {"changes": with_outcome(state.changes, _change(event, How.REFUSED))}


def _effect_unknown(state: ReleaseState, event: Event) -> dict[str, Any]:
    return {"changes": with_outcome(state.changes, _change(event, How.UNKNOWN))}


def _change(event: Event, how: How) -> Change:
    data = event.data
    what, key = data.get("effect", ""), data.get("key", "")
    return Change(at=event.at, what=what, key=key, how=how, cause=data.get("cause", ""))


def _users(_: ReleaseState, event: Event) -> dict[str, Any]:
    return {"users": event.data}


def _because(what: str, why: str) -> str:
    return sentence("{what}: {why}", what=what, why=why) if why else what


def _told(state: ReleaseState, event: Event, text: str) -> dict[str, Any]:
    return {"story": (*state.story, Moment(at=event.at, text=text))}


_STEPS = {
    "release.opened": _opened,
    "release.planned": _planned,
    "release.ended": _ended,
    "lease.taken_over": _taken_over,
    "stage.started": _stage_started,
    "stage.progress": _stage_progressed,
    "stage.finished": _stage_finished,
    "stage.failed": _stage_failed,
    "rollout.moved": _moved,
    "traffic.shifted": _shifted,
    "bake.polled": _polled,
    "ask.opened": _asked,
    "ask.answered": _answered,
    "roll_call.opened": _called,
    "roll_call.closed": _roll_called,
    "share.measured": _measured,
    "gate.decided": _gated,
    "checklist.overridden": _override_recorded,
    "rollback.started": _homing,
    "rollback.left_over": _left_over,
    "effect.intended": _effect_intended,
    "effect.done": _effect_done,
    "effect.refused": _effect_refused,
    "effect.unknown": _effect_unknown,
    "users.counted": _users,
    "guard.came": _guarded,
    "guard.late": _moved_late,
    "operation.opened": _opened,
    "operation.ended": _operation_ended,
}
