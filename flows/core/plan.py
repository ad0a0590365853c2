"""Plan a release from what runs now: which side is stable, which gets the new version, by which weights."""

from datetime import datetime

from tasks.errors import GateRefused
from tasks.models import FULL_WEIGHT, Check, Live, PhaseNeed, ReleasePlan, Side
from tasks.sentences import Sentence, sentence


def stable_side(live: Live) -> Side:
    """Read from the live weights which side is stable; raises GateRefused when traffic is split (safety I11)."""
    for side in Side:
        if live.weights.of(side) == FULL_WEIGHT:
            return side
    msg = sentence(
        "traffic gate refused: found {weights}, expected 100 % on one side; "
        "a release or a person left it split: bring it home with `greenflow rollback`",
        weights=live.weights,
    )
    check = Check.of("traffic on one side", ok=False, found=live.weights, expected="100 % on one side")
    raise GateRefused(msg, gate="traffic", checks=(check,))


def plan_release(
    *,
    release_id: str,
    version: str,
    environment: str,
    requested_by: str,
    commit: str,
    live: Live,
    phases: tuple[int, ...],
) -> ReleasePlan:
    """Plan the release to the idle side; raises GateRefused when phases or live traffic forbid it."""
    if list(phases) != sorted(set(phases)) or phases[-1] != FULL_WEIGHT:
        msg = sentence(
            "plan refused: found phases {phases}, expected rising weights that end at {whole}",
            phases=list(phases),
            whole=FULL_WEIGHT,
        )
        raise GateRefused(msg, gate="plan")
    stable = stable_side(live)
    return ReleasePlan(
        release_id=release_id,
        version=version,
        environment=environment,
        requested_by=requested_by,
        commit=commit,
        stable=stable,
        candidate=stable.other,
        phases=phases,
    )


def name_release(version: str, now: datetime, suffix: str) -> str:
    """Name a release so that names sort by version and time; ``suffix`` keeps two of one second apart."""
    return f"{version}-{now:%Y%m%dT%H%M%S}-{suffix}"


def sentences(plan: ReleasePlan) -> tuple[str, ...]:
    """Say the plan to people."""
    weights = " % -> ".join(str(weight) for weight in plan.phases)
    return (
        sentence(
            "release {version} ({commit}) to {environment} as {release}",
            version=plan.version,
            commit=plan.commit[:7],
            environment=plan.environment,
            release=plan.release_id,
        ),
        sentence("side {stable} stays stable, side {new} gets the new version", stable=plan.stable, new=plan.candidate),
        sentence("traffic {weights} %, with a person's yes between the weights", weights=weights),
        *(_needed(need) for need in plan.needs),
    )


def _needed(need: PhaseNeed) -> Sentence:
    return sentence("{weight} % needs {tasks} tasks: {why}", weight=need.weight, tasks=need.tasks, why=need.why)
