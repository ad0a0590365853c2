"""Hold credentials for the way home in this process, and say when a call is to use them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from tasks.settings import AwsSettings


@dataclass(frozen=True)
class Standby:
    """Hold one role's credentials; ``ends_s`` is by a clock that nobody sets."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    ends_s: float

    @property
    def left_s(self) -> float:
        """Return how long they are good for."""
        return self.ends_s - time.monotonic()

    @property
    def credentials(self) -> dict[str, str]:
        """Return them as boto3 takes them."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.session_token,
        }


_HELD: dict[AwsSettings, Standby] = {}
_IN_USE: ContextVar[bool] = ContextVar("greenflow_standby", default=False)


def hold(aws: AwsSettings, standby: Standby) -> None:
    """Keep credentials until others are held."""
    _HELD[aws] = standby


def held_for_s(aws: AwsSettings) -> float:
    """Return how long the credentials that are held are good for; 0 where none are."""
    held = _HELD.get(aws)
    return max(0.0, held.left_s) if held else 0.0


def standby_of(aws: AwsSettings) -> Standby | None:
    """Return the credentials that a call is to use, or None for the process's own."""
    return _HELD.get(aws) if _IN_USE.get() else None


@contextmanager
def on_standby(*, use: bool) -> Iterator[None]:
    """Let the calls inside use what is held, as far as anything is."""
    token = _IN_USE.set(use)
    try:
        yield
    finally:
        _IN_USE.reset(token)
