"""Hold what is found when a release is looked at again; pure, so that the core may import it."""

from datetime import datetime
from enum import StrEnum

from tasks.counts import Counts
from tasks.models import Check, Evidence, Record


class After(StrEnum):
    """Name the three looks of the guide."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"


class TrafficSeen(Evidence):
    """Hold what users met since the release, and in as long a time a week before; worst periods in milliseconds."""

    since: datetime
    until: datetime
    now: Counts
    before: Counts
    worst_p95_ms: float | None = None
    worst_p99_ms: float | None = None


class Feedback(Evidence):
    """Hold what people wrote in the release's thread, with who wrote it."""

    said: tuple[tuple[str, str], ...] = ()


class Box(Record):
    """Hold one box of the guide's list with the checks that answer it; its Korean name is the guide's own line."""

    name: str
    checks: tuple[Check, ...]
