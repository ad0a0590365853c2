"""Keep what the judge knows of many releases in one weight: sums, the last periods, and the evidence."""

from dataclasses import dataclass

import numpy as np

from deployments.bench.traffic import (
    EVENTS,
    FAILED,
    NEW,
    OLD,
    PROBES,
    REQUESTS,
    SLOW_1S,
    SLOW_5S,
    SLOW_300MS,
    USERS,
    Flags,
    Floats,
    Ints,
    Traffic,
)
from flows.core.bake import ALL_TRAFFIC, weight_of
from flows.core.evidence import CEILING, RISK_RATIOS
from tasks.judge_policy import JudgePolicy

EMERGENCIES = (FAILED, SLOW_5S)
RELATIVE = (FAILED, SLOW_300MS, SLOW_1S)
SIDES_SHAPE = (2, 2, 5)
"""Users or probes, new or old, kind."""


def rates(events: Ints, requests: Ints) -> Floats:
    """Divide; nothing of nothing is 0."""
    shape = np.broadcast_shapes(events.shape, requests.shape)
    return np.divide(events, requests, out=np.zeros(shape), where=np.broadcast_to(requests > 0, shape))


@dataclass(slots=True)
class Past:
    """Hold what a release brings from one weight into the next.

    `wealth`: shape (releases, relative kind, alternative). `old`: what the old side answered so far, shape
    (releases, users or probes, kind). `etas`: shape (releases, kind of event).
    """

    wealth: Floats
    staked: Floats
    old: Ints
    etas: Floats

    def chosen(self, which: Flags) -> "Past":
        """Keep the chosen releases."""
        return Past(self.wealth[which], self.staked[which], self.old[which], self.etas[which])


def first_past(traffic: Traffic, policy: JudgePolicy) -> Past:
    """Begin with the hour before the release."""
    many = traffic.releases
    baseline = without_outages(traffic.baseline, policy)
    old = np.zeros((many, 2, 5), dtype=np.int64)
    old[:, USERS] = baseline.sum(axis=1)
    wealth = np.zeros((many, len(RELATIVE), len(RISK_RATIOS)))
    return Past(wealth, np.zeros(many), old, 1 / dispersions(baseline, policy))


def without_outages(baseline: Ints, policy: JudgePolicy) -> Ints:
    """Empty the periods of an outage before the release."""
    events = baseline[..., list(EMERGENCIES)]
    beyond = rates(events, baseline[..., REQUESTS, None]) > policy.warm_up_limit_rate
    outage = np.any((events >= policy.limit_events) & beyond, axis=2)
    return np.where(outage[..., None], 0, baseline)


def dispersions(baseline: Ints, policy: JudgePolicy) -> Floats:
    """Measure Pearson's phi of every kind of event, as `flows.core.evidence.dispersion` does."""
    requests, events = baseline[..., REQUESTS, None], baseline[..., EVENTS]
    all_events, all_requests, rows = events.sum(axis=1), requests.sum(axis=1), (requests > 0).sum(axis=1)
    rate = rates(all_events, all_requests)[:, None]
    variance = requests * rate * (1 - rate)
    terms = np.divide((events - requests * rate) ** 2, variance, out=np.zeros(events.shape), where=variance > 0)
    freedom = np.maximum(rows - 1, 1)
    phi = terms.sum(axis=1) / freedom
    chance = 1 + policy.dispersion_z * np.sqrt((2 + rows / np.maximum(all_events, 1)) / freedom)
    told = (rows > 1) & (all_events >= policy.min_dispersion_events) & (all_events < all_requests) & (phi > chance)
    return np.where(told, np.minimum(phi, policy.max_dispersion), 1.0)


