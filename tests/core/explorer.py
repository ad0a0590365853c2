"""Walk through everything that can happen to a release: the real decisions, with a world around them that may break.

Breadth first over all events at every state: good and bad verdicts, every answer, lost answers, drift, a failed call, a
blocked way back, the death of the process with a guard to follow. Each state is held to the invariants of safety; the
first one broken raises BrokenInvariantError with the events that led there.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from flows.core.judge import Verdict, judge
from flows.core.record import ReleaseState
from tasks.judge_policy import JudgePolicy
from tasks.models import ReleasePlan, Side, Weights
from tests.core.judge_rows import promoted_release

PHASES = (10, 50, 100)
FULL = 100
DRIFT = 33
ANSWERS = ("approve", "reject", "roll_back", "expired", "interrupted", "unverified")
PLAN = ReleasePlan(
    release_id="1.1.0-x",
    version="1.1.0",
    environment="rehearsal",
    requested_by="kim",
    commit="0" * 40,
    stable=Side.A,
    candidate=Side.B,
    phases=PHASES,
)
JUDGEMENTS = {
    verdict: judge(promoted_release(), 2, JudgePolicy()).model_copy(
        update={"verdict": verdict, "reasons": ("because",)}
    )
    for verdict in Verdict
}


class BrokenInvariantError(AssertionError):
    """Name what must never be so, and how it came about."""


@dataclass(frozen=True)
class World:
    """Hold one state of everything: the rollout, what users meet, what people and the judge have said."""

    rollout: Any
    live: int = 0
    yes: int = 0
    promoted_at: int = -1
    kept: bool = False
    people_spoke: bool = False
    let_go: bool = False
    dead: bool = False
    guarded: bool = False


@dataclass(frozen=True)
class Step:
    """Hold one thing that may happen: its name, what the rollout is told, and how the world looks then."""

    name: str
    event: Any
    world: World


def explore(core: ModuleType, guarding: ModuleType) -> int:
    """Try everything everywhere and return how many states there are; raises BrokenInvariantError."""
    first = World(core.Rollout(phases=PHASES))
    paths: dict[World, tuple[str, ...]] = {first: ()}
    ways: dict[World, set[World]] = {}
    queue = deque([first])
    while queue:
        world = queue.popleft()
        ways[world] = set()
        for name, reached in _everything(core, guarding, world):
            path = (*paths[world], name)
            _hold(core, world, name, reached, path)
            ways[world].add(reached)
            if reached not in paths:
                paths[reached] = path
                queue.append(reached)
    _insist_on_an_end(core, ways, paths)
    return len(paths)


def _everything(core: ModuleType, guarding: ModuleType, world: World) -> Iterator[tuple[str, World]]:
    if world.guarded:
        return
    if world.dead:
        yield "the guard comes", _guarded(guarding, world)
        if world.live == FULL and not world.let_go:
            yield "a late request", replace(world, live=PHASES[1])
        return
    yield "the process dies", replace(world, dead=True)
    if world.rollout.state == core.State.SHIPPED and not world.let_go:
        yield "the old side is let go", replace(world, let_go=True)
    for step in _steps(core, world):
        try:
            rollout = world.rollout.on(step.event)
        except core.UnexpectedEventError:
            if world.rollout.state in core.ENDED or _must_be_heard(core, world, step.name):
                raise BrokenInvariantError(f"{step.name} is not heard while {world.rollout.state}") from None
            continue
        yield step.name, replace(step.world, rollout=rollout)


def _must_be_heard(core: ModuleType, world: World, name: str) -> bool:
    failed = name in {"failed", "stopped"} and _moving(core, world)
    return failed or (name == "came home" and world.rollout.state == core.State.HOMING)


def _steps(core: ModuleType, world: World) -> Iterator[Step]:
    """Yield what the outside may do; calls happen only where the flow makes them."""
    state, rollout = world.rollout.state, world.rollout
    yield Step("start", core.Start(), world)
    yield Step("failed", core.Failed(why="it broke"), world)
    yield Step("stopped", core.Failed(why="a person", by_people=True), replace(world, people_spoke=True))
    if state == core.State.SHIFTING:
        yield Step("shifted", core.Shifted(weight=rollout.weight), replace(world, live=rollout.weight))
        yield Step("shifted, answer lost", core.Failed(why="lost"), replace(world, live=rollout.weight))
        yield Step("drift", core.Shifted(weight=DRIFT), replace(world, live=DRIFT))
    for verdict, judgement in JUDGEMENTS.items():
        promoted = state == core.State.BAKING and verdict is Verdict.PROMOTE
        said = replace(world, promoted_at=rollout.phase) if promoted else world
        yield Step(f"judged {verdict}", core.Judged(judgement=judgement), said)
    for decision in ANSWERS:
        yield from _answers(core, world, decision)
    if state == core.State.HOMING:
        yield Step("came home", core.CameHome(), replace(world, live=0))
        yield Step("blocked", core.HomeBlocked(why="denied"), world)


def _answers(core: ModuleType, world: World, decision: str) -> Iterator[Step]:
    asked = world.rollout.state == core.State.ASKING
    for by in ("kim", core.JUDGE):
        if by == core.JUDGE and decision != "roll_back":
            continue
        said = replace(world, people_spoke=True) if by != core.JUDGE else world
        if asked and decision == "approve":
            said = replace(said, yes=world.yes + (not world.rollout.is_last), kept=world.rollout.is_last)
        yield Step(f"{decision} by {by}", core.Answered(decision=decision, by=by), said)


def _guarded(guarding: ModuleType, world: World) -> World:
    """Let the guard's own decision bring an orphan where it belongs."""
    state = ReleaseState(release_id="x", plan=PLAN, rollout=str(world.rollout.state) if _began(world) else "")
    course = guarding.course(state, Weights.giving(PLAN.candidate, world.live))
    return replace(world, guarded=True, live=0 if course == guarding.Course.HOME else world.live)


