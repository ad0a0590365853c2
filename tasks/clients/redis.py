"""Look at Redis and change it only from inside an effect; its errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from pydantic import SecretStr
from redis.exceptions import AuthenticationError, AuthorizationError

from tasks.clients.redaction import Redaction
from tasks.errors import PermanentError, ReleaseError, SettingsError, TransientError
from tasks.mutations import require_effect
from tasks.sentences import named, sentence

READS = frozenset(
    {
        "PING",
        "INFO",
        "ROLE",
        "TIME",
        "DBSIZE",
        "EXISTS",
        "GET",
        "TTL",
        "CONFIG GET",
        "CLIENT SETINFO",
        "HELLO",
    }
)


class GuardedRedis(redis.Redis):
    """Be a Redis client that lets a command which is not known to look only out of an effect alone."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""
        name = str(args[0]).upper()
        if name not in READS:
            require_effect(f"redis {name}")
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


@contextmanager
def open_redis(url: SecretStr, *, timeout_s: float, doing: str) -> Iterator[GuardedRedis]:
    """Open a connection for the length of the block and translate its errors: ``could not <doing>: <cause>``.

    Raises TransientError when the server is not reached or loading, PermanentError when it refuses.
    """
    redact = Redaction([url])
    try:
        pool = redis.ConnectionPool.from_url(
            url.get_secret_value(),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            decode_responses=True,
        )
    except ValueError as error:
        msg = f"cache.url: found no Redis address, expected redis:// or rediss:// ({redact(str(error))})"
        raise SettingsError(msg) from None
    try:
        with pool, GuardedRedis(connection_pool=pool) as client:
            yield client
    except redis.RedisError as error:
        raise _translated(
            error, sentence("could not {doing}: {why}", doing=named(doing), why=redact(str(error)))
        ) from None


def _translated(error: redis.RedisError, message: str) -> ReleaseError:
    if isinstance(error, AuthenticationError | AuthorizationError):
        return PermanentError(message)
    passing = redis.ConnectionError | redis.TimeoutError | redis.BusyLoadingError
    return TransientError(message) if isinstance(error, passing) else PermanentError(message)
