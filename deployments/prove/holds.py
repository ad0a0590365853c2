"""Look at a production after a trial and say which promise was not kept (safety, the invariants)."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from deployments.prove.world import GUARD_EVERY_S, LEASE_S, TABLE, World
from deployments.twin.aws_call_log import CallRecord
from deployments.twin.aws_faults import AFTER
from deployments.twin.slack_blocks import buttons
from flows.core.record import Ending, ReleaseState, fold
from tasks.errors import ReleaseError
from tasks.event_store import EventStore, read_events
from tasks.lock import read_lock
from tasks.models import FULL_WEIGHT, Event, Weights
from tasks.weights import read_weights

LOOK_S = 0.1
VERIFICATION_S = 15.0
HOME_WITHIN_S = LEASE_S + GUARD_EVERY_S + VERIFICATION_S
"""I4's T with the trials' own lease and guard; production's are 60 s and 15 s."""
ONCE = frozenset({"RegisterTaskDefinition", "CompleteMultipartUpload"})
"""Calls that no release needs twice, whoever died in between."""


@dataclass(frozen=True)
class Before:
    """Hold how production was when a trial began."""

    weights: Weights
    failed: int
    requests: int
    messages: int
    call: int
    phases: int
    running: dict[str, int]


@dataclass(frozen=True)
class After:
    """Hold what a trial has left behind."""

    before: Before
    weights: Weights
    state: ReleaseState
    events: Sequence[Event]
    home_s: float
    guarded: bool
    version: str
    failed: int

    @property
    def effects(self) -> frozenset[str]:
        """Name the effects that the ledger knows of."""
        return frozenset(event.data["effect"] for event in self.events if event.kind == "effect.intended")

    @property
    def shipped(self) -> bool:
        """Tell whether the candidate has the traffic for good."""
        return self.state.ending is Ending.SHIPPED


def look_before(world: World) -> Before:
    """Remember how production is."""
    users, calls = world.twin.users(), world.twin.emulator.calls.since()
    return Before(
        weights=read_weights(world.settings),
        failed=int(users.get("failed", 0)),
        requests=int(users.get("requests", 0)),
        messages=len(world.twin.slack.messages),
        call=calls[-1].number if calls else 0,
        phases=len(world.twin.traffic()),
        running=world.running(),
    )


def look_after(world: World, before: Before, version: str, home_s: float, *, guarded: bool) -> tuple[After, list[str]]:
    """Read what is left, and say what of it is not as promised; an unreadable chain is the first of it."""
    store = EventStore(world.settings)
    lock = read_lock(store, "rehearsal")
    events: list[Event] = []
    broken: list[str] = []
    if lock and lock.version == version:
        try:
            events = read_events(store, lock.release_id)
        except ReleaseError as error:
            broken.append(f"I26 {error}")
        if lock.state != "free":
            broken.append(f"I4 the environment: found {lock.state} by {lock.owner}, expected free")
    failed = int(world.twin.users().get("failed", 0)) - before.failed
    weights = read_weights(world.settings)
    after = After(before, weights, fold(events), events, home_s, guarded, version, failed)
    return after, [*broken, *_broken(world, after)]


def _broken(world: World, after: After) -> Iterator[str]:
    looks: tuple[Callable[[World, After], Iterator[str]], ...] = (
        _where_the_traffic_is,
        _how_it_ended,
        _which_weights_there_were,
        _what_was_approved,
        _what_happened_twice,
        _what_is_left,
        _what_people_see,
        _what_users_met,
    )
    for look in looks:
        yield from look(world, after)


def _where_the_traffic_is(_: World, after: After) -> Iterator[str]:
    plan, found = after.state.plan, after.weights
    expected = Weights.giving(plan.candidate, FULL_WEIGHT) if plan and after.shipped else after.before.weights
    if found != expected:
        yield f"I4 the weights: found {found}, expected {expected}"
    if after.home_s > HOME_WITHIN_S:
        yield f"I4 at home after {after.home_s:.1f} s, expected within {HOME_WITHIN_S:g} s"


def _how_it_ended(_: World, after: After) -> Iterator[str]:
    if after.events and not after.state.ended:
        yield f"I3 the release: found {after.state.ending}, expected an ending"
    if after.state.ending is Ending.STUCK:
        yield f"I14 the release is stuck: {after.state.reason}"
    forward = after.shipped and after.guarded and not _carried_all(after.events)
    if forward:
        yield "I4 the guard went forward"


