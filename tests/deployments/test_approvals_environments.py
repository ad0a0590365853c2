"""One service answers for several environments and their releases at once, each question by its own click."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from deployments.twin.aws import AwsEmulator
from flows.core.answers import Why
from tasks.settings import load_settings
from tests.deployments.approvals_room import KIM, LEE, PARK, NewRoom, Room, open_service, until, write_rules

pytest_plugins = ["tests.deployments.approvals_fixtures"]

ONLY_KIM = f"approvers = ['{KIM}']\npoll_s = 0.1"


def own_file(room: Room, name: str, bucket: str) -> Path:
    """Write an environment of that name beside the room's, with a ledger of its own, in the same Slack channel."""
    file = room.file.with_name(f"{name}.toml")
    text = room.file.read_text().replace('name = "rehearsal"', f'name = "{name}"', 1)
    file.write_text(text.replace('bucket = "greenflow-ledger"', f'bucket = "{bucket}"', 1))
    return file


@pytest.fixture
def both(new_room: NewRoom, ledger_aws: AwsEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Room, Room]]:
    """Two environments of one channel, a release under way in each, and one service for both."""
    first = new_room(is_closed=True)
    bucket = f"ledger-{secrets.token_hex(6)}"
    ledger_aws.client("s3").create_bucket(Bucket=bucket)
    file = own_file(first, "staging", bucket)
    # What an override says holds for every environment: from here on each has its ledger from its file.
    monkeypatch.delenv("GREENFLOW_LEDGER__BUCKET")
    own_file(first, "rehearsal", first.settings.ledger.bucket)
    second = Room(load_settings("staging"), first.slack, first.aws, file, release="1.2.0-test")
    second.woken = first.woken
    with ExitStack() as stack:
        second.open_release(stack)
        first.url = second.url = stack.enter_context(open_service(first, second))
        yield first, second


def test_two_releases_that_ask_in_one_channel_are_answered_each_by_its_own_click(both: tuple[Room, Room]) -> None:
    first, second = both
    here, there = first.ask(), second.ask(flow_run_id="run-of-staging")
    first.press(here, "approve", LEE)
    second.press(there, "roll_back", KIM)
    assert (first.awaits_answer(here).decision, first.awaits_answer(here).by) == ("approve", LEE)
    assert (second.awaits_answer(there).decision, second.awaits_answer(there).by) == ("roll_back", KIM)
    assert first.answer(there) is None
    assert second.answer(here) is None
    until(lambda: set(first.woken) == {"run-1", "run-of-staging"}, "both runs woken", lambda: first.woken)
    assert first.stop() is None


def test_each_environment_has_its_own_people(both: tuple[Room, Room]) -> None:
    first, second = both
    write_rules(second.file, ONLY_KIM)
    here, there = first.ask(), second.ask(allowed=(KIM,))
    second.press(there, "approve", LEE)
    second.hears(LEE, Why.NOT_ALLOWED)
    second.assert_untouched(there)
    first.press(here, "approve", LEE)
    second.press(there, "approve", KIM)
    assert first.awaits_answer(here).by == LEE
    assert second.awaits_answer(there).by == KIM


def test_of_many_clicks_at_once_each_question_keeps_one_answer_of_its_own(both: tuple[Room, Room]) -> None:
    asked = [(room, room.ask()) for room in both]
    people = (LEE, KIM, PARK)
    with ThreadPoolExecutor(6) as crowd:
        for number in range(12):
            room, ask = asked[number % 2]
            crowd.submit(room.send, room.payload(ask, user=people[number % 3]))
    for room, ask in asked:
        answer = room.awaits_answer(ask)
        assert (answer.nonce, answer.decision) == (ask.nonce, "approve")
        assert len([key for key in room.keys(f"asks/{ask.nonce}/") if key.endswith("answer.json")]) == 1


@pytest.mark.slow
def test_a_release_that_died_in_one_environment_keeps_the_other_from_nothing(both: tuple[Room, Room]) -> None:
    first, second = both
    ask = second.ask()
    first.die()
    second.press(ask, "approve", LEE)
    assert second.awaits_answer(ask).by == LEE
    told = httpx.get(f"{first.url}/healthz").json()
    assert set(told["environments"]) == {"rehearsal", "staging"}
