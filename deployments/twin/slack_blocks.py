"""What Slack refuses in blocks, and the buttons that people find in them.

https://docs.slack.dev/reference/block-kit
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Block = dict[str, Any]

_MOST_BLOCKS = 50
_MOST_ELEMENTS = 25
_MOST_FIELDS = 10
_LONGEST = {"section": 3000, "header": 150, "context": 3000, "markdown": 12_000}
_LONGEST_ID = 255
_LONGEST_BUTTON = 75
_LONGEST_VALUE = 2000
_TYPES = {"section", "header", "context", "actions", "divider", "input", "image", "rich_text", "markdown"}


def block_problems(blocks: object) -> list[str]:
    """Say what Slack would refuse these blocks for; nothing when it would show them."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return ["must be an array of objects"]
    problems = [f"no more than {_MOST_BLOCKS} items allowed"] if len(blocks) > _MOST_BLOCKS else []
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    problems += ["block_id must be unique"] if len(ids) != len(set(ids)) else []
    return problems + [problem for block in blocks for problem in _problems_of(block)]


def with_block_ids(blocks: Sequence[Block]) -> list[Block]:
    """Give every block an id, as Slack does for those that have none."""
    return [{"block_id": secrets.token_hex(3), **block} for block in blocks]


def buttons(blocks: Sequence[Block]) -> Iterator[tuple[str, Block]]:
    """Give each button with its block's id, in the order in which they are shown."""
    for block in blocks:
        elements = [*block.get("elements", []), block.get("accessory", {})]
        for element in elements:
            if element.get("type") == "button":
                yield block["block_id"], element


def _problems_of(block: Block) -> list[str]:
    kind = block.get("type", "")
    if kind not in _TYPES:
        return [f"unsupported type: {kind}"]
    problems = ["block_id too long"] if len(block.get("block_id", "")) > _LONGEST_ID else []
    problems += [f"{kind} text too long" for text in _texts(block) if len(text) > _LONGEST.get(kind, 3000)]
    if kind in {"section", "header", "markdown"} and not any(_texts(block)):
        problems.append(f"{kind} needs a text")
    if len(block.get("fields", [])) > _MOST_FIELDS:
        problems.append(f"no more than {_MOST_FIELDS} fields allowed")
    return problems + _button_problems(block)


def _texts(block: Block) -> list[str]:
    holders = [block.get("text"), *block.get("fields", [])]
    holders += block.get("elements", []) if block["type"] == "context" else []
    return [_text(holder) for holder in holders if holder]


def _text(holder: str | Mapping[str, Any]) -> str:
    if isinstance(holder, str):
        return holder
    text = holder.get("text", "")
    return text if isinstance(text, str) else ""


def _button_problems(block: Block) -> list[str]:
    elements = block.get("elements", []) if block["type"] == "actions" else []
    problems = []
    if block["type"] == "actions" and not 0 < len(elements) <= _MOST_ELEMENTS:
        problems.append(f"actions needs 1 to {_MOST_ELEMENTS} elements")
    actions = [element.get("action_id") for element in elements]
    problems += ["action_id must be unique in its block"] if len(actions) != len(set(actions)) else []
    for _, button in buttons([{"block_id": "", **block}]):
        label = _text(button.get("text", {}))
        problems += [] if 0 < len(label) <= _LONGEST_BUTTON else [f"button text needs 1 to {_LONGEST_BUTTON} letters"]
        problems += ["button value too long"] if len(button.get("value", "")) > _LONGEST_VALUE else []
    return problems