def _carried_all(events: Sequence[Event]) -> bool:
    return any(event.kind == "rollout.moved" and event.data["state"] == "shipped" for event in events)


def _which_weights_there_were(world: World, after: After) -> Iterator[str]:
    allowed = {0, FULL_WEIGHT, *(weight for phase in world.settings.rollout.phases for weight in (phase, 100 - phase))}
    for phase in world.twin.traffic()[after.before.phases :]:
        weights = phase["weights"].values()
        if sum(weights) != FULL_WEIGHT or not set(weights) <= allowed:
            yield f"I1 the balancer worked by {phase['weights']}, expected weights of the plan"


def _what_was_approved(_: World, after: After) -> Iterator[str]:
    """Every weight above the first phase has an approval between it and the weight before (I2, I5)."""
    plan, at, approved = after.state.plan, 0, False
    if plan is None:
        return
    for event in after.events:
        if event.kind == "ask.answered":
            approved = event.data["answer"]["decision"] == "approve"
        if event.kind == "traffic.shifted":
            weight = Weights.model_validate(event.data["weights"]).of(plan.candidate)
            if weight > plan.phases[0] and weight > at and not approved:
                yield f"I2 {weight} % without an approval"
            if weight > at and weight != next((phase for phase in plan.phases if phase > at), None):
                yield f"I5 {weight} % right after {at} %"
            at, approved = weight, False


def _what_happened_twice(world: World, after: After) -> Iterator[str]:
    calls = [call for call in world.twin.emulator.calls.since(after.before.call) if _happened(call)]
    for operation, times in Counter(call.operation for call in calls).items():
        if operation in ONCE and times > 1:
            yield f"I3 {operation}: found {times} times, expected once"
    ours = [item for item in world.twin.vercel.deployments if item.meta.get("version") == after.version]
    if len(ours) > 1:
        yield f"I3 deployments at Vercel: found {len(ours)}, expected one"
    keys = Counter(_key(message) for message in world.twin.slack.messages[after.before.messages :])
    for key, times in keys.items():
        if key and times > 1:
            yield f"I3 the message {key}: found {times} times, expected once"
    with psycopg.connect(world.database) as connection:
        row = connection.execute("select count(*) from pgmigrations where name like '003%'").fetchone()
        there = connection.execute(f"select to_regclass('{TABLE}') is not null").fetchone()
    if row and there and (row[0], there[0]) not in {(0, False), (1, True)}:
        yield f"I18 the migration: found {row[0]} times on record, table there: {there[0]}"


def _happened(call: CallRecord) -> bool:
    """Tell whether a call changed something, whatever its caller was told."""
    return call.mutating and (call.error is None or call.fault in AFTER)


def _key(message: dict[str, Any]) -> str:
    return str(message.get("metadata", {}).get("event_payload", {}).get("key", ""))


def _what_is_left(world: World, after: After) -> Iterator[str]:
    if world.scratch_databases():
        yield f"scratch databases left behind: {', '.join(world.scratch_databases())}"
    if world.unfinished_uploads():
        yield f"unfinished uploads left behind: {', '.join(world.unfinished_uploads())}"
    untold = [tenant for tenant in world.tenants() if tenant not in " ".join(map(str, after.state.left_over))]
    if untold:
        yield f"a journey's data left behind in production, and nobody was told: {', '.join(untold)}"
    if not after.shipped and world.running() != after.before.running:
        yield f"I15 tasks wanted: found {world.running()}, expected {after.before.running}"
    if world.held_back() and not after.shipped:
        yield f"autoscaling is still held back: {', '.join(world.held_back())}"


def _what_people_see(world: World, after: After) -> Iterator[str]:
    said = world.twin.slack.messages[after.before.messages :]
    left = [button.get("action_id") for message in said for _, button in buttons(message["blocks"])]
    if left:
        yield f"I28 buttons that do nothing: {left}"
    planned = [event for event in after.events if event.kind == "release.planned"]
    if planned and not said:
        yield "I4 nobody was told"


def _what_users_met(_: World, after: After) -> Iterator[str]:
    if after.failed:
        yield f"users met {after.failed} failed requests, expected none"


def wait_for_home(world: World, over: Callable[[float], bool]) -> float:
    """Return after how many seconds all traffic was on one version, or until ``over`` was waited for."""
    began = time.monotonic()
    while True:
        found = read_weights(world.settings)
        took_s = time.monotonic() - began
        if FULL_WEIGHT in {found.a, found.b} or over(LOOK_S):
            return took_s
