from datetime import UTC, datetime, timedelta

import pytest

from flows.core.lateness import how_late

DUE = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(("after_s", "is_late"), [(-60, False), (0, False), (900, False), (901, True), (86_400, True)])
def test_a_run_begins_in_time_or_not_at_all(after_s: float, is_late: bool) -> None:  # noqa: FBT001
    assert bool(how_late(DUE, DUE + timedelta(seconds=after_s), 900)) is is_late


def test_the_refusal_names_both_numbers_and_what_to_do() -> None:
    told = how_late(DUE, DUE + timedelta(hours=2), 900)
    assert told.startswith("start refused: due at 2026-11-20 18:00 UTC, 120 min ago > 15 min")
    assert "by hand" in told
