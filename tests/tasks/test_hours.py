"""Hours of two clocks meet or do not, whatever the zone and the night."""

from datetime import date

import pytest

from tasks.hours import Hours

WINTER, SUMMER = date(2026, 1, 17), date(2026, 7, 18)


@pytest.mark.parametrize(
    ("backup", "release", "zone", "on", "meet"),
    [
        ("03:00-04:00", "03:00-05:00", "Asia/Seoul", WINTER, False),
        ("18:00-19:00", "03:00-05:00", "Asia/Seoul", WINTER, True),
        ("20:00-21:00", "03:00-05:00", "Asia/Seoul", WINTER, False),
        ("19:59-20:29", "03:00-05:00", "Asia/Seoul", WINTER, True),
        ("23:30-00:30", "00:15-01:00", "UTC", WINTER, True),
        ("23:30-00:15", "00:15-01:00", "UTC", WINTER, False),
        ("08:00-09:00", "03:00-04:00", "America/New_York", WINTER, True),
        ("08:00-09:00", "03:00-04:00", "America/New_York", SUMMER, False),
        ("07:00-07:30", "03:00-04:00", "America/New_York", SUMMER, True),
    ],
)
def test_hours_of_two_zones_are_compared_on_one_clock(
    backup: str, release: str, zone: str, on: date, *, meet: bool
) -> None:
    one, other = Hours.read(backup, "UTC", on), Hours.read(release, zone, on)
    assert one.overlaps(other) is meet
    assert other.overlaps(one) is meet


def test_hours_are_told_as_the_clocks_of_a_place_show_them() -> None:
    assert Hours.read("20:00-21:00", "UTC", WINTER).told("Asia/Seoul", WINTER) == "05:00-06:00 Asia/Seoul"
