"""The rivals do what their documents say."""

import numpy as np
import pytest
from scipy import stats

from deployments.bench.outcome import ROLLED_BACK, SHIPPED, Outcome, ended_by, failed_users
from deployments.bench.rivals import RIVALS, flagger, guide, kayenta, naive
from deployments.bench.traffic import BAKE, BASELINE, FAILED, NEW, OLD, PERIODS, REQUESTS, SLOW_5S, USERS, Traffic


def calm() -> Traffic:
    """Make one release without a failure: 100 requests a period on the new side, 900, 100 and none on the old."""
    counts = np.zeros((1, 3, PERIODS, 2, 2, 5), dtype=np.int64)
    counts[:, :, :, USERS, NEW, REQUESTS] = 100
    counts[:, :, :, USERS, OLD, REQUESTS] = np.array([900, 100, 0])[:, None]
    return Traffic(counts, np.ones((1, 3, PERIODS), dtype=bool), np.zeros((1, BASELINE, 5), dtype=np.int64))


def failing(traffic: Traffic, phase: int, places: slice, count: int, *, side: int = NEW, kind: int = FAILED) -> Traffic:
    traffic.counts[:, phase, places, USERS, side, kind] = count
    return traffic


def ending(outcome: Outcome) -> tuple[int, int]:
    return int(outcome.ending[0]), int(outcome.periods[0])


@pytest.mark.parametrize("name", RIVALS)
def test_a_calm_release_ships_after_fifteen_periods_of_each_weight(name: str) -> None:
    outcome = RIVALS[name](calm())
    assert ending(outcome) == (SHIPPED, 45)
    assert outcome.promoted_at[0].tolist() == [15, 15, 15]


@pytest.mark.parametrize(
    ("count", "kind", "expected"),
    [(5, FAILED, (SHIPPED, 45)), (6, FAILED, (ROLLED_BACK, 19)), (6, SLOW_5S, (ROLLED_BACK, 19))],
)
def test_the_guide_rolls_back_at_a_minute_beyond_five_percent(count: int, kind: int, expected: tuple[int, int]) -> None:
    assert ending(guide(failing(calm(), 1, slice(3, 4), count, kind=kind))) == expected


def test_the_guides_alarm_needs_two_stretches_of_five_minutes_above_one_percent() -> None:
    assert ending(guide(failing(calm(), 0, slice(0, 10), 1))) == (SHIPPED, 45)
    assert ending(guide(failing(calm(), 0, slice(0, 5), 2))) == (SHIPPED, 45)
    assert ending(guide(failing(calm(), 0, slice(5, 15), 2))) == (ROLLED_BACK, 15)


def test_flagger_halts_at_a_failed_check_and_rolls_back_at_the_fifth() -> None:
    four = flagger(failing(calm(), 0, slice(2, 6), 2))
    assert four.promoted_at[0].tolist() == [19, 15, 15]
    assert ending(flagger(failing(calm(), 0, slice(2, 7), 2))) == (ROLLED_BACK, 7)
    assert ending(flagger(failing(failing(calm(), 0, slice(2, 6), 2), 1, slice(0, 1), 2))) == (ROLLED_BACK, 20)


def test_flagger_takes_no_value_for_a_failed_check() -> None:
    silent = calm()
    silent.complete[:, 1, 4:9] = False
    assert ending(flagger(silent)) == (ROLLED_BACK, 24)


def test_kayenta_finds_a_shift_at_the_end_of_the_weight_only() -> None:
    worse = failing(calm(), 1, slice(0, BAKE), 3)
    assert ending(kayenta(worse)) == (ROLLED_BACK, 30)
    assert ending(kayenta(failing(worse, 1, slice(0, BAKE), 3, side=OLD))) == (SHIPPED, 45)
    assert ending(kayenta(failing(calm(), 1, slice(0, 4), 9))) == (SHIPPED, 45)


def test_the_z_test_is_the_pooled_one() -> None:
    traffic = failing(failing(calm(), 0, slice(0, 1), 2), 0, slice(0, 1), 5, side=OLD)
    pooled = 7 / 1000
    z = (2 / 100 - 5 / 900) / (pooled * (1 - pooled) * (1 / 100 + 1 / 900)) ** 0.5
    assert stats.norm.sf(z) > 0.01
    assert ending(naive(traffic)) == (SHIPPED, 45)
    assert ending(naive(failing(traffic, 0, slice(1, 2), 3))) == (ROLLED_BACK, 2)


def test_the_first_flag_ends_a_release() -> None:
    flags = np.zeros((2, 3, BAKE), dtype=bool)
    flags[1, 1, 2] = flags[1, 2, 0] = True
    outcome = ended_by(flags)
    assert outcome.ending.tolist() == [SHIPPED, ROLLED_BACK]
    assert outcome.spent.tolist() == [[15, 15, 15], [15, 3, 0]]
    assert outcome.promoted_at.tolist() == [[15, 15, 15], [15, 0, 0]]
    assert (outcome.detection(0.5), outcome.detection(0.95)) == (18, np.inf)


def test_failed_users_are_counted_until_the_way_back_or_for_an_hour_and_a_half() -> None:
    always = failing(calm(), 0, slice(0, PERIODS), 2)
    for phase in (1, 2):
        failing(always, phase, slice(0, PERIODS), 2)
    flags = np.zeros((1, 3, BAKE), dtype=bool)
    assert failed_users(always, ended_by(flags)).tolist() == [2 * 90]
    flags[0, 1, 2] = True
    assert failed_users(always, ended_by(flags)).tolist() == [2 * 18]
