"""Decide whether an answer to an ask counts (safety I19)."""

from datetime import datetime

from tasks.models import Ask, Decision, Record


class Person(Record):
    """Hold who answers: an id that the environment's list of approvers may hold, and where they answered."""

    id: str
    name: str = ""


def refuse_answer(
    ask: Ask,
    person: Person,
    decision: Decision,
    *,
    now: datetime,
    allowed_now: tuple[str, ...],
    allow_requester: bool,
) -> str | None:
    """Return why an answer does not count, or None when it does; an empty list of approvers means nobody."""
    if person.id not in ask.allowed or person.id not in allowed_now:
        return f"{person.name or person.id} may not decide for {ask.environment}: not on its list of approvers"
    if decision == "approve" and person.id == ask.requested_by and not allow_requester:
        return "the person who asked for a release may not approve it"
    if now >= ask.expires_at:
        return f"this question expired at {ask.expires_at:%H:%M:%S %Z}"
    return None
