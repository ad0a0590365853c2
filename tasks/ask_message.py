"""Write a question to people as a Slack message, in Korean or English, and its answer in the same place.

Everything from outside stands in ``plain_text``, which Slack does not interpret (safety I23).
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tasks.clients.slack import escaped
from tasks.models import Answer, Ask

Block = Mapping[str, Any]
LONGEST_BLOCK = 2900
MEMBER = re.compile(r"[UW][A-Z0-9]{2,20}")
STYLES = MappingProxyType({"approve": "primary", "roll_back": "danger"})
ACTIONS = ("approve", "reject", "roll_back")

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "question": "GreenFlow {version} to {environment}: move traffic from {before} % to {after} %?",
            "asked": "Release {release}, asked for by {by}. Answer by {until:%Y-%m-%d %H:%M:%S} UTC; silence is a no.",
            "image": "Image {digest}",
            "approve": "Approve",
            "reject": "Reject",
            "roll_back": "Roll back",
            "closed": "{what} by {who} at {at:%Y-%m-%d %H:%M:%S} UTC ({door})",
            "done_approve": "Approved",
            "done_reject": "Rejected",
            "done_roll_back": "Rollback asked for",
            "done_expired": "Expired, which is a no,",
            "done_interrupted": "Interrupted, which is a no,",
            "done_unverified": "Resumed without a verified person",
        },
        "ko": {
            "question": "GreenFlow {version} → {environment}: 트래픽을 {before} %에서 {after} %로 옮길까요?",
            "asked": "릴리스 {release}, 요청자 {by}. {until:%Y-%m-%d %H:%M:%S} UTC까지 답이 없으면 거절입니다.",
            "image": "이미지 {digest}",
            "approve": "승인",
            "reject": "거절",
            "roll_back": "롤백",
            "closed": "{what} · {who} · {at:%Y-%m-%d %H:%M:%S} UTC ({door})",
            "done_approve": "승인됨",
            "done_reject": "거절됨",
            "done_roll_back": "롤백 요청됨",
            "done_expired": "시간 만료(거절)",
            "done_interrupted": "중단됨(거절)",
            "done_unverified": "확인되지 않은 사람이 재개함",
        },
    }
)


def ask_text(ask: Ask, language: str) -> str:
    """Return the question in one sentence."""
    return WORDS[language]["question"].format(
        version=ask.version, environment=ask.environment, before=ask.from_weight, after=ask.to_weight
    )


def ask_blocks(ask: Ask, language: str) -> Sequence[Block]:
    """Return the question with the numbers it rests on and one button for each answer; a button carries the nonce."""
    return [
        *_question_blocks(ask, language),
        {"type": "actions", "block_id": "ask", "elements": _buttons(ask, language)},
    ]


def closed_text(ask: Ask, answer: Answer, language: str) -> str:
    """Return the question with its answer in one line."""
    return f"{ask_text(ask, language)} {_answer_line(answer, answer.by, language)}"


def closed_blocks(ask: Ask, answer: Answer, language: str) -> Sequence[Block]:
    """Return the question with its answer where the buttons were."""
    who = f"<@{answer.by}>" if MEMBER.fullmatch(answer.by) else escaped(answer.by)
    line = {"type": "section", "text": {"type": "mrkdwn", "text": _answer_line(answer, who, language)}}
    reason = [_plain(answer.reason)] if answer.reason else []
    return [*_question_blocks(ask, language), line, *reason]


def _question_blocks(ask: Ask, language: str) -> list[Block]:
    words = WORDS[language]
    asked = words["asked"].format(release=ask.release_id, by=ask.requested_by, until=ask.expires_at)
    context = f"{asked} {words['image'].format(digest=ask.digest)}"
    summary = [_plain("\n".join(ask.summary))] if ask.summary else []
    return [
        _plain(ask_text(ask, language)),
        *summary,
        {"type": "context", "elements": [_text(context)]},
    ]


def _buttons(ask: Ask, language: str) -> list[Block]:
    return [
        {
            "type": "button",
            "action_id": action,
            "value": ask.nonce,
            "text": _text(WORDS[language][action]),
            **({"style": STYLES[action]} if action in STYLES else {}),
        }
        for action in ACTIONS
    ]


def _answer_line(answer: Answer, who: str, language: str) -> str:
    words = WORDS[language]
    return words["closed"].format(what=words[f"done_{answer.decision}"], who=who, at=answer.at, door=answer.door)


def _plain(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text[:LONGEST_BLOCK] or " ", "emoji": False}
