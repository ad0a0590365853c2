import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployments.twin.aws import AwsEmulator, FaultRule
from deployments.twin.slack import SlackStandIn
from tasks.announcements import announce, close_ask, open_thread, post_ask
from tasks.ask_message import WORDS, ask_blocks, closed_blocks
from tasks.clients.slack import escaped, find_message, link_to, post_message
from tasks.errors import Interrupted, PermanentError, TransientError, UnknownOutcome
from tasks.ledger import Ledger, effect, open_ledger
from tasks.models import Answer, Ask
from tasks.mutations import UnrecordedMutationError
from tasks.settings import Settings

TOKEN = "SLACK_TOKEN_OF_THE_TEST"
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RELEASE = "1.1.0-test"


@dataclass(frozen=True)
class Channel:
    """Hold the settings and what stands in the channel."""

    settings: Settings
    slack: SlackStandIn

    def texts(self) -> list[str]:
        return [message["text"] for message in self.slack.messages]

    def posts(self) -> int:
        return len([call for call in self.slack.calls if call.method == "chat.postMessage"])


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        monkeypatch.setenv(TOKEN, stand_in.token)
        yield stand_in


@pytest.fixture
def new_channel(slack: SlackStandIn, new_settings: Callable[..., Settings]) -> Callable[..., Channel]:
    def make(**overrides: str) -> Channel:
        given = {"SLACK__API_URL": slack.url, "SLACK__TOKEN": f"env:{TOKEN}", "SLACK__CHANNEL": slack.channel}
        return Channel(new_settings(**{**given, **overrides}), slack)

    return make


@pytest.fixture
def channel(new_channel: Callable[..., Channel]) -> Channel:
    return new_channel()


@pytest.fixture
def opened(channel: Channel) -> Iterator[Ledger]:
    with open_ledger(channel.settings, release_id=RELEASE, version="1.1.0") as ledger:
        yield ledger


@pytest.fixture
def down() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/api/"


def new_ask(**changes: Any) -> Ask:
    ask = Ask(
        nonce="0123456789abcdef0123456789abcdef",
        release_id=RELEASE,
        environment="production",
        version="1.1.0",
        phase=0,
        number=1,
        from_weight=10,
        to_weight=50,
        digest="sha256:" + "d" * 64,
        requested_by="U0REQUESTER",
        allowed=("U0APPROVER",),
        asked_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        summary=("errors 1/610 (0.2 %) against 6/5,490 (0.1 %)", "evidence 1.2 < 5"),
    )
    return ask.model_copy(update=changes)


def new_answer(**changes: Any) -> Answer:
    answer = Answer(nonce=new_ask().nonce, decision="approve", by="U0APPROVER", door="slack", at=NOW)
    return answer.model_copy(update=changes)


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for block in message["blocks"] if block["type"] == "actions" for each in block["elements"]]


def test_a_release_is_one_message_and_the_rest_is_in_its_thread(channel: Channel, opened: Ledger) -> None:
    parent = open_thread(channel.settings, RELEASE, "Release 1.1.0")
    announce(channel.settings, RELEASE, "built")
    announce(channel.settings, RELEASE, "backed up")
    assert [message.get("thread_ts") for message in channel.slack.messages] == [None, parent, parent]


def test_saying_it_twice_posts_it_once(channel: Channel, opened: Ledger) -> None:
    first = open_thread(channel.settings, RELEASE, "Release 1.1.0")
    assert open_thread(channel.settings, RELEASE, "Release 1.1.0") == first
    told = announce(channel.settings, RELEASE, "at 10 %", key="weight-10")
    assert announce(channel.settings, RELEASE, "at 10 %, again", key="weight-10") == told
    assert channel.texts() == ["Release 1.1.0", "at 10 %"]


def test_a_message_whose_answer_was_lost_is_found_again(
    channel: Channel, opened: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post_and_lose(settings: Settings, **message: Any) -> str:
        post_message(settings, **message)
        msg = "the answer was lost"
        raise UnknownOutcome(msg)

    open_thread(channel.settings, RELEASE, "Release 1.1.0")
    monkeypatch.setattr("tasks.announcements.post_message", post_and_lose)
    ts = announce(channel.settings, RELEASE, "at 10 %", key="weight-10")
    assert ts == channel.slack.messages[-1]["ts"]
    assert channel.posts() == 2


def test_a_process_that_died_after_posting_does_not_post_again(
    channel: Channel, opened: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.announcements._remember", die)
    with pytest.raises(KeyboardInterrupt):
        open_thread(channel.settings, RELEASE, "Release 1.1.0")
    monkeypatch.undo()
    monkeypatch.setenv(TOKEN, channel.slack.token)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "twin")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "twin")
    assert open_thread(channel.settings, RELEASE, "Release 1.1.0") == channel.slack.messages[0]["ts"]
    assert channel.posts() == 1


