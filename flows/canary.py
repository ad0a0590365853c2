"""Move traffic up, watch it and ask people: plain functions of the parent run over the pure rollout (guide 3.4)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flows.approval import Question, ask_people
from flows.core.asking import grounds
from flows.core.gates import gate, insist
from flows.core.judge import Judgement, Verdict, judge, overdue
from flows.core.rollout import MOVING, Answered, Judged, Rollout, RolloutEvent, Shifted, Start, State
from flows.showing import show_bake
from tasks.counts import Counts, Period, total
from tasks.errors import RemoteError
from tasks.homecoming import keep_way_home_open
from tasks.ledger import note, note_beside
from tasks.metrics import PhaseWindow, read_baseline, read_periods
from tasks.models import Evidence, ImageProof, ReleasePlan
from tasks.prober import Prober
from tasks.sentences import joined, sentence
from tasks.sentry import sentry_line
from tasks.settings import Settings
from tasks.shares import check_share
from tasks.traffic import shift_traffic
from tasks.waits import pause

log = logging.getLogger("greenflow.canary")

NOTE_WAIT_S = 1.0


@dataclass
class Canary:
    """Hold what a running canary needs to look and to act; ``windows`` grows by one a phase, ``looks`` begin anew."""

    settings: Settings
    plan: ReleasePlan
    image: ImageProof
    flow_run_id: str
    prober: Prober
    baseline: tuple[Counts, ...]
    windows: list[PhaseWindow] = field(default_factory=list)
    rows: tuple[Period, ...] = ()
    asks: int = 0
    looks: list[Judgement] = field(default_factory=list)
    alongside: Callable[[int], None] = lambda _weight: None

    @property
    def last(self) -> Judgement | None:
        """Return what the judge said last at this weight."""
        return self.looks[-1] if self.looks else None


def roll_out(
    settings: Settings,
    plan: ReleasePlan,
    image: ImageProof,
    flow_run_id: str,
    alongside: Callable[[int], None] = lambda _weight: None,
) -> Rollout:
    """Run the rollout until it has shipped or wants to come home; raises what its steps raise.

    ``alongside`` is called with each weight once the API's traffic was read back there.
    """
    with Prober(settings, plan) as prober:
        canary = Canary(settings, plan, image, flow_run_id, prober, _baseline(settings, plan), alongside=alongside)
        rollout = _advance(Rollout(phases=plan.phases), Start())
        while rollout.state in MOVING:
            rollout = _advance(rollout, _next_event(canary, rollout))
        return rollout


def _baseline(settings: Settings, plan: ReleasePlan) -> tuple[Counts, ...]:
    """Read how noisy the old side is by itself; without it the judge takes it for quiet, which is stricter."""
    try:
        return read_baseline(settings, plan.stable, before_s=time.time())
    except RemoteError as error:
        log.warning("no baseline: %s", error)
        return ()


def _advance(rollout: Rollout, event: RolloutEvent) -> Rollout:
    after = rollout.on(event)
    told = {"state": after.state, "phase": after.phase, "weight": after.weight, "reason": after.reason}
    if after.state is State.HOMING:
        note_beside("rollout.moved", told).join(NOTE_WAIT_S)  # traffic on its way home waits for no ledger (I12)
    else:
        note("rollout.moved", told)
    return after


def _next_event(canary: Canary, rollout: Rollout) -> RolloutEvent:
    if rollout.state is State.SHIFTING:
        return _shift(canary, rollout)
    if rollout.state is State.BAKING:
        return _bake(canary, rollout)
    return _ask(canary, rollout)


def _shift(canary: Canary, rollout: Rollout) -> Shifted:
    if canary.windows:
        canary.windows[-1] = canary.windows[-1].model_copy(update={"ended_s": time.time()})
    named = shift_traffic.with_options(name=f"3.4 shift traffic to {rollout.weight} %")
    proof = named(canary.settings, canary.plan, rollout.weight)
    canary.alongside(rollout.weight)
    # The bake counts from the weights as they were read back (safety I5).
    canary.looks.clear()
    canary.windows.append(PhaseWindow(phase=rollout.phase, began_s=time.time()))
    return Shifted(weight=proof.weights.of(canary.plan.candidate))


def _bake(canary: Canary, rollout: Rollout) -> Judged:
    """Look, judge and wait until the judge has decided; it decides or asks within its own bounds (safety I10).

    It counts periods of a clock that somebody may set back; the bake as a whole is bounded by one that nobody sets.
    """
    log.info("baking at %d %%", rollout.weight)
    end_s = time.monotonic() + longest_bake_s(canary.settings)
    while True:
        judgement = look(canary, rollout)
        if judgement.verdict is Verdict.WAIT and time.monotonic() >= end_s:
            judgement = _shown(canary, rollout, overdue(judgement, longest_bake_s(canary.settings)))
        if judgement.verdict is not Verdict.WAIT:
            log.info("the judge says %s at %d %%: %s", judgement.verdict, rollout.weight, "; ".join(judgement.reasons))
            if judgement.verdict is Verdict.PROMOTE:
                _insist_on_share(canary, rollout)
            return Judged(judgement=judgement)
        pause(canary.settings.rollout.poll_s)


def longest_bake_s(settings: Settings) -> float:
    """Return how long a bake lasts at most: the judge's own patience, and what it takes to find metrics silent."""
    policy = settings.judge_policy
    return (policy.ask_after_periods + policy.silent_periods) * policy.period_s + settings.rollout.final_after_s


