"""Let a mutating call out only from inside an effect (architecture, law 5).

Every client in ``tasks.clients`` asks ``require_effect`` before a call that changes another system. Only
``tasks.ledger.effect`` opens ``permit``; ``tests/test_laws.py`` holds both halves to that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PERMITTED: ContextVar[bool] = ContextVar("greenflow_mutation_permitted", default=False)


class UnrecordedMutationError(RuntimeError):
    """Report a bug of ours: a mutating call outside of ``tasks.ledger.effect``."""


@contextmanager
def permit() -> Iterator[None]:
    """Allow mutating calls inside the block; for ``tasks.ledger`` alone."""
    token = _PERMITTED.set(True)
    try:
        yield
    finally:
        _PERMITTED.reset(token)


def permitted() -> bool:
    """Tell whether this code runs inside an effect's act."""
    return _PERMITTED.get()


def require_effect(what: str) -> None:
    """Refuse ``what`` unless the ledger has recorded the intent; raises UnrecordedMutationError."""
    if not _PERMITTED.get():
        msg = f"{what} changes another system and was not recorded: call it through tasks.ledger.effect"
        raise UnrecordedMutationError(msg)
