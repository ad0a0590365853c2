"""Tell what users met while a release was under way, where somebody counted it."""

from collections.abc import Mapping
from typing import Any

from flows.core.record import ReleaseState
from tasks.models import Record


class Second(Record):
    """Hold what users met in one second of the release."""

    at_s: float
    requests: int
    failed: int


class UsersMet(Record):
    """Hold the requests of users and those that failed, and why; ``seconds`` may be the last ones only."""

    requests: int
    failed: int
    p95_ms: float | None
    by_reason: dict[str, int]
    by_version: dict[str, int]
    seconds: tuple[Second, ...]


def users_met(state: ReleaseState) -> UsersMet | None:
    """Return what users met; None where nobody counted."""
    told = state.users
    if not told.get("requests"):
        return None
    failures = told.get("failures") or {}
    return UsersMet(
        requests=told["requests"],
        failed=told.get("failed", 0),
        p95_ms=told.get("p95_ms"),
        by_reason=_counts(failures, "by_reason"),
        by_version=_counts(failures, "by_version"),
        seconds=_seconds(state),
    )


def _counts(failures: Mapping[str, Any], name: str) -> dict[str, int]:
    found = failures.get(name) or {}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _seconds(state: ReleaseState) -> tuple[Second, ...]:
    if not state.opened_at:
        return ()
    opened_s = state.opened_at.timestamp()
    return tuple(
        Second(at_s=round(told["start"] - opened_s, 2), requests=told["requests"], failed=told["failed"])
        for told in state.users.get("seconds") or ()
        if told["start"] >= opened_s
    )
