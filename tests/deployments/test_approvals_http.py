"""Whatever is not a click of Slack's own, made just now, gets a short no: no traceback, nothing changed."""

import hashlib
import hmac
import json
import socket
import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from deployments.twin.slack_people import form
from flows.core.answer_words import Did
from tests.deployments.approvals_room import LEE, Room

pytest_plugins = ["tests.deployments.approvals_fixtures"]

MALFORMED_TIMES = ["", "abc", "1e9", "nan", "inf", "-1", "0x10", "9" * 400, "1 2", "\u0661\u0662", "1763872000.5"]
MALFORMED_SIGNATURES = ["", "v0=", "v0", "v1=" + "0" * 64, "v0=" + "0" * 63, "v0=" + "\u00fc" * 64, "0" * 100_000]


def raw(room: Room, body: bytes, headers: list[tuple[bytes, bytes]]) -> httpx.Response:
    url = f"{room.url}/slack/interactivity"
    return httpx.post(url, content=body, headers=[(b"content-type", b"application/x-www-form-urlencoded"), *headers])


def assert_refused(room: Room, answer: httpx.Response, caplog: pytest.LogCaptureFixture, status: int = 401) -> None:
    assert (answer.status_code, "Traceback" in caplog.text) == (status, False)
    assert len(answer.text) < 100


def test_an_unsigned_click_is_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    assert_refused(room, raw(room, form(room.payload(ask)).encode(), []), caplog)
    room.assert_untouched(ask)


