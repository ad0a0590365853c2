"""Checklist: the way back was drilled often enough, lately, with these very flows (guide: rollback tested 3 times)."""

from datetime import timedelta

from tasks.checklist.subject import Subject
from tasks.drills import ROLLED_BACK, read_drills
from tasks.models import Check
from tasks.product import this_product
from tasks.settings import Settings

NAME = "drills of the way back"
SHORT = 12


def check_drills(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Count the drills on record in this environment that came home, with the code that runs now."""
    wanted, product = settings.checklist.drills, this_product()
    if not wanted.needed:
        return (Check.skipped(NAME, "checklist.drills.needed is 0: this environment asks for none"),)
    since = subject.now - timedelta(days=wanted.within_days)
    came_home = [drill for drill in read_drills(settings) if drill.ending == ROLLED_BACK and drill.ended_at >= since]
    ours = [drill for drill in came_home if drill.product.flows_sha256 == product.flows_sha256]
    others = len(came_home) - len(ours)
    note = f"{others} more are of other flows than {product.flows_sha256[:SHORT]}" if others else ""
    missing = wanted.needed - len(ours)
    return (
        Check.of(
            NAME,
            ok=missing <= 0,
            found=f"{len(ours)}" + (": " + ", ".join(drill.release_id for drill in ours) if ours else ""),
            expected=f"{wanted.needed} within {wanted.within_days} days",
            note=note if missing <= 0 else f"{note}; {_advice(settings)}".removeprefix("; "),
        ),
    )


def _advice(settings: Settings) -> str:
    return f"drill again: greenflow drill --record {settings.name}"
