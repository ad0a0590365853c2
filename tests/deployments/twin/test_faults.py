"""Each fault does what its sentence says, and its ending is agreed on."""

import subprocess
import sys
from itertools import pairwise

import pytest

from deployments.twin.faults import (
    FAULTS,
    HARMLESS,
    OUTAGE,
    RETRY_STORM,
    TROUBLES,
    Behaviour,
    ColdStart,
    Effect,
    Leak,
    Share,
)
from tests.deployments.twin.data_plane import seeded

PROMISED = {
    "errors-30", "errors-7", "errors-2", "slow-x10", "p95-over-5s", "crash-on-start", "dies-at-50", "cold-start",
    "outage-of-both", "leak", "retry-storm", "healthy-but-busy", "never-healthy",
}  # fmt: skip


def effects(behaviour: Behaviour, count: int, every_s: float = 0.0) -> list[Effect]:
    return [behaviour.on_request(1000 + n * every_s) for n in range(count)]


def of(name: str, seed: int = 1) -> Behaviour:
    return FAULTS[name].behave(seeded(seed))


def test_every_promised_fault_is_there_under_its_own_name() -> None:
    assert set(FAULTS) == PROMISED
    assert all(fault.name == name for name, fault in FAULTS.items())


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_fault_demands_exactly_one_ending_and_says_what_it_does(name: str) -> None:
    fault = FAULTS[name]
    assert fault.must_roll_back != fault.must_ship
    assert fault.sentence.endswith(".")


def test_the_table_needs_the_standard_library_only() -> None:
    program = (
        "import sys; before = set(sys.modules); import deployments.twin.faults;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["deployments"]


@pytest.mark.parametrize(("name", "percent"), [("errors-30", 30), ("errors-7", 7), ("errors-2", 2)])
def test_the_share_of_errors_is_exact_in_every_hundred(name: str, percent: int) -> None:
    fails = [effect.fails for effect in effects(of(name), 1000)]
    assert [sum(fails[begin : begin + 100]) for begin in range(0, 1000, 100)] == [percent] * 10


def test_errors_have_no_rhythm_and_two_processes_have_different_ones() -> None:
    one, other = (Share(10, seeded(seed)) for seed in (1, 2))
    first, second = ([share.hits() for _ in range(1000)] for share in (one, other))
    places = [place for place, hit in enumerate(first) if hit]
    gaps = {after - before for before, after in pairwise(places)}
    assert len(gaps) > 10
    assert first != second


def test_slow_x10_puts_every_answer_beyond_300_ms_and_some_beyond_a_second() -> None:
    delays = [effect.delay_s for effect in effects(of("slow-x10"), 100)]
    assert min(delays) > 0.3
    assert sum(delay > 1 for delay in delays) == 12


def test_p95_over_5s_hangs_one_in_ten() -> None:
    found = effects(of("p95-over-5s"), 100)
    assert sorted(effect.delay_s for effect in found) == [0.0] * 90 + [5.2] * 10
    assert not any(effect.fails for effect in found)


def test_a_cold_start_is_over_after_a_second_and_a_half() -> None:
    found = effects(ColdStart(), 30, every_s=0.1)
    assert all(effect.delay_s == 0.6 or effect.fails for effect in found[:16])
    assert found[16:] == [HARMLESS] * 14


def test_a_cold_start_never_has_failed_more_than_a_tenth() -> None:
    fails = [effect.fails for effect in effects(ColdStart(), 60, every_s=0.001)]
    assert sum(fails) == 3
    assert all(sum(fails[:seen]) / seen < 0.1 for seen in range(1, 61))


def test_a_leak_grows_from_nothing_to_six_percent() -> None:
    fails = [effect.fails for effect in effects(Leak(seeded(4)), 40_000, every_s=0.001)]
    quarters = [sum(fails[begin : begin + 10_000]) / 10_000 for begin in range(0, 40_000, 10_000)]
    assert quarters == pytest.approx([0.015, 0.045, 0.06, 0.06], abs=0.008)
    assert not any(fails[:100])


def test_an_outage_fails_three_of_ten_and_a_storm_fails_in_clumps_of_three() -> None:
    outage = [effect.fails for effect in effects(TROUBLES[OUTAGE](seeded(1)), 100)]
    storm = "".join("x" if effect.fails else "." for effect in effects(TROUBLES[RETRY_STORM](seeded(1)), 2000))
    clumps = [clump for clump in storm.split(".") if clump]
    assert sum(outage) == 30
    assert len(clumps) > 10
    assert all(len(clump) % 3 == 0 for clump in clumps[:-1])


def test_faults_that_bring_trouble_to_all_are_sound_themselves() -> None:
    for name in ("outage-of-both", "retry-storm"):
        trouble = FAULTS[name].trouble
        assert trouble is not None
        assert trouble.name in TROUBLES
        assert effects(of(name), 50) == [HARMLESS] * 50


def test_a_busy_version_meets_all_goals() -> None:
    assert all(
        effect.delay_s + effect.busy_s < 0.1 and not effect.fails for effect in effects(of("healthy-but-busy"), 9)
    )
