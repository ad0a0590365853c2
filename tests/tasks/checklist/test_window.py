"""A release begins in its window and on a working night, or not at all."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from tasks.checklist.window import check_window, last_opening
from tasks.checklist_settings import Freeze, WindowSettings
from tasks.errors import SettingsError
from tasks.models import Check, Outcome
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import failed, named, subject

SEOUL = ZoneInfo("Asia/Seoul")
SATURDAY = WindowSettings(cron="0 3 * * 6", duration_h=3)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=SEOUL).astimezone(UTC)  # type: ignore[arg-type,misc]  # year to minute


def asked(new_settings: NewSettings, window: WindowSettings | None, now: datetime) -> tuple[Check, ...]:
    settings = new_settings()
    checklist = settings.checklist.model_copy(update={"window": window})
    return check_window(settings.model_copy(update={"checklist": checklist}), subject(now=now))


@pytest.mark.parametrize("minute", [at(2026, 11, 21, 3, 0), at(2026, 11, 21, 5, 59)])
def test_a_saturday_night_in_seoul_is_open(new_settings: NewSettings, minute: datetime) -> None:
    assert failed(asked(new_settings, SATURDAY, minute)) == []


@pytest.mark.parametrize(
    "minute", [at(2026, 11, 21, 2, 59), at(2026, 11, 21, 6, 0), at(2026, 11, 20, 3, 30), at(2026, 11, 21, 18, 30)]
)
def test_every_other_hour_is_closed_and_says_when_it_opens(new_settings: NewSettings, minute: datetime) -> None:
    checks = asked(new_settings, SATURDAY, minute)
    assert failed(checks) == ["release window"]
    check = named(checks, "release window")
    assert "KST" in check.found
    assert "Saturday 2026-11-2" in check.expected
    assert "03:00 to Saturday" in check.expected


def test_the_window_is_the_citys_whatever_the_machines_clock_says() -> None:
    assert last_opening(SATURDAY, at(2026, 11, 21, 4, 0).astimezone(SEOUL)) == datetime(2026, 11, 21, 3, tzinfo=SEOUL)


def test_a_night_that_loses_an_hour_is_not_longer_for_it(new_settings: NewSettings) -> None:
    berlin = WindowSettings(cron="30 1 * * 0", duration_h=2, time_zone="Europe/Berlin", holidays="")
    opens = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)  # 01:30 there, half an hour before 02:00 becomes 03:00
    assert failed(asked(new_settings, berlin, opens + timedelta(minutes=119))) == []
    assert failed(asked(new_settings, berlin, opens + timedelta(minutes=121))) == ["release window"]


def test_a_freeze_is_refused_by_its_name_through_its_last_day(new_settings: NewSettings) -> None:
    freeze = Freeze(why="year-end settlement", first=date(2026, 11, 14), last=date(2026, 11, 21))
    window = SATURDAY.model_copy(update={"freezes": (freeze,)})
    checks = asked(new_settings, window, at(2026, 11, 21, 3, 30))
    assert failed(checks) == ["freeze"]
    assert named(checks, "freeze").found == "year-end settlement (2026-11-14 to 2026-11-21)"
    assert failed(asked(new_settings, window, at(2026, 11, 28, 3, 30))) == []


@pytest.mark.parametrize("day", [at(2026, 9, 26, 3, 30), at(2026, 8, 15, 3, 30), at(2027, 2, 6, 3, 30)])
def test_a_korean_holiday_is_refused_by_its_name(new_settings: NewSettings, day: datetime) -> None:
    checks = asked(new_settings, SATURDAY, day)
    assert failed(checks) == ["public holiday"]
    assert named(checks, "public holiday").found not in {"", "none"}


def test_a_country_nobody_knows_is_a_wrong_setting(new_settings: NewSettings) -> None:
    with pytest.raises(SettingsError, match="found 'QQ', expected a country code"):
        asked(new_settings, SATURDAY.model_copy(update={"holidays": "QQ"}), at(2026, 11, 21, 3, 30))


def test_without_a_window_the_row_says_that_it_is_off(new_settings: NewSettings) -> None:
    (check,) = asked(new_settings, None, at(2026, 11, 21, 12, 0))
    assert check.outcome is Outcome.SKIPPED
    assert "checklist.window is not set" in check.note


@pytest.mark.parametrize("cron", ["", "3 o'clock", "0 25 * * *"])
def test_a_window_that_cannot_be_read_is_a_wrong_setting(cron: str) -> None:
    with pytest.raises(ValidationError, match="five cron fields such as"):
        WindowSettings(cron=cron, duration_h=3)
