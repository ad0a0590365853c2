"""The simulated traffic is what it says it is."""

import numpy as np
import pytest

from deployments.bench.cells import FAULTS, NOISES, Cell
from deployments.bench.noise import KINDS
from deployments.bench.traffic import (
    BAKE,
    BASELINE,
    FAILED,
    NEW,
    OLD,
    PERIODS,
    PROBES,
    PROBES_A_PERIOD,
    REQUESTS,
    SLOW,
    SLOW_5S,
    SLOW_300MS,
    USERS,
    Traffic,
    answering,
)

MANY = 60


def drawn(noise: str = "iid", fault: str = "", rps: float = 50, base: float = 0.005) -> Traffic:
    return Cell("healthy", noise, rps, base, fault).draw(MANY, seed=1)


def rate_of(traffic: Traffic, side: int, kind: int, phases: slice = slice(0, 2)) -> float:
    counts = traffic.counts[:, phases, :, USERS, side].sum(axis=(0, 1, 2))
    return float(counts[kind] / counts[REQUESTS])


def test_usual_latency_meets_the_goals_of_the_guide() -> None:
    usual = answering(0)
    assert usual.slow_300ms < 0.05
    assert usual.slow_1s < 0.01
    assert answering(0, times_slower=2).slow_300ms > 0.05


def test_each_side_gets_its_weight() -> None:
    requests = drawn().counts[..., USERS, :, REQUESTS].sum(axis=(0, 2))
    assert requests[:, NEW] / requests.sum(axis=1) == pytest.approx([0.1, 0.5, 1], abs=0.003)
    assert requests.sum(axis=1) / (MANY * PERIODS) == pytest.approx([3000] * 3, rel=0.01)
    assert requests[2, OLD] == 0


def test_slower_requests_are_part_of_the_slow_ones() -> None:
    for fault in ("", "latency x 10", "P95 > 5 s"):
        slow = drawn(fault=fault).counts[..., SLOW]
        assert np.all(np.diff(slow, axis=-1) <= 0)


@pytest.mark.parametrize("noise", [name for name in KINDS if "outage" not in name and name != "cold start"])
def test_noise_leaves_both_sides_equally_good(noise: str) -> None:
    traffic = drawn(noise)
    for kind in (FAILED, SLOW_300MS):
        assert rate_of(traffic, NEW, kind) == pytest.approx(rate_of(traffic, OLD, kind), rel=0.1)


@pytest.mark.parametrize("noise", ["iid", "overdispersed", "retry storms"])
def test_noise_keeps_the_base_rate_of_the_hour_before(noise: str) -> None:
    events, requests = drawn(noise).baseline[..., FAILED].sum(), drawn(noise).baseline[..., REQUESTS].sum()
    assert events / requests == pytest.approx(0.005, rel=0.15)


def test_an_outage_hits_both_sides_in_the_same_periods() -> None:
    users = drawn("common outage").counts[:, :2, :, USERS]
    rates = users[..., FAILED] / np.maximum(users[..., REQUESTS], 1)
    struck = rates[..., OLD] > 0.1
    assert struck.any(axis=(1, 2)).mean() > 0.9
    assert rates[..., NEW][struck] == pytest.approx(rates[..., OLD][struck], abs=0.16)
    assert not struck[..., BAKE + 7 :].any()


def test_at_all_of_the_traffic_probes_meet_the_outage_on_both_sides() -> None:
    counts = drawn("outage at 100 %").counts
    probes = counts[:, :, :, PROBES]
    assert np.all(probes[..., REQUESTS] == PROBES_A_PERIOD)
    struck = counts[:, 2, :, USERS, NEW, FAILED] / counts[:, 2, :, USERS, NEW, REQUESTS] > 0.14
    for side in (NEW, OLD):
        assert probes[:, 2, :, side, FAILED][struck].mean() / PROBES_A_PERIOD > 0.14
    assert not drawn("outage at 100 %, no probes").counts[:, :, :, PROBES].any()


def test_a_cold_start_is_over_after_two_periods_of_each_weight() -> None:
    new = drawn("cold start", base=0.0001).counts[:, :, :, USERS, NEW]
    rates = new[..., FAILED].sum(axis=(0, 1)) / new[..., REQUESTS].sum(axis=(0, 1))
    assert rates[0] == pytest.approx(0.045, abs=0.01)
    assert rates[1] == pytest.approx(rates[0] / 2, rel=0.1)
    assert rates[2:].max() < 0.001


def test_a_user_who_tries_again_fails_four_times() -> None:
    failed = drawn("retry storms", rps=0.5, base=0.001).baseline[..., FAILED].sum(axis=1)
    assert set((failed % 4).tolist()) == {0}
    assert failed.any()


def test_a_leak_grows_with_the_release() -> None:
    new = drawn(fault="leak to 6 %").counts[:, :, :BAKE, USERS, NEW].sum(axis=0)
    rates = (new[..., FAILED] / new[..., REQUESTS]).ravel()
    assert rates[0] < 0.01
    assert rates[-BAKE:] == pytest.approx([0.065] * BAKE, abs=0.01)


def test_periods_are_missing_where_metrics_have_gaps() -> None:
    assert drawn("gaps in metrics").complete.mean() == pytest.approx(0.9, abs=0.01)
    assert drawn().complete.all()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_on_the_new_side_alone(fault: str) -> None:
    traffic = drawn(fault=fault, base=0.001)
    worse = [rate_of(traffic, NEW, kind) > 1.5 * rate_of(traffic, OLD, kind) + 0.001 for kind in (FAILED, SLOW_300MS)]
    assert any(worse)
    assert rate_of(traffic, OLD, FAILED) == pytest.approx(0.001, rel=0.1)
    assert traffic.baseline[..., SLOW_5S].sum() < MANY * BASELINE


@pytest.mark.parametrize("noise", NOISES)
def test_the_same_seed_draws_the_same_traffic(noise: str) -> None:
    cell = Cell("healthy", noise, 2, 0.005)
    once, again, other = cell.draw(3, 1), cell.draw(3, 1), cell.draw(3, 2)
    assert np.array_equal(once.counts, again.counts)
    assert np.array_equal(once.baseline, again.baseline)
    assert not np.array_equal(once.counts, other.counts)
