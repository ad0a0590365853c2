"""Compare hours of the day that are told in different time zones: a backup's in UTC, a release's where people live."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60


@dataclass(frozen=True)
class Hours:
    """Hold a stretch of every day in minutes after midnight UTC; it may run past midnight."""

    start_min: int
    length_min: int

    @classmethod
    def read(cls, text: str, zone: str, on: date) -> "Hours":
        """Read ``HH:MM-HH:MM`` as told in a time zone on a day, since a zone's distance to UTC may change."""
        first, last = text.split("-")
        begin, end = (_utc(moment, zone, on) for moment in (first, last))
        length = (end - begin) % timedelta(days=1)
        return cls(begin.hour * 60 + begin.minute, int(length.total_seconds()) // 60)

    def overlaps(self, other: "Hours") -> bool:
        """Tell whether both have a minute in common, on whichever day."""
        begins_within = (other.start_min - self.start_min) % DAY_MIN < self.length_min
        return begins_within or (self.start_min - other.start_min) % DAY_MIN < other.length_min

    def told(self, zone: str, on: date) -> str:
        """Write them as the clocks of a time zone show them."""
        midnight = datetime(on.year, on.month, on.day, tzinfo=UTC)
        begin = midnight + timedelta(minutes=self.start_min)
        end = begin + timedelta(minutes=self.length_min)
        return f"{begin.astimezone(ZoneInfo(zone)):%H:%M}-{end.astimezone(ZoneInfo(zone)):%H:%M} {zone}"


def _utc(text: str, zone: str, on: date) -> datetime:
    hour, minute = (int(part) for part in text.split(":"))
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
