"""A few hundred seeded releases against the bars of the design; independent requests only.

A share is asserted less three standard errors of so few releases; the benchmark asserts the bars themselves.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from flows.core.judge import Verdict, judge
from tasks.counts import Counts, Period
from tests.core.judge_rows import POLICY, row


class Quality(NamedTuple):
    """Hold how a side behaves: fractions of its requests."""

    errors: float = 0.001
    slow_300ms: float = 0.01
    slow_1s: float = 0.001
    slow_5s: float = 0.0


STABLE = Quality()


def drawn(dice: random.Random, many: int, chance: float) -> int:
    """Draw a binomial number by leaping from one event to the next, the same on every Python."""
    if chance <= 0:
        return 0
    place, events = -1, 0
    while True:
        place += 1 + int(math.log(1 - dice.random()) / math.log1p(-chance))
        if place >= many:
            return events
        events += 1


def answered(dice: random.Random, requests: int, quality: Quality) -> Counts:
    slow_300ms = drawn(dice, requests, quality.slow_300ms)
    slow_1s = drawn(dice, slow_300ms, min(0.999, quality.slow_1s / quality.slow_300ms))
    slow_5s = drawn(dice, slow_1s, min(0.999, quality.slow_5s / quality.slow_1s))
    failed = drawn(dice, requests, quality.errors)
    return Counts(requests=requests, failed=failed, slow_300ms=slow_300ms, slow_1s=slow_1s, slow_5s=slow_5s)


def simulated(
    dice: random.Random, rps: float, new: Quality, old: Quality, shares: Sequence[float], *, first: int = 0
) -> list[Period]:
    """Simulate a period of a minute for each share of the traffic that the new side gets."""
    told = []
    for place, share in enumerate(shares, start=first):
        requests = max(0, round(dice.gauss(rps * 60, math.sqrt(rps * 60))))
        to_new = drawn(dice, requests, share)
        sides = answered(dice, to_new, new), answered(dice, requests - to_new, old)
        told.append(row(place, phase=int(share > 0.1), new=sides[0], old=sides[1]))
    return told


def share_of_rolled_back(
    rps: float, new: Quality, shares: Sequence[float], releases: int, old: Quality = STABLE
) -> float:
    dice = random.Random(f"{rps} {new} {len(shares)}")  # noqa: S311 - no secret
    phase = int(shares[-1] > 0.1)
    rolled = [
        judge(simulated(dice, rps, new, old, shares), phase, POLICY).verdict is Verdict.ROLL_BACK
        for _ in range(releases)
    ]
    return sum(rolled) / releases


@pytest.mark.parametrize(
    ("rps", "new", "periods"),
    [
        (10, Quality(errors=0.30), 2),
        (2, Quality(errors=0.30), 4),
        (50, Quality(errors=0.07), 4),
        (10, Quality(errors=0.07), 5),
        (2, Quality(errors=0.07), 15),
        (50, Quality(errors=0.02), 6),
        (10, Quality(errors=0.02), 15),
        (10, Quality(errors=0.011), 26),
        (10, Quality(slow_300ms=0.10, slow_1s=0.08, slow_5s=0.08), 5),
        (2, Quality(slow_300ms=0.60, slow_1s=0.30), 5),
    ],
)
def test_a_bad_candidate_is_rolled_back_in_time(rps: float, new: Quality, periods: int) -> None:
    releases = 50
    spread = 3 * math.sqrt(0.95 * 0.05 / releases)
    assert share_of_rolled_back(rps, new, [0.1] * periods, releases) >= 0.95 - spread


@pytest.mark.parametrize("rps", [0.5, 2, 10, 50])
@pytest.mark.parametrize("errors", [0.0001, 0.001, 0.005])
def test_a_healthy_candidate_is_not_rolled_back(rps: float, errors: float) -> None:
    same = Quality(errors=errors)
    assert share_of_rolled_back(rps, same, [0.1] * 15 + [0.5] * 15, 20, old=same) == 0


def ending_of(dice: random.Random, rps: float, new: Quality) -> tuple[Verdict, int]:
    """Release through the first two weights, at most 30 periods each; return the last verdict and its phase."""
    told: list[Period] = []
    verdict = Verdict.WAIT
    for phase, share in enumerate((0.1, 0.5)):
        for place in range(30):
            told += simulated(dice, rps, new, STABLE, [share], first=len(told))
            verdict = judge(told, phase, POLICY).verdict if place >= 14 else Verdict.WAIT
            if verdict is not Verdict.WAIT:
                break
        if verdict is not Verdict.PROMOTE:
            return verdict, phase
    return verdict, 1


def test_clean_releases_are_promoted_within_thirty_periods_of_each_weight() -> None:
    dice = random.Random(20)  # noqa: S311 - no secret
    endings = [ending_of(dice, 2, STABLE) for _ in range(60)]
    promoted = endings.count((Verdict.PROMOTE, 1)) / len(endings)
    assert promoted >= 0.99 - 3 * math.sqrt(0.99 * 0.01 / len(endings))


@pytest.mark.parametrize("rps", [2, 10])
def test_candidates_with_one_percent_more_errors_do_not_get_past_the_second_weight(rps: float) -> None:
    dice = random.Random(21)  # noqa: S311 - no secret
    assert (Verdict.PROMOTE, 1) not in [ending_of(dice, rps, Quality(errors=0.011)) for _ in range(25)]
