"""The stand-in for Slack answers slack_sdk as Slack does, and its people press buttons as people do."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from deployments.twin.slack import Person, SlackStandIn
from deployments.twin.slack_channel import Member

PATIENCE_S = 10.0
APPROVER = "U0APPROVER"


def ask_blocks(value: str = "nonce-1", *actions: str) -> list[dict[str, Any]]:
    elements = [
        {"type": "button", "action_id": one, "value": value, "text": {"type": "plain_text", "text": one}}
        for one in actions or ("approve", "reject", "roll_back")
    ]
    text = {"type": "mrkdwn", "text": "10 % → 50 %?"}
    return [{"type": "section", "text": text}, {"type": "actions", "block_id": "ask", "elements": elements}]


class App:
    """What listens for clicks: it verifies them as an app must, and keeps what it was told."""

    def __init__(self, secret: str) -> None:
        self.verifier = SignatureVerifier(secret)
        self.payloads: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.react: Callable[[dict[str, Any]], None] = lambda _: None

    async def __call__(self, request: Request) -> Response:
        body = await request.body()
        if not self.verifier.is_valid_request(body, dict(request.headers)):
            return PlainTextResponse("forged", 401)
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        self.payloads.append(payload)
        self.react(payload)
        return PlainTextResponse("", self.answers.pop(0) if self.answers else 200)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.payloads) >= count)
        return self.payloads


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn(Person(APPROVER, decision="silent", delay_s=0.01)) as started:
        yield started


@pytest.fixture
def client(slack: SlackStandIn) -> WebClient:
    return WebClient(token=slack.token, base_url=slack.url)


@pytest.fixture
def app(slack: SlackStandIn) -> Iterator[App]:
    app = App(slack.signing_secret)
    with HttpThread(Starlette(routes=[Route("/slack", app.__call__, methods=["POST"])]), "app") as listener:
        slack.interactivity_url = f"{listener.url}/slack"
        yield app
        slack.people.stop()


def post(client: WebClient, slack: SlackStandIn, **more: Any) -> str:
    return str(client.chat_postMessage(channel=slack.channel, text="ask", blocks=ask_blocks(), **more)["ts"])


class TestWebApi:
    def test_the_bot_learns_who_and_where_it_is(self, slack: SlackStandIn, client: WebClient) -> None:
        assert client.auth_test()["team_id"] == slack.team_id
        channel = client.conversations_info(channel=slack.channel)["channel"]
        assert (channel["name"], channel["is_member"]) == ("greenflow-production", True)

    def test_a_message_and_its_thread_can_be_read_back(self, slack: SlackStandIn, client: WebClient) -> None:
        parent = post(client, slack)
        reply = client.chat_postMessage(channel=slack.channel, text="10 %", thread_ts=parent)["ts"]
        other = client.chat_postMessage(channel="#greenflow-production", text="another release")["ts"]
        history = client.conversations_history(channel=slack.channel)["messages"]
        assert [message["ts"] for message in history] == [other, parent], "newest first, without replies"
        thread = client.conversations_replies(channel=slack.channel, ts=parent)["messages"]
        assert [message["ts"] for message in thread] == [parent, reply]
        assert [message["text"] for message in slack.messages] == ["ask", "10 %", "another release"]

    def test_times_are_unique_and_grow(self, slack: SlackStandIn, client: WebClient) -> None:
        times = [client.chat_postMessage(channel=slack.channel, text=str(i))["ts"] for i in range(50)]
        assert times == sorted(set(times))

    def test_an_update_replaces_buttons_only_by_other_blocks(self, slack: SlackStandIn, client: WebClient) -> None:
        ts = post(client, slack)
        nothings: tuple[list[dict[str, Any]] | None, ...] = (None, [])
        for nothing in nothings:
            client.chat_update(channel=slack.channel, ts=ts, text="approved", blocks=nothing)
            assert slack.messages[0]["blocks"][1]["block_id"] == "ask"
        done = [{"type": "section", "text": {"type": "mrkdwn", "text": "approved by A"}}]
        client.chat_update(channel=slack.channel, ts=ts, text="approved", blocks=done)
        (block,) = slack.messages[0]["blocks"]
        assert block["text"]["text"] == "approved by A"
        assert slack.messages[0]["edited"]["user"] == slack.workspace.identity.bot_user

    def test_an_ephemeral_message_is_not_in_the_channel(self, slack: SlackStandIn, client: WebClient) -> None:
        assert client.chat_postEphemeral(channel=slack.channel, user="U1", text="not you")["message_ts"]
        assert slack.messages == []
        assert [message["for_user"] for message in slack.workspace.ephemerals] == ["U1"]

    def test_metadata_is_shown_only_when_it_is_asked_for(self, slack: SlackStandIn, client: WebClient) -> None:
        metadata = {"event_type": "ask", "event_payload": {"release": "r-1"}}
        client.chat_postMessage(channel=slack.channel, text="x", metadata=metadata)
        assert "metadata" not in client.conversations_history(channel=slack.channel)["messages"][0]
        shown = client.conversations_history(channel=slack.channel, include_all_metadata=True)["messages"]
        assert shown[0]["metadata"] == metadata

    def test_a_message_has_a_link(self, slack: SlackStandIn, client: WebClient) -> None:
        ts = post(client, slack)
        link = client.chat_getPermalink(channel=slack.channel, message_ts=ts)["permalink"]
        assert link.endswith(f"/archives/{slack.channel}/p{ts.replace('.', '')}")

    def test_guests_and_leavers_are_told_apart(self, slack: SlackStandIn, client: WebClient) -> None:
        slack.workspace.members |= {"U0GUEST": Member("guest", guest=True), "U0GONE": Member("gone", deleted=True)}
        seen = [client.users_info(user=user)["user"] for user in (APPROVER, "U0GUEST", "U0GONE")]
        assert [(user["is_restricted"], user["deleted"]) for user in seen] == [
            (False, False),
            (True, False),
            (False, True),
        ]

    def test_what_was_called_is_kept_without_the_token(self, slack: SlackStandIn, client: WebClient) -> None:
        post(client, slack)
        (call,) = slack.calls
        assert (call.method, call.arguments["text"], call.error) == ("chat.postMessage", "ask", "")
        assert slack.token not in str(slack.calls)


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


class TestRefusals:
    def error(self, act: Callable[[], object]) -> str:
        with pytest.raises(SlackApiError) as caught:
            act()
        assert caught.value.response["ok"] is False
        return str(caught.value.response["error"])

    def test_a_wrong_or_missing_token(self, slack: SlackStandIn) -> None:
        assert self.error(WebClient(token="xoxb-guess", base_url=slack.url).auth_test) == "invalid_auth"
        assert httpx.post(f"{slack.url}auth.test").json() == {"ok": False, "error": "not_authed"}

    def test_an_unknown_channel_message_thread_user_or_method(self, slack: SlackStandIn, client: WebClient) -> None:
        here = slack.channel
        assert self.error(lambda: client.chat_postMessage(channel="C0OTHER", text="x")) == "channel_not_found"
        assert self.error(lambda: client.chat_update(channel=here, ts="1.2", text="x")) == "message_not_found"
        assert self.error(lambda: client.conversations_replies(channel=here, ts="1.2")) == "thread_not_found"
        assert self.error(lambda: client.users_info(user="U0NOBODY")) == "user_not_found"
        assert self.error(lambda: client.api_call("chat.sendEverywhere")) == "unknown_method"

    @pytest.mark.parametrize(
        "blocks",
        [
            [SECTION] * 51,
            [{**SECTION, "block_id": "same"}, {**SECTION, "block_id": "same"}],
            [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
            [{"type": "section"}],
            [{"type": "button"}],
            [{"type": "actions", "elements": []}],
            ask_blocks("v" * 2001),
            ask_blocks("v", "approve", "approve"),
            ask_blocks("v", "a" * 76),
        ],
    )
    def test_blocks_that_slack_would_not_show(
        self, slack: SlackStandIn, client: WebClient, blocks: list[dict[str, Any]]
    ) -> None:
        posted = lambda: client.chat_postMessage(channel=slack.channel, text="x", blocks=blocks)  # noqa: E731 one word
        assert self.error(posted) == "invalid_blocks"
        assert slack.messages == []

    def test_a_message_that_says_nothing(self, slack: SlackStandIn, client: WebClient) -> None:
        answer = client.api_call
        assert self.error(lambda: answer("chat.postMessage", json={"channel": slack.channel})) == "no_text"
        assert self.error(lambda: post_text(client, slack, "x" * 40_001)) == "msg_too_long"


def post_text(client: WebClient, slack: SlackStandIn, text: str) -> object:
    return client.chat_postMessage(channel=slack.channel, text=text)


class TestPeople:
    @pytest.mark.parametrize("decision", ["approve", "reject", "roll_back"])
    def test_the_person_presses_what_they_decided(
        self, slack: SlackStandIn, client: WebClient, app: App, decision: Any
    ) -> None:
        slack.person = Person("U0LEAD", decision, delay_s=0.01)
        ts = post(client, slack)
        (payload,) = app.wait_for(1)
        assert payload["type"] == "block_actions"
        assert (payload["user"]["id"], payload["user"]["team_id"]) == ("U0LEAD", slack.team_id)
        assert (payload["team"]["id"], payload["channel"]["id"]) == (slack.team_id, slack.channel)
        assert (payload["message"]["ts"], payload["container"]["message_ts"]) == (ts, ts)
        (action,) = payload["actions"]
        assert (action["action_id"], action["value"], action["block_id"]) == (decision, "nonce-1", "ask")
        wait_until(lambda: [click.status for click in slack.clicks] == [200])

    def test_a_silent_person_presses_nothing(self, slack: SlackStandIn, client: WebClient, app: App) -> None:
        post(client, slack)
        threading.Event().wait(0.2)
        assert app.payloads == []

    def test_the_person_takes_their_time(self, slack: SlackStandIn, client: WebClient, app: App) -> None:
        slack.person = Person(APPROVER, "approve", delay_s=0.3)
        began = time.monotonic()
        post(client, slack)
        app.wait_for(1)
        assert time.monotonic() - began >= 0.3

    def test_an_ask_that_is_shown_again_is_answered_once_and_a_new_one_again(
        self, slack: SlackStandIn, client: WebClient, app: App
    ) -> None:
        slack.person = Person(APPROVER, "approve", delay_s=0.01)
        ts = post(client, slack)
        app.wait_for(1)
        for value in ("nonce-1", "nonce-2"):
            client.chat_update(channel=slack.channel, ts=ts, text="ask", blocks=ask_blocks(value))
        app.wait_for(2)
        threading.Event().wait(0.2)
        assert [payload["actions"][0]["value"] for payload in app.payloads] == ["nonce-1", "nonce-2"]

    def test_after_a_failure_the_person_presses_again(self, slack: SlackStandIn, client: WebClient, app: App) -> None:
        slack.person = Person(APPROVER, "approve", delay_s=0.01)
        app.answers = [500]
        post(client, slack)
        app.wait_for(2)
        wait_until(lambda: [click.status for click in slack.clicks] == [500, 200])

    def test_everybody_on_duty_answers_the_roll_call(self, client: WebClient, slack: SlackStandIn, app: App) -> None:
        slack.people.on_duty = ["U1", "U2", "U3"]
        blocks = ask_blocks("roll-call", "on_duty")
        client.chat_postMessage(channel=slack.channel, text="on duty?", blocks=blocks)
        assert {payload["user"]["id"] for payload in app.wait_for(3)} == {"U1", "U2", "U3"}

    def test_without_an_address_the_click_is_lost_and_told_so(self, slack: SlackStandIn, client: WebClient) -> None:
        ts = post(client, slack)
        click = slack.click(ts, "approve", "U1")
        assert (click.status, click.body) == (0, "no interactivity address is set")

    def test_only_a_button_that_is_shown_can_be_pressed(self, slack: SlackStandIn, client: WebClient) -> None:
        ts = post(client, slack)
        with pytest.raises(LookupError, match="shows no button launch"):
            slack.click(ts, "launch", "U1")

    @pytest.mark.usefixtures("app")
    def test_a_click_is_signed_so_that_another_body_or_time_does_not_fit(
        self, slack: SlackStandIn, client: WebClient
    ) -> None:
        ts = post(client, slack)
        assert slack.click(ts, "approve", "U1").status == 200
        assert slack.interactivity_url is not None
        for headers in (slack.people.signed("payload=x"), slack.people.signed("payload={}", at_s=time.time() - 301)):
            answer = httpx.post(slack.interactivity_url, content="payload={}", headers=headers)
            assert answer.status_code == 401


class TestAnswers:
    def test_a_response_address_replaces_and_adds_to_the_message(
        self, slack: SlackStandIn, client: WebClient, app: App
    ) -> None:
        ts = post(client, slack)
        slack.click(ts, "approve", "U1")
        webhook = WebhookClient(app.payloads[0]["response_url"])
        done = [{"type": "section", "text": {"type": "mrkdwn", "text": "done"}}]
        assert webhook.send(text="done", blocks=done, replace_original=True).status_code == 200
        assert slack.messages[0]["blocks"][0]["text"]["text"] == "done"
        assert webhook.send(text="thanks", response_type="in_channel").status_code == 200
        assert slack.messages[1]["text"] == "thanks"
        assert webhook.send(text="for you alone").status_code == 200
        assert [(one["for_user"], one["text"]) for one in slack.workspace.ephemerals] == [("U1", "for you alone")]
        assert webhook.send_dict({"delete_original": True}).status_code == 200
        assert [message["text"] for message in slack.messages] == ["thanks"]
        assert WebhookClient(webhook.url + "x").send(text="x").status_code == 404
        assert webhook.send(text="the fifth").status_code == 200
        assert webhook.send(text="the sixth").status_code == 404

    def test_the_person_gives_their_reason_in_the_view_that_their_click_opens(
        self, slack: SlackStandIn, client: WebClient, app: App
    ) -> None:
        slack.person = Person(APPROVER, "reject", delay_s=0.01, reason="p95가 너무 높습니다")
        element = {"type": "plain_text_input", "action_id": "text"}
        label = {"type": "plain_text", "text": "Why?"}
        view = {
            "type": "modal",
            "callback_id": "why",
            "private_metadata": "nonce-1",
            "title": label,
            "blocks": [{"type": "input", "block_id": "reason", "element": element, "label": label}],
        }

        def open_view(payload: dict[str, Any]) -> None:
            if payload["type"] == "block_actions":
                threading.Thread(target=lambda: client.views_open(trigger_id=payload["trigger_id"], view=view)).start()

        app.react = open_view
        post(client, slack)
        submitted = app.wait_for(2)[1]
        assert submitted["type"] == "view_submission"
        assert submitted["view"]["private_metadata"] == "nonce-1"
        assert submitted["view"]["state"]["values"]["reason"]["text"]["value"] == "p95가 너무 높습니다"
        assert submitted["user"]["id"] == APPROVER

    def test_a_trigger_opens_one_view_and_only_in_time(self, slack: SlackStandIn, client: WebClient) -> None:
        view = {"type": "modal", "blocks": [SECTION]}

        def error_of(trigger: str) -> str:
            with pytest.raises(SlackApiError) as caught:
                client.views_open(trigger_id=trigger, view=view)
            return str(caught.value.response["error"])

        used = slack.workspace.new_trigger("U1")
        client.views_open(trigger_id=used, view=view)
        assert error_of(used) == "exchanged_trigger_id"
        assert error_of("1.2.guessed") == "invalid_trigger_id"
        late = slack.workspace.new_trigger("U1")
        slack.workspace.clock = lambda: time.monotonic() + 4
        assert error_of(late) == "expired_trigger_id"


class TestSocketMode:
    """The app connects by the client that ships with slack_sdk, as it would to Slack."""

    @pytest.fixture
    def app(self, slack: SlackStandIn) -> Iterator[SocketModeClient]:
        web = WebClient(base_url=slack.url)
        client = SocketModeClient(slack.app_token, web_client=web, ping_interval=0.2)
        client.connect()
        yield client
        client.close()

    def test_a_click_arrives_in_an_envelope_that_is_acknowledged(
        self, slack: SlackStandIn, client: WebClient, app: SocketModeClient
    ) -> None:
        heard: list[SocketModeRequest] = []

        def acknowledge(connection: Any, request: SocketModeRequest) -> None:
            heard.append(request)
            connection.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

        app.socket_mode_request_listeners.append(acknowledge)
        wait_until(lambda: slack.socket.is_connected)
        assert slack.click(post(client, slack), "approve", "U1").status == 200
        assert heard[0].payload["actions"][0]["value"] == "nonce-1"

    def test_after_a_cut_and_after_a_refresh_the_app_is_there_again(
        self, slack: SlackStandIn, app: SocketModeClient
    ) -> None:
        wait_until(lambda: slack.socket.is_connected)
        for disturb in (slack.socket.drop, slack.socket.refresh):
            before = app.session_id()
            disturb()
            wait_until(lambda before=before: app.session_id() != before and slack.socket.is_connected)  # type: ignore[misc]

    def test_a_wrong_app_token_opens_nothing(self, slack: SlackStandIn) -> None:
        with pytest.raises(SlackApiError, match="invalid_auth"):
            WebClient(base_url=slack.url).apps_connections_open(app_token="xapp-guess")


def test_while_slack_is_down_it_says_so_to_everybody(slack: SlackStandIn, client: WebClient) -> None:
    slack.down = True
    assert httpx.post(f"{slack.url}auth.test").status_code == 503
    slack.down = False
    assert client.auth_test()["ok"]


def test_after_the_end_nobody_presses_anything() -> None:
    with SlackStandIn(Person(APPROVER, "approve", delay_s=60)) as slack:
        post(WebClient(token=slack.token, base_url=slack.url), slack)
    assert slack.clicks == []
