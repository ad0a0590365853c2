"""Answer a click through the address Slack sent with it: privately, or in the place of the message that was clicked.

Such an answer is part of a conversation with one person, decides nothing and belongs to no release's effects; it works
for half an hour and five times, by Slack's rules.
"""

import logging
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookClient

from tasks.errors import PermanentError, TransientError
from tasks.sentences import sentence
from tasks.settings import Settings

SLACKS_OWN = "https://hooks.slack.com"
_SILENT = logging.getLogger("greenflow.slack_sdk")

Block = Mapping[str, Any]


def answer_privately(settings: Settings, response_url: str, text: str) -> None:
    """Tell the person who clicked, and nobody else; ``text`` is mrkdwn: escape what comes from outside.

    Raises PermanentError for an address that is not Slack's or has been used up, TransientError without an answer.
    """
    _send(settings, response_url, {"response_type": "ephemeral", "replace_original": False, "text": text})


def replace_clicked(settings: Settings, response_url: str, text: str, blocks: Sequence[Block]) -> None:
    """Put other content in the place of the message that was clicked; raises like ``answer_privately``."""
    _send(settings, response_url, {"replace_original": True, "text": text, "blocks": [dict(block) for block in blocks]})


def _send(settings: Settings, response_url: str, body: dict[str, Any]) -> None:
    if _origin(response_url) not in {SLACKS_OWN, _origin(settings.slack.api_url)}:
        msg = sentence("could not answer a click: its address is not Slack's")
        raise PermanentError(msg)
    try:
        client = WebhookClient(response_url, timeout=max(1, round(settings.slack.timeout_s)), logger=_SILENT)
        answer = client.send_dict(body)
    except (OSError, HTTPException, SlackClientError) as error:
        msg = sentence("could not answer a click: no answer ({kind})", kind=type(error).__name__)
        raise TransientError(msg) from None  # the cause holds the address, which is a secret for half an hour
    if answer.status_code != 200:  # noqa: PLR2004 - HTTP's own number
        msg = sentence("could not answer a click: {status_code}", status_code=answer.status_code)
        raise PermanentError(msg)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