def test_a_click_signed_with_another_secret_is_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    body, now = form(room.payload(ask)), str(int(time.time()))
    digest = hmac.new(b"guessed", f"v0:{now}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = [(b"x-slack-request-timestamp", now.encode()), (b"x-slack-signature", f"v0={digest}".encode())]
    assert_refused(room, raw(room, body.encode(), headers), caplog)
    room.assert_untouched(ask)


def test_a_click_whose_body_was_tampered_with_is_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    signed = room.slack.people.signed(form(room.payload(ask, user="U0STRANGER")))
    answer = httpx.post(f"{room.url}/slack/interactivity", content=form(room.payload(ask)), headers=signed)
    assert_refused(room, answer, caplog)
    room.assert_untouched(ask)


@pytest.mark.parametrize("age_s", [301, 3600, -301])
def test_a_click_signed_at_another_time_is_refused(room: Room, caplog: pytest.LogCaptureFixture, age_s: int) -> None:
    ask = room.ask()
    body = form(room.payload(ask))
    signed = room.slack.people.signed(body, at_s=time.time() - age_s)
    assert_refused(room, httpx.post(f"{room.url}/slack/interactivity", content=body, headers=signed), caplog)
    room.assert_untouched(ask)


def test_malformed_headers_are_refused_without_a_traceback(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    body = form(room.payload(ask))
    good = room.slack.people.signed(body)
    made_up = [(wrong, good["x-slack-signature"]) for wrong in MALFORMED_TIMES]
    made_up += [(good["x-slack-request-timestamp"], wrong) for wrong in MALFORMED_SIGNATURES[:-1]]
    for timestamp, signature in made_up:
        headers = [
            (b"x-slack-request-timestamp", timestamp.encode("utf-8")),
            (b"x-slack-signature", signature.encode("latin-1")),
        ]
        assert_refused(room, raw(room, body.encode(), headers), caplog)
    room.assert_untouched(ask)


def test_a_header_of_a_hundred_kilobytes_is_refused(room: Room) -> None:
    headers = [(b"x-slack-request-timestamp", b"1"), (b"x-slack-signature", MALFORMED_SIGNATURES[-1].encode())]
    assert raw(room, b"payload={}", headers).status_code in {400, 401, 431}


def test_doubled_signature_headers_are_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    body = form(room.payload(ask))
    good = room.slack.people.signed(body)
    headers = [(name.encode(), good[name].encode()) for name in ("x-slack-request-timestamp", "x-slack-signature")]
    assert_refused(room, raw(room, body.encode(), [*headers, (b"x-slack-signature", b"v0=guess")]), caplog)
    room.assert_untouched(ask)


def test_a_body_that_is_no_text_is_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    headers = [
        (b"x-slack-request-timestamp", str(int(time.time())).encode()),
        (b"x-slack-signature", b"v0=" + b"0" * 64),
    ]
    assert_refused(room, raw(room, b"\xff\xfe\x00payload", headers), caplog)


def test_a_body_that_is_too_long_is_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    assert_refused(room, room.post("payload=" + "x" * 600_000), caplog, status=413)


def test_a_body_that_never_comes_is_given_up(room: Room) -> None:
    host, port = room.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(b"POST /slack/interactivity HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\npay")
        assert b" 408 " in slow.recv(4096)


def test_another_content_type_is_refused(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    body = form(room.payload(ask))
    for kind in ("application/json", "text/plain", ""):
        assert_refused(room, room.post(body, content_type=kind), caplog, status=415)
    room.assert_untouched(ask)


def signed_nonsense() -> list[str]:
    deep = "[" * 100_000
    wrong: list[Any] = [[], 1, None, "x", {"type": "block_actions"}, {"type": "block_actions", "user": {"id": 5}}]
    wrong += [
        {"type": "view_submission", "user": {"id": "U"}, "api_app_id": "A", "view": {"id": "V", "callback_id": 1}}
    ]
    texts = ["", "{", deep, *(json.dumps(each) for each in wrong)]
    bodies = [urlencode({"payload": text}) for text in texts]
    return [*bodies, "", "other=1", "payload={}&payload={}", "&".join(f"a{n}=1" for n in range(50))]


def test_signed_nonsense_is_refused_without_a_traceback(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    for body in signed_nonsense():
        answer = room.post(body)
        assert answer.status_code == 400, (body[:80], answer.text)
    assert "Traceback" not in caplog.text


def test_a_click_without_actions_or_with_endless_values_is_refused(room: Room) -> None:
    ask = room.ask()
    assert room.send(room.payload(ask, actions=[])).status_code == 400
    endless = [{"action_id": "approve", "value": "x" * 5000, "block_id": "ask", "action_ts": "1.0"}]
    assert room.send(room.payload(ask, actions=endless)).status_code == 400
    room.assert_untouched(ask)


def test_what_asks_for_nothing_is_acknowledged_and_forgotten(room: Room) -> None:
    ask = room.ask()
    assert room.send({"type": "shortcut", "user": {"id": LEE}}).status_code == 200
    other_form = {"id": "V1", "callback_id": "another", "private_metadata": ""}
    submitted = {"type": "view_submission", "user": {"id": LEE}, "api_app_id": "A", "view": other_form}
    assert room.send(submitted).status_code == 200
    link = [{"action_id": "open_run", "block_id": "ask", "action_ts": "1.0"}]
    assert room.send(room.payload(ask, actions=link)).status_code == 200
    room.assert_untouched(ask)
    assert room.told(LEE) == []


def test_only_slacks_own_way_of_asking_is_answered(room: Room) -> None:
    assert httpx.get(f"{room.url}/slack/interactivity").status_code == 405
    assert httpx.post(f"{room.url}/").status_code == 404
    assert httpx.get(f"{room.url}/docs").status_code == 404


def test_a_signed_click_counts_once_however_often_it_is_sent(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask)
    body = form(payload)
    signed = room.slack.people.signed(body)
    answers = [httpx.post(f"{room.url}/slack/interactivity", content=body, headers=signed) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    room.hears(LEE, Did.APPROVED)
    assert room.awaits_answer(ask).by == LEE
    assert len(room.told(LEE)) == 1
    assert room.woken[0] == "run-1"


def test_slacks_own_retries_count_once(room: Room) -> None:
    ask = room.ask()
    payload = room.payload(ask)
    for attempt in range(4):
        retried = {"x_slack_retry_num": str(attempt), "x_slack_retry_reason": "http_timeout"}
        assert room.send(payload, **retried).status_code == 200
    room.hears(LEE, Did.APPROVED)
    assert len(room.told(LEE)) == 1


def test_how_the_service_is_can_be_asked(room: Room) -> None:
    answer = httpx.get(f"{room.url}/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["http"]) == (200, "ok", True)


def test_no_secret_is_in_the_log(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    ask = room.ask()
    with caplog.at_level("DEBUG"):
        room.press(ask, "approve", LEE)
        room.hears(LEE, Did.APPROVED)
    for secret in (room.slack.token, room.slack.signing_secret, "/actions/T0GREENFLOW/"):
        assert secret not in "\n".join(record.getMessage() for record in caplog.records if "greenflow" in record.name)
