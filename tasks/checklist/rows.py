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
    MIGRATION = "migration"
    DRILLS = "drills"
    MONITORING = "monitoring"
    RECOVERY = "recovery"
    TRAINING = "training"
    WINDOW = "window"
    DUTY = "duty"
    CHANNEL = "channel"


LATER = frozenset({Row.MIGRATION, Row.DUTY})
"""What only a running release can answer, behind a gate of its own; the checklist says so and goes on."""


class RowProof(Evidence):
    """Hold what one row has found."""

    row: Row
