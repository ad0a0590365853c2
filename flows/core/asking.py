"""Word the question people are asked, and find the questions nobody waits for any more."""

from collections.abc import Sequence

from flows.core.judge import Judgement, Verdict
from tasks.models import Ask, Event
from tasks.sentences import joined, sentence

LOOK = "answered: see the ledger"
"""The reason of every resume of ours: it asks the run to look, and answers nothing by itself."""

WARY_OF = "The judge cannot vouch for this version"
"""How a question begins that rests on nothing."""


def grounds(judgement: Judgement | None) -> tuple[str, ...]:
    """Say what a question rests on; first of all that it rests on nothing, where the judge could not tell."""
    if judgement is None:
        return ()
    if judgement.verdict is not Verdict.ASK:
        return judgement.reasons
    alone = sentence("The judge cannot vouch for this version; a yes goes on without it ({rule}).", rule=judgement.rule)
    return (alone, *judgement.reasons)


def ask_text(ask: Ask) -> str:
    """Say in a few lines what is asked, so that a person can decide in ten seconds."""
    told = {"version": ask.version, "environment": ask.environment, "before": ask.from_weight, "after": ask.to_weight}
    wish = (
        sentence("Move {version} from {before} % to {after} % of {environment}'s traffic?", **told)
        if ask.to_weight > ask.from_weight
        else sentence("Keep {version} at {before} % of {environment}'s traffic?", **told)
    )
    silence = sentence("Silence until {until} brings the traffic home.", until=f"{ask.expires_at:%H:%M:%S %Z}")
    return joined("\n", (wish, *ask.summary, silence))


def left_open(events: Sequence[Event]) -> list[Ask]:
    """Return the questions of a release that were asked and never seen answered, oldest first."""
    asked = [Ask.model_validate(event.data["ask"]) for event in events if event.kind == "ask.opened"]
    answered = {event.data["answer"]["nonce"] for event in events if event.kind == "ask.answered"}
    return [ask for ask in asked if ask.nonce not in answered]
