"""Ask people for what happens outside of a release, and wait in the ledger: no Prefect is needed (safety I19, I21).

The same question, doors and rules as between the phases: another person, once, in time; silence is a no.
"""

import logging
import secrets
from datetime import UTC, datetime, timedelta

from flows.core.answers import believed
from tasks.announcements import close_ask, post_ask
from tasks.ask_message import ask_text, shown_digest
from tasks.asks import find_ask, read_answer, record_answer, store_ask
from tasks.ledger import current_ledger, note
from tasks.models import Answer, Ask
from tasks.settings import Settings
from tasks.waits import pause

log = logging.getLogger("greenflow.permission")


def ask_permission(settings: Settings, *, what: str, requested_by: str, summary: tuple[str, ...]) -> Answer:
    """Ask whether the database may be restored as ``what`` and return the recorded answer; needs an open operation."""
    ask = _new_ask(settings, what, requested_by, summary)
    ask = ask.model_copy(update={"shown_sha256": shown_digest(ask, settings.language)})
    store_ask(settings, ask)
    note("ask.opened", {"ask": ask.model_dump(mode="json")})
    log.info("%s", ask_text(ask, settings.language))
    answer = _believed(settings, ask, _answer(settings, ask))
    note("ask.answered", {"answer": answer.model_dump(mode="json")})
    close_ask(settings, ask, answer)
    return answer


def _new_ask(settings: Settings, what: str, requested_by: str, summary: tuple[str, ...]) -> Ask:
    now, rule = datetime.now(UTC), settings.approval
    return Ask(
        nonce=secrets.token_hex(16),
        release_id=current_ledger().release_id,
        environment=settings.name,
        version=what,
        phase=0,
        number=1,
        from_weight=0,
        to_weight=0,
        digest="",
        requested_by=requested_by,
        allowed=rule.approvers,
        asked_at=now,
        expires_at=now + timedelta(seconds=rule.expires_s),
        summary=summary,
        quorum=rule.quorum,
        subject="restore",
    )


def _answer(settings: Settings, ask: Ask) -> Answer:
    """Wait for the answer; by the store's own clock silence becomes one (safety I27)."""
    posted = False
    while True:
        posted = posted or bool(post_ask(settings, ask))
        recorded = read_answer(settings, ask.nonce)
        found = find_ask(settings, ask.nonce)
        if recorded is None and found and found.expired:
            silence = Answer(nonce=ask.nonce, decision="expired", by="clock", door="clock", at=datetime.now(UTC))
            recorded = record_answer(settings, silence)
        if recorded:
            return recorded
        pause(settings.approval.poll_s)


def _believed(settings: Settings, ask: Ask, answer: Answer) -> Answer:
    asked = frozenset(settings.approval.person(name) for name in ask.allowed)
    return believed(answer, ask, asked, allow_unverified=False)
