"""Make the report of a release from what the ledger knows: a verdict in a sentence, then when, what and why.

``report_markdown`` and ``report_page`` write it down. Every ``…_s`` counts seconds from the release's start.
"""

from datetime import datetime
from itertools import pairwise

from flows.core.gates import Gate
from flows.core.next_steps import NextStep, next_steps
from flows.core.phases import PhaseRow, phase_rows
from flows.core.record import Ending, Moment, ReleaseState, StageState
from flows.core.rollout import State
from flows.core.traces import Change
from flows.core.users_met import UsersMet, users_met
from tasks.judge_policy import JudgePolicy
from tasks.models import Answer, Ask, BackupProof, Check, Record, Weights
from tasks.sentences import Said, named, sentence

VERDICTS = {
    Ending.RUNNING: "{version} is still on its way to {environment}",
    Ending.SHIPPED: "{version} carries 100 % of {environment}",
    Ending.REFUSED: "{version} was refused; the traffic of {environment} was never touched",
    Ending.ROLLED_BACK: "{version} was rolled back; {environment} runs {stable} as before",
    Ending.REJECTED: "{version} was called back by people; {environment} runs {stable} as before",
    Ending.STUCK: "the way back from {version} is BLOCKED on {environment}: a person must act now",
}


class StageRow(Record):
    """Hold one stage as the report shows it."""

    name: str
    status: str
    start_s: float
    took_s: float
    tries: int
    cause: Said
    checks: tuple[Check, ...]


class AskRow(Record):
    """Hold one question to people with its answer; ``waited_s`` goes to the report's end while nobody answered."""

    ask: Ask
    answer: Answer | None
    start_s: float
    waited_s: float


class WeightStep(Record):
    """Hold from when on the candidate got which percent of the traffic."""

    at_s: float
    weight: int


class WayHome(Record):
    """Hold how traffic came home: why, when it was decided, when the weights were read back at home."""

    reason: Said
    decided_s: float
    home_s: float | None

    @property
    def took_s(self) -> float | None:
        """Return the seconds from the decision to the read-back."""
        return None if self.home_s is None else round(self.home_s - self.decided_s, 2)


class ReleaseReport(Record):
    """Hold everything people read about a release."""

    release_id: str
    version: str
    stable_version: str
    commit: str
    environment: str
    ending: Ending
    headline: Said
    verdict: Said
    reason: Said
    requested_by: str
    opened_at: datetime | None
    took_s: float
    span_s: float
    traffic: Said
    stages: tuple[StageRow, ...]
    phases: tuple[PhaseRow, ...]
    asks: tuple[AskRow, ...]
    weights: tuple[WeightStep, ...]
    gates: tuple[Gate, ...]
    backup: BackupProof | None
    way_home: WayHome | None
    effects: tuple[Change, ...]
    put_back: tuple[Change, ...]
    changes: int
    left_over: tuple[Said, ...]
    next_steps: tuple[NextStep, ...]
    story: tuple[Moment, ...]
    users: UsersMet | None
    policy: JudgePolicy


def report_of(state: ReleaseState) -> ReleaseReport:
    """Make the report of a release, finished or not."""
    headline = _headline(state)
    plan = state.plan
    return ReleaseReport(
        release_id=state.release_id,
        version=state.version,
        stable_version=_stable_version(state),
        commit=plan.commit if plan else "",
        environment=state.environment,
        ending=state.ending,
        headline=headline,
        verdict=sentence("{what}: {why}", what=headline, why=state.reason) if state.reason else headline,
        reason=state.reason,
        requested_by=state.requested_by,
        opened_at=state.opened_at,
        took_s=_seconds(state.opened_at, state.ended_at),
        span_s=_span_s(state),
        traffic=_traffic(state),
        stages=tuple(_stage_row(state, stage) for stage in state.stages.values()),
        phases=phase_rows(state),
        asks=tuple(_ask_row(state, ask) for ask in state.asks.values()),
        weights=_weight_steps(state),
        gates=_gates(state),
        backup=state.backup,
        way_home=_way_home(state),
        effects=state.changes,
        put_back=_put_back(state),
        changes=state.effects,
        left_over=state.left_over,
        next_steps=next_steps(state),
        story=state.story,
        users=users_met(state),
        policy=state.policy or JudgePolicy(),
    )


def _headline(state: ReleaseState) -> str:
    stable = _stable_version(state) or named("what it ran")
    return sentence(VERDICTS[state.ending], version=state.version, environment=state.environment, stable=stable)


