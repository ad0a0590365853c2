"""Checklist: people have signed what no machine can look at (guide: disaster recovery, team training)."""

from tasks.checklist.subject import Subject
from tasks.checklist_settings import Statement
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import Settings


def check_recovery(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Check that somebody stands for the disaster recovery plan."""
    return (_signed("disaster recovery", "recovery", settings.checklist.recovery, subject),)


def check_training(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Check that somebody stands for the team's training."""
    return (_signed("team training", "training", settings.checklist.training, subject),)


def _signed(name: str, key: str, statement: Statement | None, subject: Subject) -> Check:
    if statement is None:
        return Check.skipped(name, sentence("{key} is not set: nobody has signed", key=f"checklist.{key}"))
    today = subject.now.date()
    about = {"who": statement.by, "on": statement.on, "until": statement.until}
    found = sentence("signed by {who} on {on}, holds until {until}", **about)
    expected = sentence("a signature that holds on {day}", day=today)
    return Check.of(
        name, ok=statement.on <= today <= statement.until, found=found, expected=expected, note=statement.document
    )