def _insist_on_share(canary: Canary, rollout: Rollout) -> None:
    """Believe a weight only when the users' traffic shows it; raises GateRefused with both shares."""
    rows = [row for row in canary.rows if row.phase == rollout.phase and row.complete]
    new, old = (total(counts).requests for counts in ([row.new for row in rows], [row.old for row in rows]))
    share = check_share(new, new + old, rollout.weight, sigma=canary.settings.rollout.share_tolerance_sigma)
    note("share.measured", {"check": share.model_dump(mode="json")})
    insist(gate(sentence("traffic at {weight} %", weight=rollout.weight), [Evidence(checks=(share,))]))


def look(canary: Canary, rollout: Rollout) -> Judgement:
    """Read the metrics once, judge them and show the numbers."""
    settings = canary.settings
    keep_way_home_open(settings)
    now_s, policy = time.time(), settings.judge_policy
    canary.rows = read_periods(settings, canary.plan, canary.windows, now_s, canary.rows, canary.prober.counts)
    judgement = judge(canary.rows, rollout.phase, policy, baseline=canary.baseline)
    # Probes alone may call a release back, long before the metrics are final; they never carry it on.
    quick = judge(canary.prober.rows(canary.windows, now_s), rollout.phase, policy)
    if quick.verdict is Verdict.ROLL_BACK:
        judgement = quick
    return _shown(canary, rollout, judgement)


def _shown(canary: Canary, rollout: Rollout, judgement: Judgement) -> Judgement:
    if canary.last != judgement:
        note("bake.polled", {"phase": rollout.phase, "judgement": judgement.model_dump(mode="json")})
        canary.looks.append(judgement)
        show_bake(canary.plan, rollout, tuple(canary.looks), canary.settings.judge_policy)
    return judgement


def _ask(canary: Canary, rollout: Rollout) -> RolloutEvent:
    canary.asks += 1
    question = Question(
        settings=canary.settings,
        plan=canary.plan,
        rollout=rollout,
        digest=canary.image.digest,
        number=canary.asks,
        flow_run_id=canary.flow_run_id,
        summary=(*grounds(canary.last), *_new_issues(canary)),
    )
    watched = Rollout(phases=rollout.phases, state=State.BAKING, phase=rollout.phase)
    answer = ask_people(question, watch=lambda: _alarm(canary, watched))
    return Answered(decision=answer.decision, by=answer.by, why=answer.reason)


def _new_issues(canary: Canary) -> tuple[str, ...]:
    line = sentry_line(canary.settings, canary.plan)
    return (line,) if line else ()


def _alarm(canary: Canary, rollout: Rollout) -> str:
    """Return why the candidate must go home while people are being asked, or nothing (safety I21)."""
    judgement = look(canary, rollout)
    return joined("; ", judgement.reasons) if judgement.verdict is Verdict.ROLL_BACK else ""
