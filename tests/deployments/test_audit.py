"""The audit reads what lies in the ledger: whoever changed, dropped or copied a link of it is found."""

import json
from collections.abc import Callable

import pytest

from deployments.commands.audit import audit
from deployments.twin.aws import AwsEmulator
from tasks.errors import GateRefused
from tasks.event_store import EventStore, event_key, read_events
from tasks.ledger import note, open_ledger
from tasks.operations import open_operation
from tasks.settings import Settings

NAME = "1.1.0-20261121T030000-beef"
COPY = "1.0.0-20261114T030000-cafe"
ENDED = {"ending": "shipped", "reason": "all of it"}


@pytest.fixture
def told(settings: Settings) -> Settings:
    with open_ledger(settings, release_id=NAME, version="1.1.0"):
        note("release.opened", {"version": "1.1.0", "environment": settings.name, "requested_by": "U0LEE"})
        note("roll_call.closed", {"nonce": "n", "present": ["U0KIM"]})
        note("release.ended", ENDED)
    with open_operation(settings, "infra", requested_by="U0KIM"):
        pass
    return settings


def put(aws: AwsEmulator, settings: Settings, seq: int, body: bytes, name: str = NAME) -> None:
    aws.client("s3").put_object(Bucket=settings.ledger.bucket, Key=event_key(name, seq), Body=body)


def edit(aws: AwsEmulator, settings: Settings) -> None:
    event = read_events(EventStore(settings), NAME)[1]
    changed = event.model_copy(update={"data": {"nonce": "n", "present": ["U0KIM", "U0NOBODY"]}})
    put(aws, settings, 2, changed.model_dump_json().encode())


def drop(aws: AwsEmulator, settings: Settings) -> None:
    aws.client("s3").delete_object(Bucket=settings.ledger.bucket, Key=event_key(NAME, 2))


def scribble(aws: AwsEmulator, settings: Settings) -> None:
    put(aws, settings, 3, b'{"seq": 3}')


def copy_over(aws: AwsEmulator, settings: Settings) -> None:
    for event in read_events(EventStore(settings), NAME):
        put(aws, settings, event.seq, event.model_dump_json().encode(), COPY)


def test_a_ledger_as_it_was_written_holds_and_tells_who_did_what(
    told: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(environment="rehearsal") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == NAME
    assert "U0LEE: asked for release 1.1.0" in lines[1]
    assert any("U0KIM: began infra" in line for line in lines)
    assert lines[-1] == "rehearsal: 2 chains of 5 events, every link holds"


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (edit, f"releases/{NAME} is broken at event 2 (roll_call.closed): found hash "),
        (drop, f"releases/{NAME} is broken at event 2 (release.ended): found event 3, expected event 2"),
        (scribble, f"releases/{NAME} is broken at releases/{NAME}/events/000003.json: found no event"),
        (
            copy_over,
            f"releases/{COPY} is broken at event 1 (release.opened): found an event of {NAME}, expected one of {COPY}",
        ),
    ],
)
def test_the_first_broken_link_is_named_with_what_was_found_and_expected(
    told: Settings,
    ledger_aws: AwsEmulator,
    capsys: pytest.CaptureFixture[str],
    tamper: Callable[[AwsEmulator, Settings], None],
    found: str,
) -> None:
    tamper(ledger_aws, told)
    assert audit(environment="rehearsal") == 1
    *_, counted, broken = capsys.readouterr().out.splitlines()
    assert "1 BROKEN" in counted
    assert broken.strip().startswith(found)
    assert "expected" in broken


def test_one_release_is_audited_alone_and_its_json_is_one_document(
    told: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(environment="rehearsal", release=NAME, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["holds"] is True
    assert [(chain["room"], chain["events"]) for chain in document["chains"]] == [("releases", 3)]
    assert document["chains"][0]["last_sha256"] == read_events(EventStore(told), NAME)[-1].sha256
    assert [deed["who"] for deed in document["deeds"]] == ["U0LEE", "U0KIM", "the release"]


def test_a_release_nobody_knows_is_refused(told: Settings) -> None:
    with pytest.raises(GateRefused, match=r"found no chain named 9\.9\.9"):
        audit(environment="rehearsal", release="9.9.9")
