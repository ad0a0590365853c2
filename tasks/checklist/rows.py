"""Name the rows of the checklist and hold what one of them has found; nothing here looks at anything."""

from enum import StrEnum

from tasks.models import Evidence


class Row(StrEnum):
    """Name a row; an environment's ``checklist.tolerate`` says these names."""

    GROUND = "ground"
    REACH = "reach"
    DRIFT = "drift"
    STAGING = "staging"
    E2E = "e2e"
    PERFORMANCE = "performance"
    AUDIT = "audit"
    DATABASE = "database"
    CACHE = "cache"
    MIGRATION = "migration"
    DRILLS = "drills"
    MONITORING = "monitoring"
    RECOVERY = "recovery"
    TRAINING = "training"
    WINDOW = "window"
    DUTY = "duty"
    CHANNEL = "channel"


LATER = frozenset({Row.DATABASE, Row.CACHE, Row.MIGRATION, Row.DUTY})
"""What a release asks later, behind a gate of its own; the checklist takes a skip of it for no refusal."""


class RowProof(Evidence):
    """Hold what one row has found."""

    row: Row
