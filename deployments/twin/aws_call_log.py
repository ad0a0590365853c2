"""Remember every call to the emulated AWS, without the secrets in it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployments.twin.aws_calls import Call

KEPT = 50_000
_SUMMARY_LENGTH = 400
_SECRET = frozenset(
    {"secretstring", "secretbinary", "password", "masteruserpassword", "authtoken", "value", "environment"}
)
_BULKY = frozenset({"imagemanifest", "containerdefinitions", "policydocument", "assumerolepolicydocument"})
_SIGNATURE = frozenset({"x-amz-signature", "x-amz-credential", "x-amz-security-token"})


@dataclass(frozen=True)
class CallRecord:
    """One call: `at` is when it came (epoch), `error` AWS's code, `fault` the kind that hit it."""

    number: int
    at: float
    service: str
    operation: str
    mutating: bool
    status: int
    error: str | None
    duration_ms: float
    params: str
    fault: str | None


class CallLog:
    """Keep the last 50,000 calls in the order of their answers."""

    def __init__(self) -> None:
        self._records: deque[CallRecord] = deque(maxlen=KEPT)
        self._number = 0
        self._lock = threading.Lock()

    def add(
        self, call: Call, *, at: float, status: int, error: str | None, duration_ms: float, fault: str | None
    ) -> None:
        """Record an answered call; a cut connection has status 0."""
        with self._lock:
            self._number += 1
            self._records.append(
                CallRecord(
                    self._number,
                    at,
                    call.service,
                    call.operation,
                    call.mutating,
                    status,
                    error,
                    round(duration_ms, 2),
                    summary(call),
                    fault,
                )
            )

    def since(self, number: int = 0) -> list[CallRecord]:
        """Give the calls after the given number."""
        with self._lock:
            return [record for record in self._records if record.number > number]

    def document(self, number: int = 0) -> dict[str, Any]:
        """Give the calls after the given number as the control endpoint writes them."""
        records = self.since(number)
        return {"calls": [asdict(record) for record in records], "last": self._number}


def summary(call: Call) -> str:
    """Say in one short line what a call asked for; values that can be secrets are left out."""
    try:
        params = call.params
    except (ValueError, LookupError, AttributeError):
        return "unreadable"
    return " ".join(f"{name}={_shown(name, value)}" for name, value in params.items())[:_SUMMARY_LENGTH]


def _shown(name: str, value: Any) -> str:
    if name.lower() in _SECRET | _BULKY | _SIGNATURE:
        return "…"
    if isinstance(value, dict):
        return "{" + " ".join(f"{key}={_shown(key, item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(name, item) for item in value) + "]"
    return str(value)
