"""Checklist: people have signed what no machine can look at (guide: disaster recovery, team training)."""

from tasks.checklist.subject import Subject
from tasks.checklist_settings import Statement
from tasks.models import Check
from tasks.settings import Settings


def check_recovery(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Check that somebody stands for the disaster recovery plan."""
    return (_signed("disaster recovery", "recovery", settings.checklist.recovery, subject),)


def check_training(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Check that somebody stands for the team's training."""
    return (_signed("team training", "training", settings.checklist.training, subject),)


def _signed(name: str, key: str, statement: Statement | None, subject: Subject) -> Check:
    if statement is None:
        return Check.skipped(name, f"checklist.{key} is not set: nobody has signed")
    today = subject.now.date()
    found = f"signed by {statement.by} on {statement.on}, holds until {statement.until}"
    expected = f"a signature that holds on {today}"
    return Check.of(
        name, ok=statement.on <= today <= statement.until, found=found, expected=expected, note=statement.document
    )
