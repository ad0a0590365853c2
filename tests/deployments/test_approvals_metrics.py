"""What people press is measured as Prometheus reads it."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.core.answer_words import Did
from flows.core.answers import Why
from tests.deployments.approvals_room import LEE, STRANGER, Room, until

pytest_plugins = ["tests.deployments.approvals_fixtures"]


def scraped(room: Room) -> dict[tuple[str, ...], float]:
    """Return our samples by their name and the values of their labels, which come in the order of their names."""
    text = httpx.get(f"{room.url}/metrics").raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name.removeprefix("greenflow_approvals_"), *each.labels.values()): each.value for each in samples}


def test_clicks_are_counted_by_what_they_did_and_strangers_by_why_they_did_nothing(room: Room) -> None:
    ask = room.ask()
    until(lambda: scraped(room)[("asking", "rehearsal")] == 1, "the open question")
    room.press(ask, "approve", STRANGER)
    room.hears(STRANGER, Why.NOT_ALLOWED)
    room.press(ask, "approve", LEE)
    room.hears(LEE, Did.APPROVED)
    found = scraped(room)
    assert found["clicks_total", "approve", "rehearsal", "approved"] == 1
    assert found["clicks_total", "approve", "rehearsal", "not_allowed"] == 1
    assert found["decide_seconds_count", "rehearsal"] == 2
    assert found["blind_seconds", "rehearsal"] < 30
    assert ("process_resident_memory_bytes",) in found


@pytest.mark.parametrize(("headers", "status"), [({}, "401"), ({"content_type": "application/json"}, "415")])
def test_what_is_no_click_of_slacks_is_counted_by_its_answer(room: Room, headers: dict[str, str], status: str) -> None:
    if headers:
        room.post("{}", **headers)
    else:
        httpx.post(f"{room.url}/slack/interactivity", content="payload={}")
    assert scraped(room)["refused_requests_total", status] == 1
