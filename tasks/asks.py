"""Keep questions and their one answer: whoever answers first, by one conditional write, has answered (safety I19)."""

import re

from tasks.event_store import ConflictError, EventStore
from tasks.models import Answer, Ask
from tasks.settings import Settings

NONCE = re.compile(r"[0-9a-f]{32}")


def store_ask(settings: Settings, ask: Ask) -> None:
    """Keep a question before anybody is shown it."""
    try:
        EventStore(settings).create(_key(ask.nonce, "ask"), ask.model_dump_json().encode())
    except ConflictError:
        return  # the same nonce is the same question, stored by an earlier try


def find_ask(settings: Settings, nonce: str) -> Ask | None:
    """Return the question a nonce belongs to, or None; a nonce of another form belongs to none."""
    if not NONCE.fullmatch(nonce):
        return None
    stored = EventStore(settings).read(_key(nonce, "ask"))
    return Ask.model_validate_json(stored.body) if stored else None


def record_answer(settings: Settings, answer: Answer) -> Answer:
    """Record an answer and return the one that counts: this one, or the one that came first."""
    try:
        EventStore(settings).create(_key(answer.nonce, "answer"), answer.model_dump_json().encode())
    except ConflictError:
        return read_answer(settings, answer.nonce) or answer
    return answer


def read_answer(settings: Settings, nonce: str) -> Answer | None:
    """Return the recorded answer, or None while there is none."""
    stored = EventStore(settings).read(_key(nonce, "answer"))
    return Answer.model_validate_json(stored.body) if stored else None


def _key(nonce: str, part: str) -> str:
    return f"asks/{nonce}/{part}.json"
