"""Write a question to people as a Slack message, in Korean or English, and its answer in the same place.

Everything from outside stands in ``plain_text``, which Slack does not interpret (safety I23).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tasks.ask_words import WORDS
from tasks.clients.slack import escaped
from tasks.models import Answer, Ask
from tasks.sentences import Language, in_language, named

__all__ = [
    "WORDS",
    "ask_blocks",
    "ask_text",
    "closed_blocks",
    "closed_text",
    "dead_blocks",
    "reason_modal",
    "release_blocks",
    "shown_digest",
]

Block = Mapping[str, Any]
LONGEST_BLOCK = 2900
LONGEST_TITLE = 24
MOST_LETTERS_OF_A_REASON = 500
MEMBER = re.compile(r"[UW][A-Z0-9]{2,20}")
STYLES = MappingProxyType({"approve": "primary", "roll_back": "danger", "roll_back_now": "danger"})
ACTIONS = ("approve", "reject", "roll_back")
ROLL_BACK_NOW = "roll_back_now"
OPEN_RUN = "open_run"
REASON_MODAL = "reason"
WEB = ("https://", "http://")


def ask_text(ask: Ask, language: Language) -> str:
    """Return the question in one sentence."""
    move = "question" if ask.to_weight > ask.from_weight else "keep"
    wish = "restore" if ask.subject == "restore" else move
    return WORDS[language][wish].format(**_about(ask))


def ask_blocks(ask: Ask, language: Language, voters: Sequence[str] = ()) -> Sequence[Block]:
    """Return the question with the numbers it rests on and one button for each answer; a button carries the nonce.

    ``voters`` are those who have said yes already, where it takes several.
    """
    words = WORDS[language]
    said = {"have": len(voters), "need": ask.quorum, "who": ", ".join(who_said(name) for name in voters)}
    progress = [mrkdwn(words["votes"].format(**said))] if voters else []
    buttons = {"type": "actions", "block_id": "ask", "elements": _buttons(ask, language)}
    return [*_question_blocks(ask, language), *progress, buttons]


def shown_digest(ask: Ask, language: Language) -> str:
    """Return the SHA-256 of everything a person is shown when they are asked."""
    return hashlib.sha256(json.dumps(ask_blocks(ask, language), sort_keys=True).encode()).hexdigest()


def closed_text(ask: Ask, answer: Answer, language: Language) -> str:
    """Return the question with its answer in one line."""
    return f"{ask_text(ask, language)} {_answer_line(answer, _names(answer, str), language)}"


def closed_blocks(ask: Ask, answer: Answer, language: Language) -> Sequence[Block]:
    """Return the question with its answer where the buttons were."""
    line = mrkdwn(_answer_line(answer, _names(answer, who_said), language))
    reason = [plain(in_language(answer.reason, language))] if answer.reason else []
    return [*_question_blocks(ask, language), line, *reason]


def dead_blocks(ask: Ask, language: Language, why: str) -> Sequence[Block]:
    """Return a question nobody waits for any more: why, where the buttons were."""
    return [*_question_blocks(ask, language), plain(why)]


def release_blocks(release_id: str, text: str, language: Language, *, over: bool = False) -> Sequence[Block]:
    """Return a release's own message: its plan, and the button that brings it home at any time until it is over."""
    sure = _confirm(WORDS[language], ROLL_BACK_NOW, {"release": release_id})
    button = {**button_of(WORDS[language], ROLL_BACK_NOW, release_id), "confirm": sure}
    ways = [] if over else [{"type": "actions", "block_id": "release", "elements": [button]}]
    return [plain(text), *ways]


def reason_modal(ask: Ask, language: Language, carried: Mapping[str, str]) -> Block:
    """Return the form that asks for the reason of a no; Slack hands ``carried`` back with it, unseen by people."""
    words = WORDS[language]
    title = words["why_title"].format(version=ask.version)[:LONGEST_TITLE]
    field = {
        "type": "plain_text_input",
        "action_id": "text",
        "multiline": True,
        "max_length": MOST_LETTERS_OF_A_REASON,
    }
    return {
        "type": "modal",
        "callback_id": REASON_MODAL,
        "private_metadata": json.dumps(dict(carried)),
        "title": _text(title),
        "submit": _text(words["why_submit"]),
        "close": _text(words["why_close"]),
        "blocks": [{"type": "input", "block_id": "reason", "label": _text(words["why_label"]), "element": field}],
    }


def _about(ask: Ask) -> dict[str, object]:
    return {
        "version": ask.version,
        "environment": ask.environment,
        "before": ask.from_weight,
        "after": ask.to_weight,
        "release": ask.release_id,
    }


def _question_blocks(ask: Ask, language: Language) -> list[Block]:
    words = WORDS[language]
    facts = [
        words["asked"].format(release=ask.release_id, by=ask.requested_by, until=ask.expires_at),
        words["quorum"].format(need=ask.quorum) if ask.quorum > 1 else "",
        words["image"].format(digest=ask.digest) if ask.digest else "",
        words["commit"].format(commit=ask.commit) if ask.commit else "",
    ]
    summary = [plain("\n".join(in_language(line, language) for line in ask.summary))] if ask.summary else []
    context = {"type": "context", "elements": [_text(" ".join(fact for fact in facts if fact))]}
    return [plain(ask_text(ask, language)), *summary, context]


def _buttons(ask: Ask, language: Language) -> list[Block]:
    words, about = WORDS[language], _about(ask)
    # A restore moves no traffic: there is nothing to roll back, and its yes says something else.
    actions = ACTIONS[:2] if ask.subject == "restore" else ACTIONS
    sure = {"approve": "restore"} if ask.subject == "restore" else {}
    answers: list[Block] = [
        {**button_of(words, action, ask.nonce), **_sure(words, sure.get(action, action), about)} for action in actions
    ]
    if not ask.run_url.startswith(WEB):
        return answers
    return [*answers, {"type": "button", "action_id": OPEN_RUN, "url": ask.run_url, "text": _text(words["run"])}]


def button_of(words: Mapping[str, str], action: str, value: str) -> dict[str, Any]:
    style = {"style": STYLES[action]} if action in STYLES else {}
    return {"type": "button", "action_id": action, "value": value, "text": _text(words[action]), **style}


def _sure(words: Mapping[str, str], action: str, about: Mapping[str, object]) -> dict[str, Any]:
    """Ask once more where a slip of the thumb would move traffic; a reject has its form for that."""
    return {"confirm": _confirm(words, action, about)} if f"sure_{action}" in words else {}


def _confirm(words: Mapping[str, str], action: str, about: Mapping[str, object]) -> Block:
    return {
        "title": _text(words["sure_title"]),
        "text": _text(words[f"sure_{action}"].format(**about)),
        "confirm": _text(words["yes"]),
        "deny": _text(words["no"]),
    }


def _names(answer: Answer, name: Any) -> str:
    return ", ".join(name(each) for each in answer.voters or (answer.by,))


def who_said(name: str) -> str:
    return f"<@{name}>" if MEMBER.fullmatch(name) else escaped(name)


def _answer_line(answer: Answer, who: str, language: Language) -> str:
    words = WORDS[language]
    return words["closed"].format(
        what=words[f"done_{answer.decision}"], who=who, at=answer.at, door=in_language(named(answer.door), language)
    )


def plain(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def mrkdwn(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text[:LONGEST_BLOCK] or " ", "emoji": False}
