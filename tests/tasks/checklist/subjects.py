"""Make what the checklist is asked about, and read what it answers."""

from datetime import UTC, datetime
from pathlib import Path

from tasks.checklist.subject import Subject
from tasks.models import Check, Outcome

COMMIT = "c" * 40
DIGEST = "sha256:" + "d" * 64
NOW = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
"""Saturday 03:30 in Seoul."""


def subject(
    *,
    commit: str = COMMIT,
    digest: str = DIGEST,
    folder: Path = Path(),
    now: datetime = NOW,
) -> Subject:
    return Subject(version="1.1.0", commit=commit, digest=digest, folder=str(folder), now=now)


def named(checks: tuple[Check, ...], name: str) -> Check:
    (found,) = [check for check in checks if check.name == name]
    return found


def failed(checks: tuple[Check, ...]) -> list[str]:
    return [check.name for check in checks if check.outcome is Outcome.FAILED]
