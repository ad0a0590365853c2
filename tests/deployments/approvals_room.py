"""A release that asks, the people of a workspace, and the approvals service between them."""

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deployments.approvals.answering import FRESH_S
from deployments.approvals.service import Service
from deployments.approvals.watch import Watch
from deployments.twin.aws import AwsEmulator
from deployments.twin.http_thread import HttpThread
from deployments.twin.slack import Click, SlackStandIn
from deployments.twin.slack_channel import Member, Message
from deployments.twin.slack_people import form
from flows.core.answer_words import WORDS, Did
from flows.core.answers import Why
from tasks.announcements import open_thread, post_ask
from tasks.asks import read_answer, read_votes, store_ask
from tasks.event_store import EventStore
from tasks.ledger import Ledger, bound, note, open_ledger
from tasks.models import Answer, Ask
from tasks.settings import Settings
from tasks.stops import Stop, read_stop

RELEASE = "1.1.0-test"
REQUESTER, LEE, KIM, PARK, STRANGER = "U0REQUESTER", "U0LEE", "U0KIM", "U0PARK", "U0STRANGER"
APPROVERS = (LEE, KIM, PARK, REQUESTER)
PATIENCE_S = 60.0

RULES = f"""
approvers = {list(APPROVERS)}
poll_s = 0.1
"""