def test_a_slack_that_is_down_changes_nothing_and_is_logged(
    new_channel: Callable[..., Channel], down: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel = new_channel(SLACK__API_URL=down)
    with open_ledger(channel.settings, release_id=RELEASE, version="1.1.0"):
        assert open_thread(channel.settings, RELEASE, "hello") is None
        assert announce(channel.settings, RELEASE, "hello") is None
        assert post_ask(channel.settings, new_ask()) is None
        assert close_ask(channel.settings, new_ask(), new_answer()) is False
    assert "could not post to Slack: no connection" in caplog.text


def test_an_urgent_message_does_not_wait_for_a_slack_that_is_down(
    new_channel: Callable[..., Channel], down: str
) -> None:
    channel = new_channel(SLACK__API_URL=down, LEDGER__READ_BACK_S="30")
    started_s = time.monotonic()
    with open_ledger(channel.settings, release_id=RELEASE, version="1.1.0"):
        assert announce(channel.settings, RELEASE, "Traffic is home", urgent=True) is None
    assert time.monotonic() - started_s < 3


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"SLACK__CHANNEL": "C0ELSEWHERE"}, "channel_not_found"),
        ({"SLACK__TOKEN": "env:NO_SUCH_VARIABLE"}, "found nothing, expected a value"),
    ],
)
def test_a_wrong_setting_is_logged_and_not_raised(
    new_channel: Callable[..., Channel], overrides: dict[str, str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel = new_channel(**overrides)
    with open_ledger(channel.settings, release_id=RELEASE, version="1.1.0"):
        assert announce(channel.settings, RELEASE, "hello") is None
    assert told in caplog.text


def test_outside_of_a_release_nobody_is_told_and_nothing_breaks(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    assert announce(channel.settings, RELEASE, "hello") is None
    assert "no release is open" in caplog.text


def test_a_request_to_stop_is_not_swallowed(channel: Channel, opened: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> str:
        msg = "asked to stop while waiting"
        raise Interrupted(msg)

    monkeypatch.setattr("tasks.announcements.post_message", interrupted)
    with pytest.raises(Interrupted):
        announce(channel.settings, RELEASE, "hello")


def test_an_urgent_message_is_posted_although_the_ledger_is_down(
    new_channel: Callable[..., Channel], ledger_aws: AwsEmulator
) -> None:
    channel = new_channel(AWS__REQUEST_TIMEOUT_S="1")
    with open_ledger(channel.settings, release_id=RELEASE, version="1.1.0"):
        fault = ledger_aws.faults.add(FaultRule("500_before", "s3", "PutObject", count=None))
        try:
            assert announce(channel.settings, RELEASE, "calm") is None
            assert announce(channel.settings, RELEASE, "Traffic is home", key="home", urgent=True)
        finally:
            ledger_aws.faults.clear(fault.id)
    assert channel.texts() == ["Traffic is home"]


def test_text_from_outside_has_no_power(channel: Channel, opened: Ledger) -> None:
    announce(channel.settings, RELEASE, "<!channel> <@U0APPROVER> & <https://evil.example|click>\x1b[31m\nline two")
    (text,) = channel.texts()
    assert "<" not in text
    assert ">" not in text
    assert "\x1b" not in text
    assert text.startswith("&lt;!channel&gt; &lt;@U0APPROVER&gt; &amp; ")
    assert text.endswith("\nline two")


def test_an_ask_carries_its_nonce_on_three_buttons(channel: Channel, opened: Ledger) -> None:
    thread = open_thread(channel.settings, RELEASE, "Release 1.1.0")
    ts = post_ask(channel.settings, new_ask())
    message = channel.slack.messages[-1]
    assert (message["ts"], message["thread_ts"]) == (ts, thread)
    assert [each["action_id"] for each in buttons(message)] == ["approve", "reject", "roll_back"]
    assert {each["value"] for each in buttons(message)} == {new_ask().nonce}
    assert message["text"] == "GreenFlow 1.1.0 to production: move traffic from 10 % to 50 %?"
    assert "6/5,490 (0.1 %)" in str(message["blocks"])


def test_an_ask_is_posted_once(channel: Channel, opened: Ledger) -> None:
    assert post_ask(channel.settings, new_ask()) == post_ask(channel.settings, new_ask())
    assert channel.posts() == 1


def test_an_answered_ask_shows_who_and_when_in_the_place_of_its_buttons(channel: Channel, opened: Ledger) -> None:
    open_thread(channel.settings, RELEASE, "Release 1.1.0")
    post_ask(channel.settings, new_ask())
    answer = new_answer(decision="reject", reason="too *many* <errors>")
    assert close_ask(channel.settings, new_ask(), answer)
    message = channel.slack.messages[-1]
    assert buttons(message) == []
    line, reason = message["blocks"][-2:]
    assert line["text"] == {"type": "mrkdwn", "text": "Rejected by <@U0APPROVER> at 2026-11-23 03:00:00 UTC (slack)"}
    assert (reason["text"]["type"], reason["text"]["text"]) == ("plain_text", "too *many* <errors>")


def test_closing_an_ask_twice_changes_it_once(channel: Channel, opened: Ledger) -> None:
    post_ask(channel.settings, new_ask())
    close_ask(channel.settings, new_ask(), new_answer())
    assert close_ask(channel.settings, new_ask(), new_answer())
    assert len([call for call in channel.slack.calls if call.method == "chat.update"]) == 1


def test_an_ask_that_nobody_saw_is_not_closed(channel: Channel, opened: Ledger) -> None:
    assert close_ask(channel.settings, new_ask(), new_answer()) is False


def test_a_name_that_is_no_member_is_no_mention() -> None:
    blocks = closed_blocks(new_ask(), new_answer(by="<!here>", door="cli"), "en")
    assert blocks[-1]["text"]["text"].startswith("Approved by &lt;!here&gt; at ")


def test_what_comes_from_outside_is_never_interpreted() -> None:
    ask = new_ask(summary=("<!channel> *bold*",), requested_by="<@U0X>", version="1.1.0")
    texts = [element for block in ask_blocks(ask, "en") for element in _texts(block)]
    assert {text["type"] for text in texts} == {"plain_text"}


def test_both_languages_say_the_same_things() -> None:
    assert set(WORDS["en"]) == set(WORDS["ko"])
    for words in WORDS["ko"], WORDS["en"]:
        assert {f"done_{decision}" for decision in ("approve", "reject", "roll_back", "expired")} <= set(words)


def test_the_buttons_speak_korean_where_the_environment_says_so(new_channel: Callable[..., Channel]) -> None:
    channel = new_channel(LANGUAGE="ko")
    with open_ledger(channel.settings, release_id=RELEASE, version="1.1.0"):
        post_ask(channel.settings, new_ask())
    assert [each["text"]["text"] for each in buttons(channel.slack.messages[-1])] == ["승인", "거절", "롤백"]


def test_posting_outside_of_an_effect_is_refused(channel: Channel) -> None:
    with pytest.raises(UnrecordedMutationError, match=r"slack chat\.postMessage"):
        post_message(channel.settings, key="k", text="t")
    assert channel.posts() == 0


def test_a_message_is_linked_for_people(channel: Channel, opened: Ledger) -> None:
    ts = open_thread(channel.settings, RELEASE, "Release 1.1.0")
    assert ts is not None
    assert link_to(channel.settings, ts).endswith(f"/p{ts.replace('.', '')}")


def test_slacks_no_is_permanent_and_names_its_reason(new_channel: Callable[..., Channel]) -> None:
    channel = new_channel(SLACK__CHANNEL="C0ELSEWHERE")
    with pytest.raises(PermanentError, match="could not read the Slack channel: channel_not_found"):
        find_message(channel.settings, "k")


def test_no_connection_may_be_tried_again(new_channel: Callable[..., Channel], down: str) -> None:
    channel = new_channel(SLACK__API_URL=down)
    with pytest.raises(TransientError, match="no connection"):
        find_message(channel.settings, "k")


def test_the_token_is_in_no_error_and_no_log(
    new_channel: Callable[..., Channel], caplog: pytest.LogCaptureFixture, slack: SlackStandIn
) -> None:
    channel = new_channel(SLACK__CHANNEL="C0ELSEWHERE")
    with (
        caplog.at_level(logging.DEBUG),
        open_ledger(channel.settings, release_id=RELEASE, version="1.1.0") as ledger,
    ):
        announce(channel.settings, RELEASE, "hello")
        with pytest.raises(PermanentError) as error:
            effect("slack.post", "k", observe=lambda: None, act=lambda: _post(channel.settings))
    seen = caplog.text + str(error.value) + str(error.value.__cause__) + str([event.data for event in ledger.events])
    assert slack.token not in seen


def test_escaping_leaves_ordinary_text_alone() -> None:
    assert escaped("5.1 % of 610, side b") == "5.1 % of 610, side b"


def _post(settings: Settings) -> None:
    post_message(settings, key="k", text="t")


def _texts(block: Any) -> list[dict[str, Any]]:
    held = [block.get("text"), *block.get("elements", [])]
    return [item.get("text") if item.get("type") == "button" else item for item in held if item]
