"""Keep questions, the votes on them and their one answer, each by one conditional write (safety I19).

Whoever answers first has answered. How old a question is, the store's own clock says: a jump of ours neither shortens
nor lengthens an approval (safety I27).
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from tasks.event_store import ConflictError, EventStore
from tasks.models import Answer, Ask, Record
from tasks.settings import Settings

NONCE = re.compile(r"[0-9a-f]{32}")


class Vote(Record):
    """Hold one person's yes to a question that needs several."""

    nonce: str
    by: str
    door: str
    at: datetime


@dataclass(frozen=True)
class FoundAsk:
    """Hold a question as the store has it; ``age_s`` is by the store's clock, in its grain of a second."""

    ask: Ask
    age_s: float

    @property
    def expired(self) -> bool:
        """Tell whether the question is older than it was meant to become."""
        return self.age_s >= (self.ask.expires_at - self.ask.asked_at).total_seconds()


def store_ask(settings: Settings, ask: Ask) -> None:
    """Keep a question before anybody is shown it."""
    try:
        EventStore(settings).create(_key(ask.nonce, "ask"), ask.model_dump_json().encode())
    except ConflictError:
        return  # the same nonce is the same question, stored by an earlier try


def find_ask(settings: Settings, nonce: str) -> FoundAsk | None:
    """Return the question a nonce belongs to, or None; a nonce of another form belongs to none."""
    if not NONCE.fullmatch(nonce):
        return None
    stored = EventStore(settings).read(_key(nonce, "ask"))
    if stored is None:
        return None
    return FoundAsk(Ask.model_validate_json(stored.body), (stored.read_at - stored.modified_at).total_seconds())


def cast_vote(settings: Settings, vote: Vote) -> bool:
    """Record a person's yes; tells False when they had said so before."""
    try:
        EventStore(settings).create(_vote_key(vote), vote.model_dump_json().encode())
    except ConflictError:
        return False
    return True


def read_votes(settings: Settings, nonce: str) -> tuple[Vote, ...]:
    """Return every yes to a question, in the order they came."""
    store = EventStore(settings)
    keys = store.list(f"asks/{nonce}/votes/")
    votes = [Vote.model_validate_json(stored.body) for stored in store.read_all(keys)]
    return tuple(sorted(votes, key=lambda vote: (vote.at, vote.by)))


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


def _vote_key(vote: Vote) -> str:
    # A person may be an ARN, which is no part of a key; one person is one key.
    person = hashlib.sha256(vote.by.encode()).hexdigest()[:32]
    return f"asks/{vote.nonce}/votes/{person}.json"


def _key(nonce: str, part: str) -> str:
    return f"asks/{nonce}/{part}.json"
