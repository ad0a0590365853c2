"""The stand-in's channel in a browser: what the person sees, and buttons that are really pressed."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from deployments.twin.slack import Person, SlackStandIn

APPROVER = "U0APPROVER"
ASK: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "plain_text", "text": "Give 1.4.0 <b>50 %</b>?"}},
    {
        "type": "actions",
        "block_id": "ask",
        "elements": [
            {"type": "button", "action_id": "approve", "value": "n1", "text": {"type": "plain_text", "text": "Approve"}}
        ],
    },
]
FORM = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Why not?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "close": {"type": "plain_text", "text": "Back"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn(Person(APPROVER, decision="silent")) as started:
        yield started


@pytest.fixture
def heard(slack: SlackStandIn) -> Iterator[list[str]]:
    """Listen as the app does, and open a form at each press."""
    bodies: list[str] = []
    client = WebClient(token=slack.token, base_url=slack.url)

    async def hear(request: Request) -> PlainTextResponse:
        bodies.append(parse_qs((await request.body()).decode())["payload"][0])
        return PlainTextResponse("")

    with HttpThread(Starlette(routes=[Route("/", hear, methods=["POST"])]), "app") as app:
        slack.interactivity_url = app.url
        client.chat_postMessage(channel=slack.channel, text="Give 1.4.0 50 %?", blocks=ASK)
        yield bodies


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, page
    return found[1]


def test_the_page_shows_the_channel_and_its_button_is_pressed_by_the_person(
    slack: SlackStandIn, heard: list[str]
) -> None:
    page = httpx.get(slack.page_url).text
    assert "Give 1.4.0 &lt;b&gt;50 %&lt;/b&gt;?" in page
    sent = {"ts": field(page, "ts"), "action": field(page, "action")}
    assert httpx.post(f"{slack.page_url}press", data=sent).status_code == 303
    (click,) = slack.clicks
    assert (click.user_id, click.action_id, click.status) == (APPROVER, "approve", 200)
    assert '"action_id": "approve"' in heard[0]


def test_a_form_that_a_press_has_opened_is_filled_in_on_the_page_and_closed_by_it(
    slack: SlackStandIn, heard: list[str]
) -> None:
    trigger = slack.workspace.new_trigger(APPROVER)
    WebClient(token=slack.token, base_url=slack.url).views_open(trigger_id=trigger, view=FORM)
    page = httpx.get(slack.page_url).text
    assert "<dialog" in page
    httpx.post(f"{slack.page_url}submit", data={"view": field(page, "view"), "text": "not tonight"})
    assert "not tonight" in heard[0]
    assert "<dialog" not in httpx.get(slack.page_url).text


def test_what_only_one_person_sees_is_shown_to_that_person_alone(slack: SlackStandIn) -> None:
    client = WebClient(token=slack.token, base_url=slack.url)
    for user, text in ((APPROVER, "you were too late"), ("U0OTHER", "you are a stranger")):
        client.chat_postEphemeral(channel=slack.channel, user=user, text=text)
    page = httpx.get(slack.page_url).text
    assert "you were too late" in page
    assert "you are a stranger" not in page
