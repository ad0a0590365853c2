"""Checklist: the way back was drilled often enough, lately, with these very flows (guide: rollback tested 3 times)."""

from datetime import timedelta

from tasks.checklist.subject import Subject
from tasks.drills import ROLLED_BACK, read_drills
from tasks.models import Check
from tasks.product import this_product
from tasks.sentences import joined, sentence
from tasks.settings import Settings

NAME = "drills of the way back"
SHORT = 12


def check_drills(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Count the drills on record in this environment that came home, with the code that runs now."""
    wanted, product = settings.checklist.drills, this_product()
    if not wanted.needed:
        why = sentence("{key} is 0: this environment asks for none", key="checklist.drills.needed")
        return (Check.skipped(NAME, why),)
    since = subject.now - timedelta(days=wanted.within_days)
    came_home = [drill for drill in read_drills(settings) if drill.ending == ROLLED_BACK and drill.ended_at >= since]
    ours = [drill for drill in came_home if drill.product.flows_sha256 == product.flows_sha256]
    others = len(came_home) - len(ours)
    enough = len(ours) >= wanted.needed
    foreign = sentence("{count} more are of other flows than {flows}", count=others, flows=product.flows_sha256[:SHORT])
    again = sentence("drill again: {command}", command=f"greenflow drill --record {settings.name}")
    return (
        Check.of(
            NAME,
            ok=enough,
            found=f"{len(ours)}" + (": " + ", ".join(drill.release_id for drill in ours) if ours else ""),
            expected=sentence("{count} within {days} days", count=wanted.needed, days=wanted.within_days),
            note=joined("; ", [*([foreign] if others else []), *([] if enough else [again])]),
        ),
    )
