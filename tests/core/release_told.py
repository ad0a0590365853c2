"""Tell releases as their ledgers would: events with times, judged by the real judge on made-up counts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from flows.core.judge import judge
from flows.core.record import ReleaseState, fold
from tasks.judge_policy import JudgePolicy
from tasks.models import (
    Answer,
    Ask,
    BackupProof,
    Check,
    Event,
    Evidence,
    Live,
    ReleasePlan,
    RestorePoint,
    Side,
    SideState,
    TableProof,
    Weights,
)
from tests.core.judge_rows import row

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
RELEASE = "1.1.0-20261121T030000-beef"
DIGEST = "sha256:" + "0" * 64
POLICY = JudgePolicy(period_s=1, min_periods=5, last_phase_min_periods=5, ask_after_periods=20)
SHARES = ((60, 540), (300, 300), (600, 0))
PASSED = Check.of("schema version", ok=True, found="002", expected="002")
COMMANDS = ("aws elbv2 modify-rule --rule-arn arn:rule --actions '[]'", "aws elbv2 describe-rules --rule-arns arn:rule")


class Teller:
    """Tell one release event by event; every event takes a second unless a moment is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now_s = 0.0

    def tell(self, kind: str, after_s: float = 1.0, **data: Any) -> None:
        self.now_s += after_s
        self.events.append(
            Event(
                seq=len(self.events) + 1,
                release_id=RELEASE,
                kind=kind,
                at=START + timedelta(seconds=self.now_s),
                epoch=1,
                writer="w",
                data=data,
                previous="",
            )
        )

    @property
    def state(self) -> ReleaseState:
        return fold(self.events)

    def open(self) -> None:
        self.tell("release.opened", 0, version="1.1.0", environment="rehearsal", requested_by="kim")
        plan = ReleasePlan(
            release_id=RELEASE,
            version="1.1.0",
            environment="rehearsal",
            requested_by="kim",
            commit="c" * 40,
            stable=Side.A,
            candidate=Side.B,
            phases=(10, 50, 100),
        )
        self.tell("release.planned", plan=plan.model_dump(mode="json"), judge=POLICY.model_dump(mode="json"))
        self.stage("1.4 record the restore point", restore_point())

    def stage(self, name: str, evidence: Evidence | None = None, takes_s: float = 2.0) -> None:
        self.tell("stage.started", stage=name)
        told = (evidence or Evidence()).model_dump(mode="json")
        self.tell("stage.finished", takes_s, stage=name, took_s=takes_s, evidence=told)

    def effect(self, what: str, key: str, outcome: str = "effect.done", **told: Any) -> None:
        self.tell("effect.intended", effect=what, key=key)
        self.tell(outcome, effect=what, key=key, **told)

    def shift(self, weight: int) -> None:
        weights = Weights.giving(Side.B, weight)
        self.effect("traffic.shift" if weight else "traffic.home", str(weights), already=False)
        self.tell("traffic.shifted", weights=weights.model_dump())

    def bake(self, phase: int, errors: Sequence[int]) -> None:
        """Bake with that many failed requests on the new side in each period."""
        self.tell("rollout.moved", state="baking", phase=phase, reason="")
        rows = [row(place, phase=phase, n=SHARES[phase], new=failed) for place, failed in enumerate(errors)]
        for seen in range(len(rows) + 1):
            found = judge(rows[:seen], phase, POLICY)
            self.tell("bake.polled", phase=phase, judgement=found.model_dump(mode="json"))

    def ask(self, phase: int, decision: str = "approve", by: str = "U0LEE", reason: str = "") -> None:
        weights = (10, 50, 100, 100)
        now = START + timedelta(seconds=self.now_s)
        ask = Ask(
            nonce=f"{phase:032x}",
            release_id=RELEASE,
            environment="rehearsal",
            version="1.1.0",
            phase=phase,
            number=phase + 1,
            from_weight=weights[phase],
            to_weight=weights[phase + 1],
            digest=DIGEST,
            requested_by="kim",
            allowed=(by,),
            asked_at=now,
            expires_at=now + timedelta(hours=1),
            summary=("errors 0/60 against 0/540",),
        )
        self.tell("ask.opened", 0, ask=ask.model_dump(mode="json"))
        if decision:
            told = {"nonce": ask.nonce, "decision": decision, "by": by, "door": "slack", "reason": reason}
            answer = Answer.model_validate({**told, "at": now + timedelta(seconds=8)})
            self.tell("ask.answered", 8, answer=answer.model_dump(mode="json"))

    def prepare(self) -> None:
        """Do everything before the traffic."""
        self.open()
        self.stage("1.3 back up the database", backup())
        self.stage("4.3 migrate the database", Evidence(checks=(PASSED,)))
        self.tell("gate.decided", gate={"name": "schema expanded", "checks": [PASSED.model_dump(mode="json")]})

    def turn_back(self, reason: str) -> None:
        self.tell("rollout.moved", state="homing", phase=0, reason=reason)
        self.shift(0)
        self.tell("rollback.started", reason=reason)
        self.effect("slack.post", "home")
        self.effect("service.set", "greenflow-api-b x0")

    def end(self, ending: str, reason: str = "", **told: Any) -> ReleaseState:
        self.tell("release.ended", ending=ending, reason=reason, **told)
        return self.state