def until(seen: Callable[[], bool], what: str, found: Callable[[], object] = str) -> None:
    """Wait until something is seen; ``found`` says in the failure what was there instead."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < deadline, f"never saw {what}; found {found()}"
        threading.Event().wait(0.01)


def sentence(key: Why | Did, language: str = "en") -> re.Pattern[str]:
    """Match a sentence of the catalogue, whatever stands in its places."""
    words = WORDS["ko" if language == "ko" else "en"][key]
    parts = re.split(r"\{\w+\}", words)
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


NewRoom = Callable[..., "Room"]


@dataclass
class Room:
    """Hold one environment with a running release, and press its buttons."""

    settings: Settings
    slack: SlackStandIn
    aws: AwsEmulator
    file: Path
    url: str = ""
    release: str = RELEASE
    ledger: Ledger = field(init=False)
    woken: list[str] = field(default_factory=list)
    number: int = 0

    def open_release(self, stack: ExitStack) -> None:
        """Hold the environment as a running release does, until the stack is closed."""
        self.ledger = stack.enter_context(open_ledger(self.settings, release_id=self.release, version="1.1.0"))
        asked = {"version": "1.1.0", "environment": self.settings.name, "requested_by": REQUESTER}
        note("release.opened", {**asked, "flow_run_id": "run"})

    def wake(self, flow_run_id: str, _: str) -> bool:
        """Stand where Prefect would be told to resume a run."""
        self.woken.append(flow_run_id)
        return True

    def ask(self, **changes: Any) -> Ask:
        """Ask as a release does: in the store, in the ledger, in Slack."""
        self.number += 1
        now = datetime.now(UTC)
        asked = {
            "nonce": secrets.token_hex(16),
            "release_id": self.release,
            "environment": self.settings.name,
            "version": "1.1.0",
            "phase": 0,
            "number": self.number,
            "from_weight": 10,
            "to_weight": 50,
            "digest": "sha256:" + "d" * 64,
            "requested_by": REQUESTER,
            "allowed": APPROVERS,
            "asked_at": now,
            "expires_at": now + timedelta(hours=1),
            "summary": ("errors 1/610 (0.2 %) against 6/5,490 (0.1 %)",),
            "flow_run_id": f"run-{self.number}",
        }
        ask = Ask.model_validate({**asked, **changes})
        store_ask(self.settings, ask)
        with bound(self.ledger):
            note("ask.opened", {"ask": ask.model_dump(mode="json")})
            assert post_ask(self.settings, ask)
        return ask

    def open_thread(self) -> Message:
        ts = open_thread(self.settings, RELEASE, "Release 1.1.0 to rehearsal")
        return self.slack.workspace.find(ts)

    def message(self, ask: Ask) -> Message:
        """Return an ask's message as people see it now."""
        for message in self.slack.messages:
            if message.get("metadata", {}).get("event_payload", {}).get("key", "").endswith(ask.nonce):
                return message
        raise LookupError(ask.nonce)

    def buttons(self, message: Message) -> list[str]:
        blocks = [block for block in message["blocks"] if block["type"] == "actions"]
        return [each["action_id"] for block in blocks for each in block["elements"]]

    def text(self, message: Message) -> str:
        return str(message["blocks"])

    def press(self, ask: Ask, action: str, user: str) -> Click:
        """Press a button and wait for the acknowledgement, which is all that a person's Slack waits for."""
        click = self.slack.click(self.message(ask)["ts"], action, user)
        assert click.status == 200, click
        return click

    def payload(self, ask: Ask, action: str = "approve", user: str = LEE, **changes: Any) -> dict[str, Any]:
        """Make what Slack sends for a click; ``changes`` overwrite its parts."""
        return {**self.slack.people.click_payload(self.message(ask)["ts"], action, user), **changes}

    def press_late(self, ask: Ask, action: str, user: str) -> None:
        """Press a button that the person's Slack still showed a moment ago."""
        pressed = {"type": "button", "action_id": action, "value": ask.nonce, "block_id": "ask"}
        people, ts = self.slack.people, self.message(ask)["ts"]
        self.send(people.payload_of(ts, {**pressed, "action_ts": f"{time.time():.6f}"}, user))

    def close(self, ask: Ask) -> None:
        """Let the release see the answer, as its flow does."""
        note("ask.answered", {"answer": self.awaits_answer(ask).model_dump(mode="json")})

    def send(self, payload: Mapping[str, Any], **headers: str) -> httpx.Response:
        """Post a payload, signed as Slack signs; headers on top."""
        return self.post(form(payload), **headers)

    def post(self, body: str, **headers: str) -> httpx.Response:
        signed = self.slack.people.signed(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.url}/slack/interactivity", content=body, headers=signed | given, timeout=10)

    def told(self, user: str) -> list[str]:
        return [one["text"] for one in self.slack.workspace.ephemerals if one["for_user"] == user]

    def hears(self, user: str, key: Why | Did, *, times: int = 1, language: str = "en") -> str:
        """Wait until a person was told something privately, and return the sentence."""
        pattern = sentence(key, language)

        def heard() -> list[str]:
            return [text for text in self.told(user) if pattern.fullmatch(text)]

        until(lambda: len(heard()) >= times, f"{user} being told {key}", lambda: self.told(user))
        return heard()[-1]

    def answer(self, ask: Ask) -> Answer | None:
        return read_answer(self.settings, ask.nonce)

    def stop(self) -> Stop | None:
        return read_stop(self.settings, self.release)

    def awaits_answer(self, ask: Ask) -> Answer:
        until(lambda: self.answer(ask) is not None, "an answer")
        answer = self.answer(ask)
        assert answer is not None
        return answer

    def assert_untouched(self, ask: Ask) -> None:
        """Nothing was decided, counted or woken, and the buttons are still there for who may."""
        assert self.answer(ask) is None
        assert read_votes(self.settings, ask.nonce) == ()
        assert self.stop() is None
        assert self.woken == []
        assert self.buttons(self.message(ask)) == ["approve", "reject", "roll_back"]

    def die(self) -> None:
        """Let the release's process end without a word, and wait until its lease has run out."""
        self.ledger.lock.abandon()
        watch = Watch(self.settings)
        until(lambda: not watch.look().alive, "the lease running out")
        threading.Event().wait(FRESH_S)  # the service may believe a look of its own for that long

    def keys(self, prefix: str) -> list[str]:
        return EventStore(self.settings).list(prefix)

    def rules(self, rules: str) -> None:
        """Change the environment's approval rules in its file, as an operator does."""
        write_rules(self.file, rules)

    def member(self, user: str, **facts: Any) -> None:
        self.slack.workspace.members[user] = Member(user.lower(), **facts)


@contextmanager
def open_service(room: Room, *beside: Room, by_socket: bool = False) -> Iterator[str]:
    """Run the service in this process, for one room or several, and tell Slack where it is."""
    service = Service([each.settings.name for each in (room, *beside)])
    with service.running(), HttpThread(service.app, "approvals") as web:
        room.slack.interactivity_url = None if by_socket else f"{web.url}/slack/interactivity"
        yield web.url


def write_rules(file: Path, rules: str) -> None:
    """Write an environment's file anew, at once: a reader finds the old rules or the new ones."""
    text = file.read_text()
    before, _, rest = text.partition("[approval]")
    after = rest[rest.index("[slack]") :]
    part = file.with_suffix(".part")
    part.write_text(f"{before}[approval]\n{rules.strip()}\n\n{after}")
    now_ns = time.time_ns()
    os.utime(part, ns=(now_ns, now_ns))
    part.replace(file)
