"""Tell from a chain who did what: asked, answered, overrode, was on duty, changed, unlocked, brought home."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from flows.core.report_words import DECISIONS, DOORS
from tasks.models import Answer, Ask, Event, Record
from tasks.sentences import Said, joined, named, said, sentence

Told = tuple[str, str]
"""Who, and what."""


class Deed(Record):
    """Hold one thing that somebody did; ``chain`` is the release or the operation it belongs to."""

    at: datetime
    who: Said
    what: Said
    chain: str


def deeds_of(events: Sequence[Event]) -> Iterator[Deed]:
    """Yield what people did in one chain, what was decided for them, and what an operation changed, in order."""
    asks = {ask.nonce: ask for event in events if event.kind == "ask.opened" for ask in [_ask(event)]}
    by = next((_asker(event) for event in events if event.kind == "operation.opened"), "")
    for event in events:
        told = _told(event, asks, by)
        if told:
            yield Deed(at=event.at, who=told[0], what=told[1], chain=event.release_id)


def _told(event: Event, asks: Mapping[str, Ask], operator: str) -> Told | None:
    if event.kind == "ask.answered":
        answer = Answer.model_validate(event.data["answer"])
        return _answered(answer, asks.get(answer.nonce))
    if event.kind == "effect.done":
        return _changed(event, operator) if operator and not event.data.get("already") else None
    tell = _TELLERS.get(event.kind)
    return tell(event) if tell else None


def _ask(event: Event) -> Ask:
    return Ask.model_validate(event.data["ask"])


def _asker(event: Event) -> str:
    return str(event.data.get("requested_by") or named("unknown"))


def _answered(answer: Answer, ask: Ask | None) -> Told:
    who = joined(", ", answer.voters or (answer.by,))
    what = named(DECISIONS.get(answer.decision, answer.decision))
    about = _about(ask) if ask else answer.nonce
    said_so = {"what": what, "about": about, "door": named(DOORS.get(answer.door, answer.door))}
    if answer.reason:
        return who, sentence("{what}: {about} ({door}): {why}", **said_so, why=answer.reason)
    return who, sentence("{what}: {about} ({door})", **said_so)


def _about(ask: Ask) -> str:
    if ask.subject == "restore":
        return sentence("the restore of {name}", name=ask.version)
    return sentence(
        "{version} from {before} % to {after} %", version=ask.version, before=ask.from_weight, after=ask.to_weight
    )


def _changed(event: Event, operator: str) -> Told:
    return operator, sentence("changed {what} {key}", what=event.data["effect"], key=event.data["key"])


def _asked_for(event: Event) -> Told:
    return _asker(event), sentence("asked for release {version}", version=event.data["version"])


def _overrode(event: Event) -> Told:
    return said(event.data["by"]), sentence("overrode the checklist: {why}", why=said(event.data["reason"]))


def _came_on_duty(event: Event) -> Told:
    return joined(", ", event.data["present"] or [named("nobody")]), named("on duty")


def _began(event: Event) -> Told:
    kind, why = event.data["version"], event.data.get("reason", "")
    what = sentence("began {kind}: {why}", kind=kind, why=why) if why else sentence("began {kind}", kind=kind)
    return _asker(event), what


def _finished(event: Event) -> Told:
    return named("the operation"), sentence("ended: {why}", why=said(event.data["reason"]))


def _turned_back(event: Event) -> Told:
    who = named("people" if event.data.get("by_people") else "the release")
    return who, sentence("brought the traffic home: {why}", why=said(event.data["reason"]))


def _took_over(event: Event) -> Told:
    return event.data["by"], sentence("took over from {owner}", owner=event.data["from"])


def _unlocked(event: Event) -> Told:
    return event.data["by"], sentence("unlocked it: {why}", why=event.data["reason"])


def _ended(event: Event) -> Told:
    ending, why = named(event.data["ending"]), said(event.data["reason"])
    return named("the release"), sentence("{what}: {why}", what=ending, why=why) if why else ending


def _looked_again(event: Event) -> Told:
    return named("aftercare"), sentence("looked again after {after}", after=event.data["after"])


def _saw_drift(event: Event) -> Told:
    return named("the guard"), sentence("saw a change by somebody else: {what}", what=event.data["what"])


_TELLERS: Mapping[str, Callable[[Event], Told]] = {
    "release.opened": _asked_for,
    "checklist.overridden": _overrode,
    "roll_call.closed": _came_on_duty,
    "rollback.started": _turned_back,
    "lease.taken_over": _took_over,
    "lease.broken": _unlocked,
    "release.ended": _ended,
    "operation.opened": _began,
    "operation.ended": _finished,
    "aftercare.started": _looked_again,
    "drift.found": _saw_drift,
}
