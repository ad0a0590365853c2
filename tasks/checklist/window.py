"""Checklist: now is the time (guide: Saturday 03:00): window, freezes, holidays."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tasks.checklist.subject import Subject
from tasks.checklist_settings import WindowSettings
from tasks.errors import SettingsError
from tasks.models import Check
from tasks.sentences import joined, sentence
from tasks.settings import Settings

NAME = "release window"
DAY = "%A %Y-%m-%d %H:%M"


def check_window(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Check the moment against the window, the freezes, the country's holidays.

    Raises SettingsError for a country the ``holidays`` library does not know.
    """
    window = settings.checklist.window
    if window is None:
        why = sentence("{key} is not set: a release may begin at any time", key="checklist.window")
        return (Check.skipped(NAME, why),)
    local = subject.now.astimezone(ZoneInfo(window.time_zone))
    today = local.date()
    return (_open(window, local), _no_freeze(window, today), _no_holiday(window, today))


def last_opening(window: WindowSettings, local: datetime) -> datetime:
    """Return when the window opened last, at or before a local time."""
    # Looking back leaves out the minute it begins with: a window opens with its first moment.
    next_minute = local.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return next(CronSim(window.cron, next_minute, reverse=True))


def next_opening(window: WindowSettings, local: datetime) -> datetime:
    """Return when the window opens next, after a local time."""
    return next(CronSim(window.cron, local))


def _open(window: WindowSettings, local: datetime) -> Check:
    opened = last_opening(window, local)
    closes = opened + timedelta(hours=window.duration_h)
    # In UTC: a night that changes its clocks is longer or shorter than its hands say.
    is_open = opened <= local and local.astimezone(UTC) < opened.astimezone(UTC) + timedelta(hours=window.duration_h)
    found = f"{local:{DAY} %Z}"
    if is_open:
        return Check.of(NAME, ok=True, found=found, expected=_span(opened, closes))
    opens = next_opening(window, local)
    until = opens + timedelta(hours=window.duration_h)
    return Check.of(NAME, ok=False, found=found, expected=_span(opens, until), note=sentence("it opens then"))


def _span(opens: datetime, closes: datetime) -> str:
    return sentence("{opens} to {closes}", opens=f"{opens:{DAY}}", closes=f"{closes:{DAY}}")


def _no_freeze(window: WindowSettings, today: date) -> Check:
    frozen = [each for each in window.freezes if each.first <= today <= each.last]
    told = [sentence("{why} ({first} to {last})", why=each.why, first=each.first, last=each.last) for each in frozen]
    found = joined("; ", told) or sentence("none")
    return Check.of("freeze", ok=not frozen, found=found, expected=sentence("none on {day}", day=today))


def _no_holiday(window: WindowSettings, today: date) -> Check:
    if not window.holidays:
        why = sentence("{key} is empty: this environment has none", key="checklist.window.holidays")
        return Check.skipped("public holiday", why)
    name = _holiday(window.holidays, today)
    expected = sentence("none of {country} on {day}", country=window.holidays, day=today)
    return Check.of("public holiday", ok=not name, found=name or sentence("none"), expected=expected)


def _holiday(country: str, today: date) -> str:
    import holidays  # noqa: PLC0415 - takes half a second, which only this row needs

    try:
        known = holidays.country_holidays(country, years=today.year)
    except NotImplementedError:
        msg = f"checklist.window.holidays: found {country!r}, expected a country code such as KR, or nothing"
        raise SettingsError(msg) from None
    return str(known.get(today) or "")
