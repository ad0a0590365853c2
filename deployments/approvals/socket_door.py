"""Let clicks in over Socket Mode: the service opens the connection, so that it needs no address on the internet."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import wait
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from deployments.approvals.clicks import MalformedError, read_click
from deployments.approvals.desk import Desk
from deployments.approvals.reception import ACKNOWLEDGE_WITHIN_S, Reception
from tasks.secrets import read_secret
from tasks.section import SecretReference

log = logging.getLogger("greenflow.approvals")
_SILENT = logging.getLogger("greenflow.slack_sdk")

INTERACTIVE = "interactive"
PING_EVERY_S = 1.0
"""The client takes a connection for lost after five pings; by its own 5 s clicks would get lost for half a minute."""
TRY_AGAIN_S = 2.0


class SocketDoor:
    """Hold one app's connection open and hand what comes in to the desks that share this app."""

    def __init__(self, desks: Sequence[Desk], app_token: SecretReference, reception: Reception) -> None:
        settings = desks[0].settings
        self._desks = desks
        self._reception = reception
        token = read_secret(app_token, settings.aws).get_secret_value()
        timeout_s = max(1, round(settings.slack.timeout_s))
        web = WebClient(base_url=settings.slack.api_url, timeout=timeout_s, logger=_SILENT)
        self._client = SocketModeClient(token, logger=_SILENT, web_client=web, ping_interval=PING_EVERY_S)
        self._client.socket_mode_request_listeners.append(self._hear)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._connect, name="socket-door", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Tell whether Slack can reach us."""
        return bool(self._client.is_connected())

    def start(self) -> None:
        """Connect, as soon as Slack lets us; the client comes back by itself whenever a connection ends."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection."""
        self._over.set()
        self._thread.join()
        self._client.close()

    def _connect(self) -> None:
        while not self._over.is_set():
            try:
                self._client.connect()
            except (SlackClientError, OSError) as error:
                log.warning("could not connect to Slack, trying again: %s", type(error).__name__)
            else:
                return
            self._over.wait(TRY_AGAIN_S)

    def _hear(self, client: Any, request: SocketModeRequest) -> None:
        """Take a click, wait until it is kept, acknowledge it; what is malformed is acknowledged and dropped."""
        if request.type == INTERACTIVE:
            try:
                click = read_click(request.payload)
            except MalformedError as error:
                log.warning("dropped %s", error)
                click = None
            if click:
                wait([self._reception.take(click, self._desks)], timeout=ACKNOWLEDGE_WITHIN_S)
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
