"""The rules about people, by table, and the sentences they are told in both languages."""

import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.core.answer_words import WORDS, Did, say, say_refusal
from flows.core.answers import (
    Moment,
    Person,
    Place,
    Refusal,
    Rule,
    Why,
    believed,
    refuse_answer,
    refuse_moment,
    refuse_person,
    refuse_place,
    refuse_roll_back,
    voices,
)
from flows.core.asking import left_open
from tasks.ask_words import WORDS as ASK_WORDS
from tasks.models import Answer, Ask, Decision, Event

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ASK = Ask(
    nonce="0" * 32,
    release_id="r",
    environment="production",
    version="1.1.0",
    phase=0,
    number=1,
    from_weight=10,
    to_weight=50,
    digest="sha256:" + "0" * 64,
    requested_by="U0ASKER",
    allowed=("U0LEE", "U0KIM", "U0ASKER"),
    asked_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)
ASKED = frozenset(ASK.allowed)
RULE = Rule(allowed=ASKED, requester="U0ASKER")
HOME = Place(app_id="A", team_id="T", channel="C")
OPEN = Moment(answer=None, expired=False, release_id="r", open_nonce=ASK.nonce, alive=True)
YES = Answer(nonce=ASK.nonce, decision="approve", by="U0LEE", door="slack", at=NOW)


def why(refusal: Refusal | None) -> Why | None:
    return refusal.why if refusal else None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"app_id": "B"}, Why.OTHER_APP),
        ({"team_id": ""}, Why.OTHER_WORKSPACE),
        ({"channel": ""}, Why.OTHER_CHANNEL),
    ],
)
def test_a_click_counts_from_home_only(changes: dict[str, str], expected: Why | None) -> None:
    assert why(refuse_place(HOME.model_copy(update=changes), HOME)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"is_known": False}, Why.UNKNOWN_PERSON),
        ({"is_gone": True}, Why.DEACTIVATED),
        ({"is_bot": True}, Why.BOT),
        ({"is_guest": True}, Why.GUEST),
        ({"team_id": "U"}, Why.OTHER_WORKSPACE),
        ({"team_id": ""}, Why.OTHER_WORKSPACE),
    ],
)
def test_only_a_colleague_of_now_decides(changes: dict[str, Any], expected: Why | None) -> None:
    person = Person(id="U0LEE", team_id="T").model_copy(update=changes)
    assert why(refuse_person(person, "T")) == expected


@pytest.mark.parametrize(
    ("person", "decision", "rule", "expected"),
    [
        ("U0LEE", "approve", RULE, None),
        ("U0NEW", "approve", RULE, Why.NOT_ALLOWED),
        ("U0NEW", "approve", Rule(allowed=frozenset({"U0NEW"}), requester=""), Why.NOT_ASKED),
        ("U0LEE", "approve", Rule(allowed=frozenset({"U0KIM"}), requester=""), Why.NOT_ALLOWED),
        ("U0LEE", "approve", Rule(allowed=frozenset(), requester=""), Why.NOBODY),
        ("U0ASKER", "approve", RULE, Why.REQUESTER),
        ("U0ASKER", "reject", RULE, None),
        ("U0ASKER", "approve", RULE.model_copy(update={"allow_requester": True}), None),
        ("", "approve", RULE, Why.NOT_ALLOWED),
    ],
)
def test_who_may_answer(person: str, decision: Decision, rule: Rule, expected: Why | None) -> None:
    assert why(refuse_answer(ASK, Person(id=person), decision, rule=rule, asked=ASKED)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"answer": YES}, Why.ANSWERED),
        ({"expired": True}, Why.EXPIRED),
        ({"release_id": "another"}, Why.OVER),
        ({"release_id": ""}, Why.OVER),
        ({"open_nonce": "1" * 32}, Why.STALE),
        ({"open_nonce": ""}, Why.STALE),
        ({"alive": False}, Why.SILENT),
    ],
)
def test_when_an_ask_may_be_answered(changes: dict[str, Any], expected: Why | None) -> None:
    assert why(refuse_moment(ASK, OPEN.model_copy(update=changes))) == expected


