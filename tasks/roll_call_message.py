"""Write a roll call as a Slack message, in Korean or English, and who answered it in the same place."""

from collections.abc import Sequence

from tasks.ask_message import Block, button_of, mrkdwn, plain, who_said
from tasks.ask_words import WORDS
from tasks.models import RollCall
from tasks.sentences import Language

ON_DUTY = "on_duty"


def roll_call_text(call: RollCall, language: Language) -> str:
    """Return the call in one sentence."""
    return WORDS[language]["roll_call"].format(version=call.version, environment=call.environment)


def roll_call_blocks(call: RollCall, language: Language, present: Sequence[str] = ()) -> Sequence[Block]:
    """Return the call with its one button, which carries the nonce, and with who has answered already."""
    button = {**button_of(WORDS[language], ON_DUTY, call.nonce), "style": "primary"}
    there = [_there(call, language, present)] if present else []
    return [*_call(call, language), *there, {"type": "actions", "block_id": "roll_call", "elements": [button]}]


def closed_roll_call_blocks(
    call: RollCall, language: Language, present: Sequence[str], *, gave_up: bool = False
) -> Sequence[Block]:
    """Return the call with who is there where the button was, or why the release does not go on."""
    words = WORDS[language]
    there = [_there(call, language, present)] if present else []
    if len(present) >= call.needed:
        return [*_call(call, language), *there]
    missed = words["roll_call_missed"].format(have=len(present), need=call.needed)
    return [*_call(call, language), *there, plain(words["roll_call_gave_up"] if gave_up else missed)]


def _call(call: RollCall, language: Language) -> list[Block]:
    asked = WORDS[language]["roll_call_asked"].format(
        release=call.release_id, by=call.requested_by, need=call.needed, until=call.expires_at
    )
    return [plain(roll_call_text(call, language)), plain(asked)]


def _there(call: RollCall, language: Language, present: Sequence[str]) -> Block:
    who = ", ".join(who_said(name) for name in present)
    return mrkdwn(WORDS[language]["present"].format(have=len(present), need=call.needed, who=who))
