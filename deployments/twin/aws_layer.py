"""Stand between AWS's clients and moto: faults, then refusals, then the operation, then the call log."""

from __future__ import annotations

import io
import socket
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from deployments.twin import aws_faults
from deployments.twin.aws_calls import (
    Answer,
    AwsError,
    ConnectionCut,
    error_answer,
    error_code_of,
    identify,
    result_answer,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_call_log import CallLog
    from deployments.twin.aws_calls import Call
    from deployments.twin.aws_faults import FaultRule, Faults
    from deployments.twin.aws_permissions import Permissions

    Check = Callable[[Call], None]
    Operation = Callable[[Call], object]


class Moto:
    """Ask moto, as the emulated account whatever the credentials say."""

    def __init__(self, account: Account) -> None:
        self._account_id = account.id
        self._application = DomainDispatcherApplication(create_backend_app)

    def __call__(self, call: Call) -> Answer:
        """Let moto perform a call; what it cannot do is said with 501, what breaks it with 500."""
        try:
            return self._ask(call)
        except NotImplementedError as error:
            raise AwsError("NotImplemented", f"the twin's AWS has no {call.operation}: {error}", 501) from error
        except Exception as error:  # moto raises bare exceptions for what AWS answers with a code
            message = f"{call.operation}: {type(error).__name__}: {error}"
            raise AwsError("InternalFailure", message, 500) from error

    def _ask(self, call: Call) -> Answer:
        environ = {**call.environ, "wsgi.input": io.BytesIO(call.body), "CONTENT_LENGTH": str(len(call.body))}
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        started: list[Any] = []
        chunks = self._application(environ, lambda status, headers, *_: started.extend((status, headers)))
        try:
            body = b"".join(chunks)
        finally:
            chunks.close()
        status, headers = started
        return Answer(int(status.split(" ", 1)[0]), list(headers), body)


@dataclass
class Operations:
    """Hold what the twin refuses and what it does itself, by (service, operation); the rest is moto's.

    `after` runs when a call that can change something has succeeded. All of it runs under the account's lock.
    """

    checks: dict[tuple[str, str], Check] = field(default_factory=dict)
    own: dict[tuple[str, str], Operation] = field(default_factory=dict)
    after: list[Check] = field(default_factory=list)


class Layer:
    """Answer one call after the other; `closing` ends the delays of faults early."""

    def __init__(
        self,
        *,
        account: Account,
        moto: Moto,
        operations: Operations,
        permissions: Permissions,
        faults: Faults,
        log: CallLog,
        closing: threading.Event,
    ) -> None:
        self._account = account
        self._moto = moto
        self._operations = operations
        self._permissions = permissions
        self._faults = faults
        self._log = log
        self._closing = closing

    def __call__(self, environ: dict[str, Any], body: bytes) -> Answer:
        """Answer a call, or cut its connection (raises `ConnectionCut`) where a fault says so."""
        at, started = time.time(), time.perf_counter()
        call = identify(environ, body)
        rule = self._faults.take(call)
        answer: Answer | None = None
        try:
            answer = self._with_fault(call, rule) if rule else self._perform(call)
        finally:
            self._log.add(
                call,
                at=at,
                status=answer.status if answer else 0,
                error=error_code_of(answer) if answer else "ConnectionCut",
                duration_ms=(time.perf_counter() - started) * 1000,
                fault=rule.kind if rule else None,
            )
        return answer

    def _with_fault(self, call: Call, rule: FaultRule) -> Answer:
        if rule.delay_s:
            self._closing.wait(rule.delay_s)
        if rule.kind in aws_faults.AFTER:
            return _after(call, rule, self._perform(call))
        if rule.kind in aws_faults.DAMAGE:
            return _damaged(rule, self._perform(call))
        if rule.kind == "flip_upload":
            return self._perform(replace(call, body=aws_faults.damaged("flip_body", call.body)))
        if refusal := aws_faults.REFUSALS.get(rule.kind):
            return error_answer(call, refusal(call))
        if rule.kind == "reset_before":
            raise _cut(call)
        silent = rule.kind == "silent" and call.service == "cloudwatch"
        return _without_datapoints(call) if silent else self._perform(call)

    def _perform(self, call: Call) -> Answer:
        with self._account.lock:
            try:
                answer = self._permitted(call)
            except AwsError as error:
                return error_answer(call, error)
            if call.mutating and answer.ok:
                for step in self._operations.after:
                    step(call)
            return answer

    def _permitted(self, call: Call) -> Answer:
        self._permissions.check(call)
        key = (call.service, call.operation)
        if check := self._operations.checks.get(key):
            check(call)
        operation = self._operations.own.get(key)
        if operation is None:
            return self._moto(call)
        result = operation(call)
        return result if isinstance(result, Answer) else result_answer(call, result)


def _after(call: Call, rule: FaultRule, answer: Answer) -> Answer:
    if rule.kind == "lost_answer":
        raise _cut(call)
    if rule.kind == "503_after":
        return error_answer(call, aws_faults.unavailable())
    content_type = next((value for name, value in answer.headers if name.lower() == "content-type"), "text/plain")
    return Answer(200, [("Content-Type", content_type)], b"")


def _damaged(rule: FaultRule, answer: Answer) -> Answer:
    """Damage a body where it was stored: its length and checksum, which the store tells of it, fit the damage."""
    if not answer.ok:
        return answer
    body = aws_faults.damaged(rule.kind, answer.body)
    told = ("content-length", "etag")
    headers = [
        (name, value) for name, value in answer.headers if not name.lower().startswith(("x-amz-checksum", *told))
    ]
    return Answer(answer.status, [*headers, ("Content-Length", str(len(body))), ("ETag", '"damaged"')], body)


def _without_datapoints(call: Call) -> Answer:
    empty = {"Timestamps": [], "Values": [], "StatusCode": "Complete"}
    queries = call.params.get("MetricDataQueries", [])
    results = [{"Id": query["Id"], "Label": query.get("Label", query["Id"]), **empty} for query in queries]
    return result_answer(call, {"MetricDataResults": results, "Datapoints": [], "Messages": []})


def _cut(call: Call) -> ConnectionCut:
    connection: socket.socket = call.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return ConnectionCut()