@dataclass(slots=True)
class Bake:
    """Hold many releases in one weight. Arrays have a first axis of releases.

    `window`: the last complete rows, `unheld` the sum of all that were not held, `compared` the sum of those that
    tell the sides apart, `recent` the last of them. `unseen`, `idle`: how many periods in a row had no metrics or no
    telling request. `due`: requests that the new and the old side should have got since their last one.
    """

    phase: int
    policy: JudgePolicy
    past: Past
    window: Ints
    window_warm: Flags
    unheld: Ints
    compared: Ints
    recent: Ints
    newest_held: Flags
    newest_compared: Flags
    counted: Ints
    begun: Flags
    unseen: Ints
    idle: Ints
    due: Floats
    evidence: Floats

    @property
    def takes_all(self) -> bool:
        """Say whether the new side gets all of the traffic."""
        return weight_of(self.phase, self.policy) == ALL_TRAFFIC

    def hear(self, place: int, row: Ints, seen: Flags) -> None:
        """Take in a period of every release; only a `seen` one is complete."""
        warm = place < self.policy.warm_up_periods
        self.unseen = np.where(seen, 0, self.unseen + 1)
        telling = self._count_requests(row, seen)
        held = seen & both_in_trouble(row, self.policy)
        self.newest_held = np.where(seen, held, self.newest_held)
        self.newest_compared = np.where(seen, ~held & (not warm), self.newest_compared)
        self.counted += seen & ~held & telling
        self.window = _pushed(self.window, row, seen)
        self.window_warm = _pushed(self.window_warm, np.full(len(row), warm), seen)
        compared = seen & self.newest_compared
        self.compared += row * compared[:, None, None, None]
        self.recent = _pushed(self.recent, row, compared)
        unheld = row * (seen & ~held)[:, None, None, None]
        self.unheld += unheld
        if self.takes_all:
            return
        self.past.old += unheld[:, :, OLD]
        if not warm:
            self._bet(row, seen, held)

    def sides(self, rows: Ints) -> Ints:
        """Add periods up (axis 1); at all of the traffic the past stands for the old side."""
        return self.against_past(rows.sum(axis=1))

    def against_past(self, sums: Ints) -> Ints:
        """Put the past in the old side's place where it has no traffic."""
        if not self.takes_all:
            return sums
        return np.stack([sums[:, :, NEW], self.past.old], axis=2)

    def _count_requests(self, row: Ints, seen: Flags) -> Flags:
        """Follow which side goes without requests; return where anybody came who tells something in this weight."""
        populations = [USERS, PROBES] if self.phase == 0 else [USERS]
        telling: Flags = row[:, populations][..., REQUESTS].sum(axis=(1, 2)) > 0
        self.idle = np.where(seen, np.where(telling, 0, self.idle + 1), self.idle)
        users = row[:, USERS, :, REQUESTS]
        weight = weight_of(self.phase, self.policy)
        shares = np.array([weight, ALL_TRAFFIC - weight]) / ALL_TRAFFIC
        due = np.where(users > 0, 0, self.due + users.sum(axis=1, keepdims=True) * shares)
        self.due = np.where(seen[:, None], due, self.due)
        return telling

    def _bet(self, row: Ints, seen: Flags, held: Flags) -> None:
        policy, past = self.policy, self.past
        first = {0: policy.first_phase_stake, 1: policy.second_phase_stake}.get(self.phase, policy.other_period_stake)
        stake = np.where(self.begun, policy.other_period_stake, first)
        stake = np.where(seen, np.minimum(stake, 1 - past.staked), 0.0)
        self.begun |= seen
        limit = np.where(held, 0.0, np.log(policy.period_evidence_cap))[:, None, None]
        gain = past.etas[:, [kind - 1 for kind in RELATIVE], None] * gains(row, policy)
        grown = (past.wealth + stake[:, None, None]) * np.exp(np.minimum(limit, gain))
        past.wealth = np.where(seen[:, None, None], np.minimum(CEILING, grown), past.wealth)
        past.staked = past.staked + stake
        self.evidence = past.wealth.mean(axis=2) + 1 - past.staked[:, None]


def gains(row: Ints, policy: JudgePolicy) -> Floats:
    """Return the log likelihood ratios of users and probes together, shape (releases, kind, alternative)."""
    null = np.array([policy.errors_null_ratio, policy.slow_null_ratio, policy.slow_null_ratio])[:, None]
    requests = row[..., REQUESTS]
    share = rates(requests[..., NEW], requests.sum(axis=-1))[..., None, None]
    events = row[..., list(RELATIVE)]
    odds = np.log1p(share * (null * RISK_RATIOS - 1)) - np.log1p(share * (null - 1))
    new, both = events[:, :, NEW, :, None], events.sum(axis=2)[..., None]
    ratios: Floats = (new * np.log(RISK_RATIOS) - both * odds).sum(axis=1)
    return ratios


def both_in_trouble(sides: Ints, policy: JudgePolicy) -> Flags:
    """Say where both sides are beyond a hard limit; probes speak only where a side had no user."""
    has_users = np.all(sides[:, USERS, :, REQUESTS] > 0, axis=1)
    spoken = np.where(has_users[:, None, None], sides[:, USERS], sides[:, PROBES])
    beyond: Flags = rates(spoken[..., list(EMERGENCIES)], spoken[..., REQUESTS, None]) > policy.limit_rate
    troubled: Flags = np.any(np.all(beyond, axis=1), axis=1)
    return troubled


def begin(phase: int, past: Past, policy: JudgePolicy) -> Bake:
    """Begin a weight with what is known of the releases that got there."""
    many = len(past.staked)
    none, no = np.zeros(many, dtype=np.int64), np.zeros(many, dtype=bool)
    rows = np.zeros((many, policy.limit_window_periods, *SIDES_SHAPE), dtype=np.int64)
    return Bake(
        phase=phase,
        policy=policy,
        past=past,
        window=rows,
        window_warm=np.zeros(rows.shape[:2], dtype=bool),
        unheld=np.zeros((many, *SIDES_SHAPE), dtype=np.int64),
        compared=np.zeros((many, *SIDES_SHAPE), dtype=np.int64),
        recent=np.zeros((many, policy.recent_periods, *SIDES_SHAPE), dtype=np.int64),
        newest_held=no,
        newest_compared=no,
        counted=none.copy(),
        begun=no.copy(),
        unseen=none,
        idle=none,
        due=np.zeros((many, 2)),
        evidence=past.wealth.mean(axis=2) + 1 - past.staked[:, None],
    )


def _pushed(last: np.ndarray, row: np.ndarray, seen: Flags) -> np.ndarray:
    """Put a row behind the last ones of the releases that have seen it."""
    moved = np.concatenate([last[:, 1:], row[:, None]], axis=1)
    return np.where(seen.reshape(-1, *[1] * (last.ndim - 1)), moved, last)
