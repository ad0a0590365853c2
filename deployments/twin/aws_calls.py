"""Know an AWS request by its service, operation and parameters, and write the answer its client expects."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

SERVICE_OF_SIGNING_NAME = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2"}
READS = ("Describe", "Get", "List", "Head", "BatchGet", "BatchCheck", "AssumeRole", "Select")

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/")
_SCOPE = re.compile(r"[^/=]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


class ConnectionCut(Exception):
    """End the connection without an answer."""


class AwsError(Exception):
    """Refuse a call with AWS's own code and sentence."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status < 300  # noqa: PLR2004 HTTP's own bound of success


@dataclass(frozen=True)
class Call:
    """One request to AWS; `protocol` is botocore's name for how parameters and answers are written."""

    service: str
    operation: str
    protocol: str
    environ: dict[str, Any] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def mutating(self) -> bool:
        return not self.operation.startswith(READS)

    @cached_property
    def params(self) -> dict[str, Any]:
        """Give the parameters by their botocore names; for REST calls the path's and the query's."""
        if self.protocol == "json":
            return dict(json.loads(self.body or b"{}"))
        if self.protocol in ("query", "ec2"):
            return self._query_params()
        return self._rest_params()

    @property
    def caller(self) -> str:
        """Give the access key that signed the call; empty for one that nobody signed."""
        found = _CREDENTIAL.search(self.header("Authorization") or "")
        return found[1] if found else ""

    def header(self, name: str) -> str | None:
        """Give a request header, or None."""
        value: str | None = self.environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value

    def _query_params(self) -> dict[str, Any]:
        values = dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        model = get_service_model(self.service).operation_model(self.operation)
        parser: Any = PROTOCOL_PARSERS[self.protocol](model)
        return dict(parser.parse({"values": values}))

    def _rest_params(self) -> dict[str, Any]:
        path = unquote(str(self.environ.get("RAW_URI", "")).split("?", 1)[0])
        query = dict(parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True))
        if self.service != "s3":
            return {"path": path, **query}
        bucket, _, key = path.lstrip("/").partition("/")
        return {"Bucket": bucket, **({"Key": key} if key else {}), **query}


def identify(environ: dict[str, Any], body: bytes) -> Call:
    """Tell which operation of which service a request is; what nobody signed is S3's, as moto has it."""
    service = _service_of(environ)
    operation, protocol = _operation_of(service, environ, body)
    return Call(service, operation, protocol, environ, body)


def result_answer(call: Call, result: object) -> Answer:
    """Write a result (a dict by botocore's output names, times as datetimes) as the service would."""
    headers = [("x-amzn-RequestId", str(uuid.uuid4()))]
    if call.protocol == "json":
        body = json.dumps(result, default=_epoch)
        return Answer(200, [("Content-Type", "application/x-amz-json-1.1"), *headers], body.encode())
    model = get_service_model(call.service).operation_model(call.operation)
    written = get_serializer_class(call.service, call.protocol)(operation_model=model).serialize(result)
    text = written["body"]
    return Answer(
        written["status_code"],
        [*written["headers"].items(), *headers],
        text if isinstance(text, bytes) else text.encode(),
    )


def error_answer(call: Call, error: AwsError) -> Answer:
    """Write a refusal or a fault as the service would."""
    request_id = ("x-amzn-RequestId", str(uuid.uuid4()))
    if call.protocol in ("query", "ec2"):
        body = _query_error(error)
    elif call.protocol == "rest-xml":
        body = _s3_error(error)
    else:
        text = json.dumps({"__type": error.code, "message": error.message, "Message": error.message})
        headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amzn-Errortype", error.code),
            request_id,
        ]
        return Answer(error.status, headers, text.encode())
    return Answer(error.status, [("Content-Type", "text/xml"), request_id], body.encode())


def error_code_of(answer: Answer) -> str | None:
    """Read the error code out of an answer, whoever wrote it; None for a success."""
    if answer.ok or not answer.body:
        return None if answer.ok else str(answer.status)
    found = re.search(rb'<Code>([^<]+)</Code>|"__type":\s*"(?:[^"#]*#)?([^"]+)"', answer.body)
    return (found[1] or found[2]).decode() if found else str(answer.status)


def _epoch(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _service_of(environ: dict[str, Any]) -> str:
    signed = environ.get("HTTP_AUTHORIZATION") or unquote(environ.get("QUERY_STRING", ""))
    scope = _SCOPE.search(signed)
    name = scope["service"].lower() if scope else "s3"
    return SERVICE_OF_SIGNING_NAME.get(name, name)


def _operation_of(service: str, environ: dict[str, Any], body: bytes) -> tuple[str, str]:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rsplit(".", 1)[-1], "json"
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        action = dict(parse_qsl(body.decode("utf-8", "replace"))).get("Action", "")
        return action, "ec2" if service == "ec2" else "query"
    return _rest_operation(service, environ)


def _rest_operation(service: str, environ: dict[str, Any]) -> tuple[str, str]:
    unknown = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"
    try:
        model = get_service_model(service)
        operation, _ = get_service_router(service).match(Request(environ.copy()))
    except (HTTPException, NotImplementedError, ValueError, LookupError):
        return unknown, "rest-xml" if service == "s3" else "rest-json"
    return str(operation.name), str(model.protocol)


def _query_error(error: AwsError) -> str:
    kind = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 HTTP's own bound
    return (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )


def _s3_error(error: AwsError) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message><RequestId>{uuid.uuid4()}</RequestId></Error>"
    )