def _stable_version(state: ReleaseState) -> str:
    return state.restore_point.stable_version if state.restore_point else ""


def _traffic(state: ReleaseState) -> str:
    """Say who gets how much, by version; the sides alone where no plan names them."""
    if not state.weights:
        return named("never touched")
    if not state.plan:
        return str(state.weights)
    new = state.weights.of(state.plan.candidate)
    before = _stable_version(state) or named("the version before")
    return sentence("{new} % {version}, {old} % {before}", new=new, version=state.version, old=100 - new, before=before)


def _stage_row(state: ReleaseState, stage: StageState) -> StageRow:
    return StageRow(
        name=stage.name,
        status=stage.status,
        start_s=_seconds(state.opened_at, stage.started_at),
        took_s=_seconds(stage.started_at, stage.ended_at),
        tries=stage.tries,
        cause=stage.cause,
        checks=stage.checks,
    )


def _ask_row(state: ReleaseState, ask: Ask) -> AskRow:
    answer = state.answers.get(ask.nonce)
    start_s = _seconds(state.opened_at, ask.asked_at)
    waited_s = _seconds(ask.asked_at, answer.at) if answer else max(0.0, round(_span_s(state) - start_s, 2))
    return AskRow(ask=ask, answer=answer, start_s=start_s, waited_s=waited_s)


def _weight_steps(state: ReleaseState) -> tuple[WeightStep, ...]:
    if not state.plan:
        return ()
    side = state.plan.candidate
    steps = [WeightStep(at_s=_seconds(state.opened_at, at), weight=weights.of(side)) for at, weights in _shifts(state)]
    # Weights read back twice are one step.
    return tuple(step for before, step in pairwise([None, *steps]) if step and (not before or before != step))


def _shifts(state: ReleaseState) -> list[tuple[datetime, Weights]]:
    return [(shift.at, shift.weights) for shift in state.shifts]


def _way_home(state: ReleaseState) -> WayHome | None:
    decided = _turned_back_at(state)
    if not state.plan or not decided:
        return None
    home = [at for at, weights in _shifts(state) if at >= decided and not weights.of(state.plan.candidate)]
    return WayHome(
        reason=state.reason,
        decided_s=_seconds(state.opened_at, decided),
        home_s=_seconds(state.opened_at, home[0]) if home else None,
    )


def _turned_back_at(state: ReleaseState) -> datetime | None:
    """Return when the last way home was decided: by the rollout, or without one when the first call was made."""
    if state.ending in {Ending.RUNNING, Ending.SHIPPED, Ending.REFUSED}:
        return None
    homing = [move.at for move in state.moves if move.state == State.HOMING]
    calls = [change.at for change in state.changes if change.what == "traffic.home"]
    return homing[-1] if homing else calls[0] if calls else None


def _put_back(state: ReleaseState) -> tuple[Change, ...]:
    """Return what was changed on the way home; telling people is no part of it."""
    decided = _turned_back_at(state)
    if not decided:
        return ()
    return tuple(change for change in state.changes if change.at >= decided and not change.what.startswith("slack."))


def _gates(state: ReleaseState) -> tuple[Gate, ...]:
    """Return all checks by gate, in the order of their stages; those that met no gate come under their stage's name."""
    gated = {check for gate in state.gates.values() for check in gate.checks}
    loose = [
        Gate(name=stage.name, checks=checks)
        for stage in state.stages.values()
        if (checks := tuple(check for check in stage.checks if check not in gated))
    ]
    shares = tuple(share.check for share in state.shares)
    measured = [Gate(name=named("measured shares of the traffic"), checks=shares)] if shares else []
    places = {
        check: place for place, stage in reversed(list(enumerate(state.stages.values()))) for check in stage.checks
    }
    found = [gate for gate in (*state.gates.values(), *loose, *measured) if gate.checks]
    return tuple(sorted(found, key=lambda gate: min(places.get(check, len(places)) for check in gate.checks)))


def _span_s(state: ReleaseState) -> float:
    """Return how long the release lasted, or how long it has been seen to run."""
    seen = [state.opened_at, state.ended_at, *(moment.at for moment in state.story)]
    seen += [stage.ended_at or stage.started_at for stage in state.stages.values()]
    seen += [poll.at for poll in state.polls]
    return max(_seconds(state.opened_at, at) for at in seen)


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return round((end - start).total_seconds(), 2) if start and end else 0.0
