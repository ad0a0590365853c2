"""Turn a signed click in Slack into a recorded answer, and wake the run that waits for it.

``python -m deployments.approvals --environment rehearsal --port-file FILE`` serves ``POST /slack/interactivity`` and
``GET /healthz`` on a free port of 127.0.0.1. The click is acknowledged first and decided after; the decision is
one conditional write in the ledger, so a double click or a second person changes nothing.
"""

import argparse
import json
import logging
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs

import uvicorn
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.twin.whole_file import write_whole
from flows.approval import resume_run
from flows.core.answers import Person, refuse_answer
from tasks.asks import find_ask, record_answer
from tasks.errors import ReleaseError
from tasks.models import Answer, Decision
from tasks.secrets import read_secret
from tasks.settings import Settings, load_settings

log = logging.getLogger("greenflow.approvals")

BUTTONS: tuple[Decision, ...] = ("approve", "reject", "roll_back")


class Clicks:
    """Decide about clicks for one environment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        secret = read_secret(settings.slack.signing_secret, settings.aws).get_secret_value()
        self._verifier = SignatureVerifier(signing_secret=secret)

    def is_signed(self, body: bytes, headers: dict[str, str]) -> bool:
        """Tell whether Slack signed this request within the last five minutes."""
        try:
            return self._verifier.is_valid_request(body, headers)
        except (ValueError, TypeError):
            return False  # a malformed time or signature is no signature

    def decide(self, payload: dict[str, Any]) -> str:
        """Record the answer a click stands for and wake its run; returns what the person is told."""
        action = payload["actions"][0]
        decision = action["action_id"]
        if decision not in BUTTONS or decision not in get_args(Decision):
            return f"unknown button {decision!r}"
        ask = find_ask(self._settings, action["value"])
        if ask is None:
            return "this question is not known here"
        person = Person(id=payload["user"]["id"], name=payload["user"].get("username", ""))
        refusal = self._misplaced(payload) or refuse_answer(
            ask,
            person,
            decision,
            now=datetime.now(UTC),
            allowed_now=self._settings.approval.approvers,
            allow_requester=self._settings.approval.allow_requester,
        )
        if refusal:
            return refusal
        wanted = Answer(nonce=ask.nonce, decision=decision, by=person.id, door="slack", at=datetime.now(UTC))
        counted = record_answer(self._settings, wanted)
        resume_run(ask.flow_run_id, "answered in Slack")
        return "recorded" if counted == wanted else f"already answered: {counted.decision} by {counted.by}"

    def _misplaced(self, payload: dict[str, Any]) -> str | None:
        found = payload.get("channel", {}).get("id")
        expected = self._settings.slack.channel
        return None if found == expected else f"answers count in channel {expected} only"


def application(settings: Settings) -> Starlette:
    """Make the service."""
    clicks = Clicks(settings)

    async def interactivity(request: Request) -> Response:
        body = await request.body()
        if not clicks.is_signed(body, dict(request.headers)):
            return PlainTextResponse("not signed by Slack", status_code=401)
        try:
            payload = json.loads(parse_qs(body.decode())["payload"][0])
        except (KeyError, ValueError):
            return PlainTextResponse("no payload", status_code=400)
        if payload.get("type") != "block_actions":
            return Response(status_code=200)
        return Response(status_code=200, background=BackgroundTask(_decide, clicks, payload))

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "environment": settings.name})

    return Starlette(routes=[Route("/slack/interactivity", interactivity, methods=["POST"]), Route("/healthz", health)])


async def _decide(clicks: Clicks, payload: dict[str, Any]) -> None:
    try:
        told = await run_in_threadpool(clicks.decide, payload)
    except ReleaseError as error:
        log.warning("could not decide about a click: %s", error)
        return
    except (KeyError, IndexError, TypeError):
        log.warning("a click of an unknown form was dropped")
        return
    log.info("click of %s: %s", payload.get("user", {}).get("id"), told)


def main(arguments: list[str] | None = None) -> int:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(prog="python -m deployments.approvals")
    parser.add_argument("--environment", default="rehearsal")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        app = application(load_settings(given.environment))
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    with socket.create_server(("127.0.0.1", given.port)) as listener:
        if given.port_file:
            write_whole(given.port_file, str(listener.getsockname()[1]))
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
