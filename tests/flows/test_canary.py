"""A canary decides on what it sees: metrics, its own probes, the clock, people."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from flows import canary as canaries
from flows.approval import Question
from flows.canary import Canary
from flows.core.judge import Verdict
from flows.core.rollout import Answered, Rollout, State
from tasks.counts import Period
from tasks.errors import GateRefused
from tasks.metrics import PhaseWindow
from tasks.models import Answer, Decision, ImageProof, Side
from tasks.prober import Prober, Sample
from tasks.settings import load_settings
from tests.core.judge_rows import row, rows
from tests.flows.asking_run import PLAN

AT_10 = Rollout(phases=PLAN.phases, state=State.BAKING)
IMAGE = ImageProof(digest="sha256:" + "d" * 64, uri="repository", revision="c" * 40, version=PLAN.version)
BLIND = rows(6, complete=False, reason="could not read metrics: throttled")
CLEAN = rows(15)

NewCanary = Callable[..., Canary]


@pytest.fixture
def new_canary(monkeypatch: pytest.MonkeyPatch) -> NewCanary:
    """Make a canary that sees the given rows at every look; no ledger, no AWS, no Prefect, no pause."""

    def make(seen: Sequence[Period], **overrides: str) -> Canary:
        for key, value in overrides.items():
            monkeypatch.setenv(f"GREENFLOW_{key}", value)
        monkeypatch.setattr(canaries, "read_periods", lambda *_: tuple(seen))
        settings = load_settings("rehearsal")
        return Canary(settings, PLAN, IMAGE, "", Prober(settings, PLAN), baseline=())

    for name in ("note", "show_bake", "keep_way_home_open"):
        monkeypatch.setattr(canaries, name, lambda *_: None)
    monkeypatch.setattr(canaries, "pause", lambda _: None)
    return make


def answering(decision: Decision, asked: list[Question]) -> Callable[..., Answer]:
    def ask(question: Question, *, watch: Callable[[], str]) -> Answer:
        assert watch() == ""
        asked.append(question)
        return Answer(nonce="0" * 32, decision=decision, by="U0LEE", door="slack", at=datetime.now(UTC))

    return ask


def asked_blindly(canary: Canary, rollout: Rollout) -> Rollout:
    judged = canaries._bake(canary, rollout)
    assert judged.judgement.verdict is Verdict.ASK
    asking = rollout.on(judged)
    assert asking.state is State.ASKING
    return asking


@pytest.mark.parametrize(
    ("phase", "decision", "state", "weight"),
    [
        (0, "approve", State.SHIFTING, 50),
        (0, "expired", State.HOMING, 10),
        (0, "reject", State.HOMING, 10),
        (2, "approve", State.SHIPPED, 100),
        (2, "expired", State.HOMING, 100),
    ],
)
def test_a_blind_judge_leaves_it_to_people_and_only_their_yes_goes_on(
    new_canary: NewCanary, monkeypatch: pytest.MonkeyPatch, phase: int, decision: Decision, state: State, weight: int
) -> None:
    canary = new_canary([period.model_copy(update={"phase": phase}) for period in BLIND])
    asked: list[Question] = []
    monkeypatch.setattr(canaries, "ask_people", answering(decision, asked))
    asking = asked_blindly(canary, AT_10.model_copy(update={"phase": phase}))
    after = asking.on(canaries._ask(canary, asking))
    assert (after.state, after.weight) == (state, weight)
    assert asked[0].summary[0] == "The judge cannot vouch for this version; a yes goes on without it (silent-metrics)."
    assert "could not read metrics: throttled" in asked[0].summary[1]


def test_what_the_judge_vouches_for_is_asked_about_with_its_reasons_alone(
    new_canary: NewCanary, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, asked = new_canary(CLEAN), list[Question]()
    monkeypatch.setattr(canaries, "ask_people", answering("approve", asked))
    judged = canaries._bake(canary, AT_10)
    assert judged.judgement.verdict is Verdict.PROMOTE
    assert isinstance(canaries._ask(canary, AT_10.on(judged)), Answered)
    reasons = judged.judgement.reasons
    assert asked[0].summary[: len(reasons)] == reasons  # what follows is Sentry's count of new issues
    assert len(asked[0].summary) == len(reasons) + 1


def test_a_clock_that_is_set_back_does_not_make_a_bake_endless(new_canary: NewCanary) -> None:
    quick = {"MIN_PERIODS": "3", "LAST_PHASE_MIN_PERIODS": "3", "ASK_AFTER_PERIODS": "3", "SILENT_PERIODS": "1"}
    canary = new_canary(
        (),
        ROLLOUT__PERIOD_S="0.05",
        ROLLOUT__FINAL_AFTER_S="0",
        **{f"JUDGE__{key}": each for key, each in quick.items()},
    )
    judgement = canaries._bake(canary, AT_10).judgement
    assert (judgement.verdict, judgement.rule) == (Verdict.ASK, "overdue")
    assert canary.last == judgement


def test_probes_call_back_what_the_metrics_do_not_show_yet(new_canary: NewCanary) -> None:
    canary = new_canary(())
    canary.windows = [PhaseWindow(phase=0, began_s=0, ended_s=10)]
    for tenth in range(100):
        for side in Side:
            failed = side is PLAN.candidate and tenth % 10 < 3
            canary.prober.note(side, tenth / 10, Sample(failed=failed, took_s=0.01))
    assert canaries._bake(canary, AT_10).judgement.verdict is Verdict.ROLL_BACK
    assert "errors (probes)" in canaries._alarm(canary, AT_10)


def test_users_who_do_not_follow_the_weight_stop_a_promotion(new_canary: NewCanary) -> None:
    canary = new_canary([row(place, n=(300, 300)) for place in range(15)])
    with pytest.raises(GateRefused, match=r"traffic at 10 % refused: .*50.00 % .*sticky users"):
        canaries._bake(canary, AT_10)
