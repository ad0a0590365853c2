"""Decide whether what a person wants counts, and say why not (safety I19); the words are in ``answer_words``."""

from collections.abc import Set as AbstractSet
from enum import StrEnum

from pydantic import Field

from tasks.models import Answer, Ask, Decision, Record, RollCall


class Why(StrEnum):
    """Name every reason why something a person did does not count."""

    OTHER_APP = "other_app"
    OTHER_WORKSPACE = "other_workspace"
    OTHER_CHANNEL = "other_channel"
    UNKNOWN_BUTTON = "unknown_button"
    UNKNOWN_PERSON = "unknown_person"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    NOBODY = "nobody"
    NOT_ASKED = "not_asked"
    NOT_ALLOWED = "not_allowed"
    REQUESTER = "requester"
    UNKNOWN_ASK = "unknown_ask"
    STALE = "stale"
    EXPIRED = "expired"
    ANSWERED = "answered"
    OVER = "over"
    SILENT = "silent"
    VOTED = "voted"
    PRESENT = "present"
    CALLED = "called"
    UNSURE = "unsure"


class Refusal(Record):
    """Hold why something does not count and what was found, for the sentence a person reads."""

    why: Why
    found: dict[str, str] = Field(default_factory=dict)


class Person(Record):
    """Hold who answers, as Slack knows them now; people at the command line are known by AWS alone."""

    id: str
    name: str = ""
    team_id: str = ""
    is_known: bool = True
    is_guest: bool = False
    is_bot: bool = False
    is_gone: bool = False


class Place(Record):
    """Hold where a click came from, or where clicks must come from."""

    app_id: str
    team_id: str
    channel: str


class Rule(Record):
    """Hold the settings' word, as of now, on who may answer one ask; ``requester`` is who asked for the release."""

    allowed: frozenset[str]
    requester: str
    allow_requester: bool = False


class Moment(Record):
    """Hold how an ask stands now: its answer, its age, the release that is running and the question that is open."""

    answer: Answer | None
    expired: bool
    release_id: str
    open_nonce: str
    alive: bool


def refuse_place(found: Place, home: Place) -> Refusal | None:
    """Return why a click from there does not count, or None."""
    if found.app_id != home.app_id:
        return Refusal(why=Why.OTHER_APP)
    if found.team_id != home.team_id:
        return Refusal(why=Why.OTHER_WORKSPACE)
    if found.channel != home.channel:
        return Refusal(why=Why.OTHER_CHANNEL, found={"channel": home.channel})
    return None


def refuse_person(person: Person, team_id: str) -> Refusal | None:
    """Return why this account may not decide anything, or None: guests, bots, leavers and strangers may not."""
    facts = (
        (not person.is_known, Why.UNKNOWN_PERSON),
        (person.is_gone, Why.DEACTIVATED),
        (person.is_bot, Why.BOT),
        (person.is_guest, Why.GUEST),
        (person.team_id != team_id, Why.OTHER_WORKSPACE),
    )
    return next((Refusal(why=why) for is_so, why in facts if is_so), None)


def refuse_answer(
    ask: Ask, person: Person, decision: Decision, *, rule: Rule, asked: AbstractSet[str]
) -> Refusal | None:
    """Return why a person's answer does not count, or None; an empty list of approvers means nobody.

    ``asked`` are those who were allowed when the ask was written: who joins later answers the next one.
    """
    if not rule.allowed:
        return Refusal(why=Why.NOBODY, found={"environment": ask.environment})
    if person.id not in rule.allowed:
        return Refusal(why=Why.NOT_ALLOWED, found={"environment": ask.environment})
    if person.id not in asked:
        return Refusal(why=Why.NOT_ASKED, found={"environment": ask.environment})
    if decision == "approve" and person.id not in voices(rule, asked):
        return Refusal(why=Why.REQUESTER)
    return None


def voices(rule: Rule, asked: AbstractSet[str]) -> frozenset[str]:
    """Return whose yes counts: all who were asked and are allowed now, without who asked for the release."""
    excluded = frozenset() if rule.allow_requester else frozenset({rule.requester})
    return (rule.allowed & asked) - excluded


def refuse_presence(
    call: RollCall, person: Person, allowed: AbstractSet[str], asked: AbstractSet[str]
) -> Refusal | None:
    """Return why a person does not count as being on duty, or None; who asked for the release may be on duty."""
    found = {"environment": call.environment}
    if not allowed:
        return Refusal(why=Why.NOBODY, found=found)
    if person.id not in allowed:
        return Refusal(why=Why.NOT_ALLOWED, found=found)
    return None if person.id in asked else Refusal(why=Why.NOT_ASKED, found=found)


def refuse_moment(ask: Ask | RollCall, moment: Moment) -> Refusal | None:
    """Return why no answer to this ask counts now, whoever gives it, or None."""
    if moment.answer:
        return answered_before(moment.answer)
    if moment.expired:
        return Refusal(why=Why.EXPIRED, found={"until": f"{ask.expires_at:%Y-%m-%d %H:%M:%S} UTC"})
    if moment.release_id != ask.release_id:
        return Refusal(why=Why.OVER)
    if moment.open_nonce != ask.nonce:
        return Refusal(why=Why.CALLED if isinstance(ask, RollCall) else Why.STALE)
    if not moment.alive:
        return Refusal(why=Why.SILENT, found={"environment": ask.environment})
    return None


def answered_before(answer: Answer) -> Refusal:
    """Return why an answer comes too late for a question that has one."""
    return Refusal(why=Why.ANSWERED, found={"who": answer.by, "decision": answer.decision.replace("_", " ")})


def refuse_roll_back(person: Person, environment: str, everybody: AbstractSet[str]) -> Refusal | None:
    """Return why a person may not bring a release home, or None; being the requester or being late is no reason."""
    if not everybody:
        return Refusal(why=Why.NOBODY, found={"environment": environment})
    if person.id not in everybody:
        return Refusal(why=Why.NOT_ALLOWED, found={"environment": environment})
    return None


def believed(answer: Answer, ask: Ask, asked: AbstractSet[str], *, allow_unverified: bool) -> Answer:
    """Return a recorded answer, or one that is a no in the place of a yes that nobody who was asked has given.

    The door has checked all this before it wrote; the gate does not open on a record that somebody else wrote (I20).
    """
    if answer.decision != "approve" or (answer.door == "ui" and allow_unverified):
        return answer
    voters = frozenset(answer.voters or (answer.by,))
    if answer.nonce == ask.nonce and answer.door in {"slack", "cli"} and voters <= asked and len(voters) >= ask.quorum:
        return answer
    return answer.model_copy(update={"decision": "unverified"})