def _began(world: World) -> bool:
    return str(world.rollout.state) != "ready"


def _hold(core: ModuleType, before: World, name: str, after: World, path: tuple[str, ...]) -> None:
    for said, broken in LAWS:
        if broken(core, before, after, name):
            raise BrokenInvariantError(f"{said}: {' > '.join(path)}")


Law = Callable[[ModuleType, World, World, str], bool]


def _insist_on_an_end(core: ModuleType, ways: dict[World, set[World]], paths: dict[World, tuple[str, ...]]) -> None:
    """Hold that from every state a living process can come to an end."""
    ends = {world for world in ways if world.rollout.state in core.ENDED}
    grown = True
    while grown:
        more = {world for world, reached in ways.items() if reached & ends} - ends
        ends |= more
        grown = bool(more)
    for world in ways.keys() - ends:
        if not world.dead:
            raise BrokenInvariantError(f"no end can be reached: {' > '.join(paths[world])}")


def _moving(core: ModuleType, world: World) -> bool:
    return world.rollout.state in core.MOVING


LAWS: tuple[tuple[str, Law], ...] = (
    ("a weight that is not the plan's is baked", lambda c, _, a, __: a.live == DRIFT and _moving(c, a)),
    (
        "more than the first weight without a yes for each step (I2)",
        lambda _, __, a, ___: a.live in PHASES and PHASES.index(a.live) > a.yes,
    ),
    ("a phase is left out (I5)", lambda _, b, a, __: a.rollout.phase - b.rollout.phase not in {0, 1}),
    (
        "a phase goes on without the judge or people (I6)",
        lambda _, b, a, n: a.rollout.phase > b.rollout.phase and not n.startswith("approve"),
    ),
    (
        "people are asked before the judge has spoken",
        lambda c, b, a, n: a.rollout.state == c.State.ASKING != b.rollout.state and "wait" in n.lower(),
    ),
    (
        "shipped without positive evidence or a person's word at the last weight (I6)",
        lambda c, _, a, __: a.rollout.state == c.State.SHIPPED and not (a.promoted_at == len(PHASES) - 1 or a.kept),
    ),
    (
        "shipped without all of the traffic (I9)",
        lambda c, _, a, __: a.rollout.state == c.State.SHIPPED and not a.dead and a.live != FULL,
    ),
    (
        "a bad verdict does not bring it home (I21)",
        lambda c, b, a, n: (
            n == f"judged {Verdict.ROLL_BACK}"
            and b.rollout.state in {c.State.BAKING, c.State.ASKING}
            and a.rollout.state != c.State.HOMING
        ),
    ),
    (
        "anything but a yes goes on (I21)",
        lambda c, b, a, n: (
            b.rollout.state == c.State.ASKING and n.split()[0] in ANSWERS[1:] and a.rollout.state != c.State.HOMING
        ),
    ),
    (
        "a failure does not bring it home (I4)",
        lambda c, b, a, n: n in {"failed", "stopped"} and _moving(c, b) and a.rollout.state != c.State.HOMING,
    ),
    (
        "home without having been seen there (I14)",
        lambda c, _, a, __: a.rollout.state == c.State.HOME and not a.guarded and a.live != 0,
    ),
    ("what ended goes on (I8)", lambda c, b, a, __: b.rollout.state in c.ENDED and a.rollout != b.rollout),
    (
        "from the way home it goes up again",
        lambda c, b, a, __: b.rollout.state == c.State.HOMING and _moving(c, a),
    ),
    ("people are blamed for what they did not say", lambda _, __, a, ___: a.rollout.by_people and not a.people_spoke),
    (
        "an orphan is left between two versions (I4)",
        lambda _, __, a, ___: a.guarded and str(a.rollout.state) != "stuck" and a.live not in {0, FULL},
    ),
    (
        "an orphan stays on a version that nobody passed (I4, I6)",
        lambda c, _, a, __: a.guarded and a.live == FULL and a.rollout.state not in {c.State.SHIPPED, c.State.STUCK},
    ),
    (
        "an orphan goes back to a side that was let go (I1)",
        lambda _, __, a, ___: a.guarded and a.let_go and a.live == 0,
    ),
)
