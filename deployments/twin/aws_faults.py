"""Break chosen calls to the emulated AWS the way networks and services break."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_calls import Call

BEFORE = frozenset({"throttle", "500_before", "reset_before", "denied", "delay"})
"""The operation does not happen; `delay` alone lets it happen, later."""
AFTER = frozenset({"503_after", "lost_answer", "empty_200"})
"""The operation happens, and its caller is not told so."""
DAMAGE = frozenset({"cut_body", "flip_body"})
"""The operation answers well, with half of its body or with one bit of it flipped."""
REFUSED = frozenset({"expired", "skewed", "no_bucket"})
"""The call is refused: for old credentials, for a clock that is off, for want of a bucket."""
MARK = "x-twin-fault"
"""A request that carries this header asks to be broken in that way: for trials that know which call they mean."""
MARKED_DELAY_S = 2.5
"""Longer than a trial's client waits for an answer."""
KINDS = BEFORE | AFTER | DAMAGE | REFUSED | {"silent", "flip_upload"}
"""`silent`: a metrics operation answers well, without a single datapoint; `flip_upload`: one bit of what is sent is
flipped on its way."""

_THROTTLE = {
    "query": ("Throttling", "Rate exceeded", 400),
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "rest-xml": ("SlowDown", "Please reduce your request rate.", 503),
}
_THROTTLE_OF_SERVICE = {"cloudwatch": ("Throttling", "Rate exceeded", 400)}
_EXPIRED = "The security token included in the request is expired"
_SKEWED = "Signature expired: 20261121T180000Z is now earlier than 20261121T185500Z"
_NO_BUCKET = ("NoSuchBucket", "The specified bucket does not exist", 404)
_REFUSALS = {
    "expired": {"json": ("ExpiredTokenException", _EXPIRED, 400), "rest-xml": ("ExpiredToken", _EXPIRED, 400)},
    "skewed": {
        "json": ("InvalidSignatureException", _SKEWED, 400),
        "rest-xml": (
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's is too large",
            403,
        ),
    },
    "no_bucket": {"rest-xml": _NO_BUCKET},
}
_REFUSALS_OF_QUERIES = {
    "expired": ("ExpiredToken", _EXPIRED, 403),
    "skewed": ("SignatureDoesNotMatch", _SKEWED, 403),
    "no_bucket": _NO_BUCKET,
}
_INTERNAL = {
    "ecs": "ServerException",
    "ecr": "ServerException",
    "s3": "InternalError",
    "secretsmanager": "InternalServiceError",
    "cloudwatch": "InternalServiceFault",
}


@dataclass
class FaultRule:
    """Break the calls of one operation.

    `service` and `operation` are botocore's names or patterns (`ecs`, `Describe*`). `match` holds patterns
    for parameters by their dotted names (`{"service": "*-b"}`), `caller` one for the access key. The first
    `skip` matching calls pass, then every `every`-th is hit, `count` times in all (None: until it is removed).
    `delay_s` waits first, whatever the kind.
    """

    kind: str
    service: str = "*"
    operation: str = "*"
    match: dict[str, str] = field(default_factory=dict)
    caller: str = "*"
    count: int | None = 1
    every: int = 1
    skip: int = 0
    delay_s: float = 0.0
    id: int = 0
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; there are {', '.join(sorted(KINDS))}")
        if self.every < 1:
            raise ValueError(f"a fault hits every n-th call, n at least 1, not {self.every}")

    def takes(self, call: Call) -> bool:
        """Say whether this call is to be broken, and count it."""
        if not self._matches(call) or self._spent:
            return False
        self.seen += 1
        hit = self.seen > self.skip and (self.seen - self.skip) % self.every == 0
        self.hits += hit
        return hit

    @property
    def _spent(self) -> bool:
        return self.count is not None and self.hits >= self.count

    def _matches(self, call: Call) -> bool:
        return (
            fnmatchcase(call.service, self.service)
            and fnmatchcase(call.operation, self.operation)
            and fnmatchcase(call.caller, self.caller)
            and all(fnmatchcase(_at(call.params, name), pattern) for name, pattern in self.match.items())
        )


class Faults:
    """Hold the rules in the order they came; a call is broken by the first that takes it."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._number = 0
        self._lock = threading.Lock()

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule in force and give it its number."""
        with self._lock:
            self._number += 1
            rule.id = self._number
            self._rules.append(rule)
        return rule

    def add_document(self, document: dict[str, Any]) -> FaultRule:
        """Put a rule in force as the control endpoint reads it; raises `ValueError` for what is no rule."""
        known = {item.name for item in fields(FaultRule)} - {"id", "seen", "hits"}
        unknown = sorted(set(document) - known)
        if unknown or "kind" not in document:
            raise ValueError(f"a fault has kind and may have {', '.join(sorted(known))}; got {', '.join(unknown)}")
        return self.add(FaultRule(**document))

    def clear(self, number: int | None = None) -> None:
        """Take one rule away, or all."""
        with self._lock:
            self._rules = [] if number is None else [rule for rule in self._rules if rule.id != number]

    def take(self, call: Call) -> FaultRule | None:
        """Find the rule that breaks this call."""
        if kind := call.header(MARK):
            return FaultRule(kind, delay_s=MARKED_DELAY_S if kind == "delay" else 0.0)
        if not self._rules:
            return None
        with self._lock:
            return next((rule for rule in self._rules if rule.takes(call)), None)

    def document(self) -> dict[str, Any]:
        """Give the rules and how often each has hit."""
        with self._lock:
            return {"faults": [asdict(rule) for rule in self._rules]}


def throttled(call: Call) -> AwsError:
    """Give the refusal with which this service throttles."""
    default = ("ThrottlingException", "Rate exceeded", 400)
    code, message, status = _THROTTLE_OF_SERVICE.get(call.service) or _THROTTLE.get(call.protocol, default)
    return AwsError(code, message, status)


def denied(call: Call) -> AwsError:
    """Give the refusal of a caller whose policy does not grant the operation."""
    code = "AccessDeniedException" if call.protocol == "json" else "AccessDenied"
    message = f"User: arn:aws:sts::123456789012:user/moto is not authorized to perform: {call.operation}"
    return AwsError(code, message, 403 if call.protocol != "json" else 400)


def refused(kind: str, call: Call) -> AwsError:
    """Give the refusal of this service for one of the reasons that another try does not cure."""
    return AwsError(*_REFUSALS[kind].get(call.protocol, _REFUSALS_OF_QUERIES[kind]))


def failed_inside(call: Call) -> AwsError:
    """Give the 500 of this service."""
    code = _INTERNAL.get(call.service, "InternalFailure")
    return AwsError(code, "We encountered an internal error. Please try again.", 500)


REFUSALS: dict[str, Callable[[Call], AwsError]] = {
    "throttle": throttled,
    "500_before": failed_inside,
    "denied": denied,
    **{kind: partial(refused, kind) for kind in REFUSED},
}
"""What is answered by the kinds that refuse a call."""


def unavailable() -> AwsError:
    """Give the 503 that says nothing of whether the call had its effect."""
    return AwsError("ServiceUnavailable", "Service is unable to handle request.", 503)


def damaged(kind: str, body: bytes) -> bytes:
    """Give the first half of a body, or the whole with the lowest bit of its middle byte flipped."""
    middle = len(body) // 2
    if kind == "cut_body" or not body:
        return body[:middle]
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _at(params: dict[str, Any], dotted: str) -> str:
    value: Any = params
    for name in dotted.split("."):
        value = value.get(name, "") if isinstance(value, dict) else ""
    return str(value)