@cache
def shipped() -> ReleaseState:
    """Tell a release that shipped."""
    told = Teller()
    told.prepare()
    for phase, weight in enumerate((10, 50, 100)):
        told.shift(weight)
        told.bake(phase, [0] * 6)
        share = Check.of(f"measured share at {weight} %", ok=True, found=f"{weight} %", expected=f"{weight} %")
        told.tell("share.measured", check=share.model_dump(mode="json"))
        if weight < 100:
            told.ask(phase)
    return told.end("shipped", "errors 0/600")


@cache
def rolled_back() -> ReleaseState:
    """Tell a release that the judge called back at 10 %."""
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 6, 7, 6])
    told.turn_back("errors 19/240 (7.9 %) against 0/2,160 (0.0 %)")
    told.tell("rollback.left_over", what="could not put the site back: Vercel is away")
    return told.end("rolled back", "errors 19/240 (7.9 %) against 0/2,160 (0.0 %)")


@cache
def rejected() -> ReleaseState:
    """Tell a release that people stopped."""
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0] * 6)
    told.ask(0, "reject", reason="the fair opens at nine")
    told.turn_back("rejected by U0LEE: the fair opens at nine")
    return told.end("rejected", "rejected by U0LEE: the fair opens at nine")


@cache
def refused() -> ReleaseState:
    """Tell a release that met a shut gate before any traffic."""
    told = Teller()
    told.open()
    failed = Check.of("bundle size", ok=False, found="612 kB", expected="at most 500 kB")
    told.stage("1.1 build the site", Evidence(checks=(failed,)))
    told.tell("gate.decided", gate={"name": "built", "checks": [failed.model_dump(mode="json")]})
    return told.end("refused", "built refused: bundle size: found 612 kB, expected at most 500 kB")


@cache
def stuck() -> ReleaseState:
    """Tell a release whose way back was blocked."""
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 6, 7, 6])
    told.tell("rollout.moved", state="homing", phase=0, reason="errors 19/240")
    told.effect("traffic.home", "a 100 % / b 0 %", "effect.unknown", cause="could not set the weights: throttled")
    return told.end("stuck", "could not bring traffic home within 180 s: throttled", commands=list(COMMANDS))


@cache
def asking() -> ReleaseState:
    """Tell a release that waits for people."""
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0] * 6)
    told.ask(0, decision="")
    return told.state


@cache
def started_over() -> ReleaseState:
    """Tell a release whose process died at 10 % and which began its canary again."""
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 1])
    told.shift(0)
    told.shift(10)
    told.bake(0, [0] * 6)
    return told.state


ENDINGS = {
    "shipped": shipped,
    "rolled back": rolled_back,
    "rejected": rejected,
    "refused": refused,
    "stuck": stuck,
    "running": asking,
}


def restore_point() -> RestorePoint:
    """Make what ran before."""
    sides = {
        side: SideState(
            side=side,
            service=f"greenflow-api-{side}",
            target_group_arn=f"arn:{side}",
            task_definition_arn="arn:task:1",
            image="image",
            digest=DIGEST,
            desired_count=2,
            running_count=2,
            healthy_targets=2,
            weight=100 if side is Side.A else 0,
        )
        for side in Side
    }
    return RestorePoint(
        stable=Side.A,
        live=Live(weights=Weights(a=100, b=0), a=sides[Side.A], b=sides[Side.B]),
        vercel_deployment_id="dpl_1",
        schema_version="001",
        stable_version="1.0.0",
        commit="b" * 40,
        git_tag="greenflow/restore/1",
        recorded_at=START,
    )


def backup() -> BackupProof:
    """Make a proof of a backup."""
    return BackupProof(
        checks=(Check.of("restored tables", ok=True, found="2 tables", expected="2 tables"),),
        bucket="greenflow-backups",
        key="dumps/1.dump",
        size_bytes=81_265,
        sha256="d" * 64,
        tables={
            "public.bids": TableProof(rows=842, sha256="e" * 64),
            "public.users": TableProof(rows=304, sha256="f" * 64),
        },
        server_version="18.6",
        client_version="18.6",
        dump_s=0.4,
        restore_s=1.3,
    )


def users(failed_in: Sequence[int] = ()) -> dict[str, Any]:
    """Make what a load client told: a second each, with that many failed requests of a hundred."""
    begun = START.timestamp()
    seconds = [{"start": begun + at, "requests": 100, "failed": failed} for at, failed in enumerate(failed_in)]
    failures = {"by_reason": {"502": 1, "500": sum(failed_in)}, "by_version": {"1.1.0": sum(failed_in)}}
    return {"requests": 6100, "failed": sum(failed_in) + 1, "p95_ms": 41.5, "failures": failures, "seconds": seconds}
