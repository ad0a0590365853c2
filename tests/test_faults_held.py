"""Walk the faults a release is held against: each has a test that shows its gate, the traffic and the line people read.

A test is named by its module, its function and, behind a bar, by its case. Most of them rehearse a whole release and
are slow: this list costs nothing and says at once when one of them is gone.
"""

import importlib
from collections.abc import Iterator

import pytest

from deployments.twin.faults import BAD_MIGRATIONS, DAMAGES
from deployments.twin.mishaps import MISHAPS

MISHAP = "test_mishaps.test_a_mishap_on_the_way_is_refused_in_plain_words_before_any_user_meets_it"
MIGRATION = "test_bad_migrations.test_a_bad_migration_is_refused_before_the_live_schema_is_touched"
NOT_UP = "test_rehearsal.test_a_version_that_does_not_come_up_never_meets_a_user"

HELD: dict[str, tuple[str, ...]] = {
    "expired certificate": (f"{MISHAP}|certificate-expired", f"{MISHAP}|certificate-ends-soon"),
    "wrong host": (f"{MISHAP}|certificate-wrong-host",),
    "missing cache header": (f"{MISHAP}|no-cache-headers",),
    "oversized bundle": (f"{MISHAP}|bundle-too-big",),
    "lint error": (f"{MISHAP}|lint-error",),
    "type error": (f"{MISHAP}|type-error",),
    "secret in the bundle": (f"{MISHAP}|secret-in-bundle",),
    "source map left": (f"{MISHAP}|source-maps-left",),
    "audit finding": (f"{MISHAP}|audit-finding",),
    "failing E2E file": (f"{MISHAP}|e2e-fails",),
    "zero-test E2E file": (f"{MISHAP}|e2e-empty",),
    "stale E2E file": (f"{MISHAP}|e2e-stale",),
    "alarm without data": (f"{MISHAP}|alarm-without-data",),
    "migration that drops a column": (f"{MIGRATION}|migration-drops-column",),
    "migration that waits on a lock": (
        "test_bad_migrations.test_a_migration_that_waits_for_somebodys_lock_gives_up_names_them_and_lets_users_through",
    ),
    "migration that fails in the middle": (f"{MIGRATION}|migration-fails",),
    "replica lag": (f"{MISHAP}|replica-lags",),
    "Redis without failover": (f"{MISHAP}|cache-without-failover",),
    "backups kept too short": (f"{MISHAP}|backups-of-a-week",),
    "pg_dump older than the server": (f"{MISHAP}|old-pg-dump",),
    "S3 checksum refused": (f"{MISHAP}|checksum-refused",),
    "damaged dump": (
        "test_rehearsal.test_a_damaged_dump_stops_the_release_before_the_migration|dump-cut",
        "test_rehearsal.test_a_damaged_dump_stops_the_release_before_the_migration|dump-flipped",
    ),
    "Vercel build error": (f"{MISHAP}|vercel-build-error",),
    "Vercel promote queued": (
        "test_mishaps.test_a_promotion_that_stays_in_vercels_queue_brings_the_release_home_and_leaves_a_command",
    ),
    "Vercel promote conflicting": (
        "test_mishaps.test_a_promotion_by_somebody_else_stops_ours_and_brings_the_release_home",
    ),
    "ECS circuit breaker": (f"{NOT_UP}|crash-on-start",),
    "image digest missing": (f"{MISHAP}|image-missing",),
    "target group unhealthy": (f"{NOT_UP}|never-healthy",),
    "roll-back target gone": (
        f"{MISHAP}|way-back-deregistered",
        "test_mishaps.test_traffic_comes_home_although_the_image_of_the_old_version_is_gone",
    ),
}


def cases(marks: list[pytest.Mark]) -> Iterator[str]:
    """Give the names of a test's cases: the first value of each."""
    for mark in marks:
        for case in mark.args[1] if mark.name == "parametrize" else ():
            values = getattr(case, "values", case)
            yield values if isinstance(values, str) else values[0]


@pytest.mark.parametrize("fault", HELD)
def test_a_fault_is_held_by_tests_that_exist(fault: str) -> None:
    for held_by in HELD[fault]:
        place, _, case = held_by.partition("|")
        module, _, name = place.partition(".")
        function = getattr(importlib.import_module(f"tests.rehearsal.{module}"), name, None)
        assert function, f"{fault}: there is no {name} in tests/rehearsal/{module}.py"
        if case:
            assert case in set(cases(getattr(function, "pytestmark", []))), f"{fault}: {name} has no case {case}"


def test_everything_that_can_befall_a_release_on_the_twin_is_on_the_list() -> None:
    named = {held_by.partition("|")[2] for held in HELD.values() for held_by in held}
    assert {*MISHAPS, *DAMAGES} <= named
    assert {name for name, migration in BAD_MIGRATIONS.items() if migration.up} <= named
