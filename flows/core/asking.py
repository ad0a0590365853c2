"""Word the question people are asked, and find the questions nobody waits for any more."""

from collections.abc import Sequence

from tasks.models import Ask, Event

LOOK = "answered: see the ledger"
"""The reason of every resume of ours: it asks the run to look, and answers nothing by itself."""


def ask_text(ask: Ask) -> str:
    """Say in a few lines what is asked, so that a person can decide in ten seconds."""
    wish = (
        f"Move {ask.version} from {ask.from_weight} % to {ask.to_weight} % of {ask.environment}'s traffic?"
        if ask.to_weight > ask.from_weight
        else f"Keep {ask.version} at {ask.from_weight} % of {ask.environment}'s traffic?"
    )
    lines = (wish, *ask.summary, f"Silence until {ask.expires_at:%H:%M:%S %Z} brings the traffic home.")
    return "\n".join(lines)


def left_open(events: Sequence[Event]) -> list[Ask]:
    """Return the questions of a release that were asked and never seen answered, oldest first."""
    asked = [Ask.model_validate(event.data["ask"]) for event in events if event.kind == "ask.opened"]
    answered = {event.data["answer"]["nonce"] for event in events if event.kind == "ask.answered"}
    return [ask for ask in asked if ask.nonce not in answered]
