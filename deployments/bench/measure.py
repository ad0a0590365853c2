"""Measure every judge on every cell."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from deployments.bench.cells import Cell
from deployments.bench.many import judge_many
from deployments.bench.outcome import ASKED, ROLLED_BACK, Outcome, failed_users
from deployments.bench.replay import differing_releases
from deployments.bench.rivals import RIVALS
from deployments.bench.traffic import Traffic
from tasks.judge_policy import JudgePolicy

OURS = "this judge"
FEWEST_FOR_A_SHARE = 4
"""So many times the releases where a bar is a small share of them."""
PROMOTED_WITHIN = 30


@dataclass(frozen=True, slots=True)
class Found:
    """Hold what a judge made of a cell. Shares are fractions of releases, detection is in periods."""

    releases: int
    rolled_back: float
    asked: float
    promoted_to_all: float
    promoted_in_time: float
    detection_p50: float
    detection_p95: float
    failed_users: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold a cell, what each judge made of it, and how many replayed releases the real judge saw differently."""

    cell: Cell
    found: dict[str, Found]
    replayed: int
    differing: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Say how much to simulate."""

    releases: int
    replays: int
    seed: int

    def releases_of(self, cell: Cell) -> int:
        """Return how many releases a cell needs."""
        return self.releases * (FEWEST_FOR_A_SHARE if cell.group in {"clean", "not to pass"} else 1)


def measure(cell: Cell, plan: Plan) -> Measured:
    """Simulate a cell once and let every judge see it; replay a sample of it on the judge itself."""
    traffic, policy = cell.draw(plan.releases_of(cell), plan.seed), JudgePolicy()
    ours = judge_many(traffic, policy, answer_periods=cell.answer_periods)
    found = {OURS: _summed_up(traffic, ours)}
    found |= {name: _summed_up(traffic, rival(traffic)) for name, rival in RIVALS.items()}
    differing = differing_releases(traffic, ours, policy, range(plan.replays))
    return Measured(cell, found, plan.replays, len(differing))


def _summed_up(traffic: Traffic, outcome: Outcome) -> Found:
    return Found(
        releases=traffic.releases,
        rolled_back=outcome.share(ROLLED_BACK),
        asked=outcome.share(ASKED),
        promoted_to_all=float(np.mean(outcome.promoted_to_all)),
        promoted_in_time=float(np.mean(outcome.promoted_within(PROMOTED_WITHIN))),
        detection_p50=outcome.detection(0.5),
        detection_p95=outcome.detection(0.95),
        failed_users=float(np.mean(failed_users(traffic, outcome))),
    )


def measure_all(cells: Iterable[Cell], plan: Plan, processes: int) -> Iterator[Measured]:
    """Measure the cells, in their order, in as many processes."""
    if processes == 1:
        yield from (measure(cell, plan) for cell in cells)
        return
    todo = list(cells)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(measure, todo, [plan] * len(todo))
