"""A chain tells who did what: people by name, decisions with both weights, and what an operation changed."""

from typing import Any

import pytest

from flows.core.deeds import deeds_of
from tasks.sentences import Language, in_language
from tests.core.release_told import RELEASE, Teller

START: dict[str, Any] = {"version": "1.1.0", "environment": "production", "requested_by": "U0LEE"}

TAKEN: dict[str, Any] = {"from": "desk-1", "by": "desk-2"}


def lines(teller: Teller, language: Language = "en") -> list[str]:
    return [
        f"{in_language(deed.who, language)}: {in_language(deed.what, language)}" for deed in deeds_of(teller.events)
    ]


def test_a_release_tells_who_asked_who_answered_and_how_it_ended() -> None:
    teller = Teller()
    teller.tell("release.opened", **START)
    teller.tell("roll_call.closed", nonce="n", present=["U0KIM", "U0PARK"])
    teller.ask(0, by="U0KIM")
    teller.tell("release.ended", ending="shipped", reason="all of it")
    assert lines(teller) == [
        "U0LEE: asked for release 1.1.0",
        "U0KIM, U0PARK: on duty",
        "U0KIM: ✓ approved: 1.1.0 from 10 % to 50 % (in Slack)",
        "the release: shipped: all of it",
    ]
    assert lines(teller, "ko")[2] == "U0KIM: ✓ 승인됨: 1.1.0, 10 %에서 50 %로 (Slack)"
    assert {deed.chain for deed in deeds_of(teller.events)} == {RELEASE}


@pytest.mark.parametrize(("already", "told"), [(False, ["U0LEE: changed rds.modify db"]), (True, [])])
def test_an_operation_tells_what_it_changed_and_not_what_was_so_already(*, already: bool, told: list[str]) -> None:
    teller = Teller()
    teller.tell("operation.opened", **START | {"version": "infra", "reason": "backups"})
    teller.tell("effect.done", effect="rds.modify", key="db", already=already)
    teller.tell("operation.ended", reason="done")
    assert lines(teller) == ["U0LEE: began infra: backups", *told, "the operation: ended: done"]


def test_an_override_an_unlock_and_a_take_over_name_who_did_it_and_why() -> None:
    teller = Teller()
    teller.tell("checklist.overridden", by="U0LEE, approved by U0KIM", reason="the fair opens", against="hour")
    teller.tell("lease.taken_over", **TAKEN)
    teller.tell("lease.broken", by="U0KIM", reason="its machine is gone")
    assert lines(teller) == [
        "U0LEE, approved by U0KIM: overrode the checklist: the fair opens",
        "desk-2: took over from desk-1",
        "U0KIM: unlocked it: its machine is gone",
    ]
