"""Let clicks in that Slack posts, signed: whatever else comes gets a short no and changes nothing (safety I19)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.approvals.clicks import Click, MalformedError, read_click, read_form
from deployments.approvals.desk import Desk
from deployments.approvals.reception import ACKNOWLEDGE_WITHIN_S, Reception
from deployments.metrics import CONTENT_TYPE
from tasks.secrets import read_secret

log = logging.getLogger("greenflow.approvals")

LONGEST_BODY = 512 * 1024
BODY_WITHIN_S = 2.0
FORM = "application/x-www-form-urlencoded"
SIGNED_BY = ("x-slack-signature", "x-slack-request-timestamp")


class RefusedRequestError(Exception):
    """Carry the status a request is answered with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class HttpDoor:
    """Verify what comes in and hand it to the desks whose app signed it."""

    def __init__(self, desks: Sequence[Desk], reception: Reception, on_refused: Callable[[int], object]) -> None:
        self._reception = reception
        self._on_refused = on_refused
        self._desks: dict[str, list[Desk]] = {}
        for desk in desks:
            secret = read_secret(desk.settings.slack.signing_secret, desk.settings.aws).get_secret_value()
            self._desks.setdefault(secret, []).append(desk)

    async def __call__(self, request: Request) -> Response:
        """Answer one request of Slack's; acknowledges a click as soon as it is kept, within two seconds."""
        try:
            body = await _body(request)
            desks = self._signers(body, request.headers)
            click = _click(body, request.headers)
        except RefusedRequestError as refused:
            log.info("refused a request: %s", refused)
            self._on_refused(refused.status)
            return PlainTextResponse(str(refused), status_code=refused.status)
        if click:
            safe = asyncio.wrap_future(self._reception.take(click, desks))
            await asyncio.wait([safe], timeout=ACKNOWLEDGE_WITHIN_S)
        return Response(status_code=200)

    def _signers(self, body: bytes, headers: Headers) -> Sequence[Desk]:
        if any(len(headers.getlist(name)) != 1 for name in SIGNED_BY):
            raise RefusedRequestError(401, "not signed by Slack")
        given = {name: headers[name] for name in SIGNED_BY}
        for secret, desks in self._desks.items():
            if _is_signed(secret, body, given):
                return desks
        raise RefusedRequestError(401, "not signed by Slack")


def application(
    door: HttpDoor | None, health: Callable[[], tuple[bool, dict[str, Any]]], metrics: Callable[[], bytes]
) -> Starlette:
    """Make the service's web side; without a door it only tells how it is."""

    async def healthz(_: Request) -> Response:
        is_well, facts = health()
        return JSONResponse({"status": "ok" if is_well else "unwell", **facts}, status_code=200 if is_well else 503)

    async def measured(_: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE)

    # /health is what the image's health check asks, whichever service its container is.
    routes = [Route("/healthz", healthz), Route("/health", healthz), Route("/metrics", measured)]
    if door:

        async def interactivity(request: Request) -> Response:
            return await door(request)

        routes.append(Route("/slack/interactivity", interactivity, methods=["POST"]))
    return Starlette(routes=routes)


async def _body(request: Request) -> bytes:
    """Read a body that is neither longer nor slower than Slack's."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST_BODY:
                    raise RefusedRequestError(413, "too long")
    except (TimeoutError, ClientDisconnect):
        raise RefusedRequestError(408, "too slow") from None
    return bytes(body)


def _is_signed(secret: str, body: bytes, given: dict[str, str]) -> bool:
    """Tell whether Slack signed this body within the last five minutes; whatever is malformed is not signed."""
    try:
        return SignatureVerifier(secret).is_valid_request(body, given)
    except (ValueError, TypeError, OverflowError):
        return False


def _click(body: bytes, headers: Headers) -> Click | None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RefusedRequestError(415, f"expected {FORM}")
    try:
        fields = parse_qs(body.decode(), max_num_fields=10)
        (payload,) = fields["payload"]
        return read_click(read_form(payload))
    except MalformedError as error:
        raise RefusedRequestError(400, str(error)) from None
    except (KeyError, ValueError):
        raise RefusedRequestError(400, "expected one payload") from None
