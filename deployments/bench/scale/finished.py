"""Fill a ledger with finished releases, and time the commands that people wait for."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.backends import get_backend

from deployments.bench.scale.ground import ACCOUNT, BUCKET, Ground
from flows.core.judge import judge
from tasks.chain import GENESIS, sealed
from tasks.event_store import event_key
from tasks.ledger import open_ledger
from tasks.models import Check, Event, Evidence, ReleasePlan, Side, Weights
from tasks.settings import Settings, load_settings

NAME = "scale"
STAGES, EFFECTS, POLLS = 49, 22, 30
"""As many as a rehearsal's release has: some 180 events."""
ROUNDS = 5
S3_ANSWERS_S = 0.015

COMMANDS = {
    "status": ("status", "--environment", NAME, "--json"),
    "report": ("report", "--environment", NAME, "--out", "report.html", "--json"),
}


@dataclass(frozen=True)
class Waited:
    """Hold how long a command took, start of Python included, as the median of some rounds."""

    command: str
    took_s: float


def fill(count: int) -> int:
    """Write that many releases into the ledger, a day apart, the last one now; returns the number of events."""
    settings, now = load_settings(NAME), datetime.now(UTC)
    s3 = get_backend("s3")[ACCOUNT]["aws"]
    newest = f"1.1.0-{now:%Y%m%dT%H%M%S}-beef"
    # The others are listed here and never read: they have the same bytes.
    chain = [event.model_dump_json().encode() for event in _chain(settings, newest, "1.1.0", now)]
    for days in range(count):
        release_id = f"1.1.0-{now - timedelta(days=days):%Y%m%dT%H%M%S}-beef"
        for seq, body in enumerate(chain, start=1):
            # Past the door: an HTTP request for each of them would take a quarter of an hour.
            s3.put_object(BUCKET, event_key(release_id, seq), body)
    with open_ledger(settings, release_id=newest, version="1.1.0"):
        pass  # the environment's lease says whose it was last
    return count * len(chain)


def timed(ground: Ground) -> list[Waited]:
    """Run each command some times, with S3's own delay in every request."""
    return [
        Waited(name, statistics.median(_run(ground, argv) for _ in range(ROUNDS))) for name, argv in COMMANDS.items()
    ]


def _run(ground: Ground, argv: Sequence[str]) -> float:
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", *argv],
        cwd=ground.folder,
        env={**ground.environment, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        msg = f"could not time greenflow {argv[0]}: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return time.monotonic() - began_s


def _chain(settings: Settings, release_id: str, version: str, opened: datetime) -> Iterator[Event]:
    previous = GENESIS
    for seq, (kind, data) in enumerate(_told(settings, release_id, version), start=1):
        at = opened + timedelta(seconds=seq)
        event = Event(
            seq=seq, release_id=release_id, kind=kind, at=at, epoch=1, writer="scale", data=data, previous=previous
        )
        event = sealed(event)
        previous = event.sha256
        yield event


def _told(settings: Settings, release_id: str, version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    plan = ReleasePlan(
        release_id=release_id,
        version=version,
        environment=NAME,
        requested_by="scale",
        commit="c" * 40,
        stable=Side.A,
        candidate=Side.B,
        phases=settings.rollout.phases,
        stable_version="1.0.0",
    )
    checks = tuple(
        Check.of(f"check {number}", ok=True, found="as expected", expected="as expected") for number in "123"
    )
    judgement = judge((), 0, settings.judge_policy).model_dump(mode="json")
    yield "release.opened", {"version": version, "environment": NAME, "requested_by": "scale", "flow_run_id": ""}
    yield "release.planned", {"plan": plan.model_dump(mode="json")}
    for number in range(STAGES):
        stage = f"{1 + number // 10}.{number % 10} stage {number}"
        yield "stage.started", {"stage": stage}
        proof = Evidence(checks=checks).model_dump(mode="json")
        yield "stage.finished", {"stage": stage, "took_s": 1.0, "evidence": proof}
    for number in range(EFFECTS):
        about = {"effect": "service.scale", "key": f"scale-{number}"}
        yield "effect.intended", about
        yield "effect.done", {**about, "already": False}
    for _ in range(POLLS):
        yield "bake.polled", {"phase": 0, "judgement": judgement}
    yield "traffic.shifted", {"weights": Weights(a=0, b=100).model_dump()}
    yield "rollout.moved", {"state": "shipped", "phase": len(plan.phases) - 1, "reason": "the judge is content"}
    yield "release.ended", {"ending": "shipped", "reason": "the judge is content", "commands": ()}