def test_going_back_needs_nothing_but_a_name_on_the_list() -> None:
    assert refuse_roll_back(Person(id="U0ASKER"), "production", ASKED) is None
    assert why(refuse_roll_back(Person(id="U0NEW"), "production", ASKED)) is Why.NOT_ALLOWED
    assert why(refuse_roll_back(Person(id="U0LEE"), "production", frozenset())) is Why.NOBODY


def test_whose_yes_counts() -> None:
    assert voices(RULE, ASKED) == {"U0LEE", "U0KIM"}
    assert voices(RULE, frozenset({"U0LEE"})) == {"U0LEE"}


@pytest.mark.parametrize(
    ("changes", "quorum", "decision"),
    [
        ({}, 1, "approve"),
        ({"by": "U0NEW"}, 1, "unverified"),
        ({"door": "ui"}, 1, "unverified"),
        ({"door": "judge"}, 1, "unverified"),
        ({"nonce": "1" * 32}, 1, "unverified"),
        ({}, 2, "unverified"),
        ({"voters": ("U0LEE", "U0LEE")}, 2, "unverified"),
        ({"voters": ("U0LEE", "U0KIM")}, 2, "approve"),
        ({"decision": "reject", "by": "U0NEW"}, 2, "reject"),
    ],
)
def test_a_record_opens_the_gate_only_when_those_who_were_asked_made_it(
    changes: dict[str, Any], quorum: int, decision: str
) -> None:
    ask = ASK.model_copy(update={"quorum": quorum})
    assert believed(YES.model_copy(update=changes), ask, ASKED, allow_unverified=False).decision == decision


def test_a_resume_by_hand_opens_the_gate_where_the_environment_allows_it() -> None:
    by_hand = YES.model_copy(update={"door": "ui", "by": "somebody"})
    assert believed(by_hand, ASK, ASKED, allow_unverified=True).decision == "approve"


def test_what_was_asked_and_never_answered_is_found() -> None:
    def event(kind: str, data: dict[str, Any]) -> Event:
        return Event(seq=1, release_id="r", kind=kind, at=NOW, epoch=1, writer="w", data=data, previous="")

    other = ASK.model_copy(update={"nonce": "1" * 32})
    asked = [event("ask.opened", {"ask": each.model_dump(mode="json")}) for each in (ASK, other)]
    answered = event("ask.answered", {"answer": YES.model_dump(mode="json")})
    assert left_open([*asked, answered]) == [other]
    assert left_open([]) == []


def places(text: str) -> set[str]:
    return {name.split(":")[0] for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_everything_with_the_same_facts() -> None:
    assert set(WORDS["en"]) == set(WORDS["ko"]) == {*Why, *Did}
    for key, english in WORDS["en"].items():
        assert places(english) == places(WORDS["ko"][key]), key
    assert set(ASK_WORDS["en"]) == set(ASK_WORDS["ko"])
    for name, english in ASK_WORDS["en"].items():
        assert places(english) == places(ASK_WORDS["ko"][name]), name


def test_no_sentence_was_forgotten_in_korean() -> None:
    for words in (WORDS, ASK_WORDS):
        for name, korean in words["ko"].items():
            is_form = name == "closed"  # names, times and signs alone
            assert is_form or any("가" <= letter <= "힣" for letter in korean), name


def test_every_refusal_says_why_and_that_nothing_was_changed() -> None:
    for why_not in set(Why) - {Why.VOTED}:
        assert "Nothing was changed" in WORDS["en"][why_not]
        assert "바뀐 것은 없습니다" in WORDS["ko"][why_not]


def test_sentences_are_filled_with_facts() -> None:
    refusal = Refusal(why=Why.OTHER_CHANNEL, found={"channel": "C0X"})
    assert say_refusal(refusal, "en") == "Answers count in <#C0X> only. Nothing was changed."
    assert say(Did.COUNTED, "ko", have="1", need="2") == "승인이 기록되었습니다: 2명 중 1명."
