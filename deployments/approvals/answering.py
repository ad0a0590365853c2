"""Let an answer count or say why it does not: one set of rules for Slack and the command line (safety I19 to I21)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from deployments.approvals.colleagues import Colleagues
from deployments.approvals.rules import Rules
from deployments.approvals.watch import Live, Watch
from flows.core.answer_words import Did, say, say_refusal
from flows.core.answers import (
    Moment,
    Person,
    Refusal,
    Rule,
    Why,
    answered_before,
    refuse_answer,
    refuse_moment,
    refuse_presence,
    refuse_roll_back,
    voices,
)
from flows.core.asking import LOOK
from tasks.approvers import Circle
from tasks.asks import FoundAsk, Vote, cast_vote, find_ask, read_answer, read_votes, record_answer
from tasks.models import Answer, Ask, RollCall
from tasks.presence import FoundRollCall, Presence, read_present, record_presence
from tasks.sentences import Language
from tasks.settings import Settings
from tasks.stops import Stop, ask_to_stop

Door = Literal["slack", "cli"]
FRESH_S = 0.5
"""How old a look at the release may be that finds nothing wrong; whoever comes first is decided by a write anyway."""


@dataclass(frozen=True)
class Wish:
    """Hold what a person wants, and where they said so."""

    person: Person
    door: Door
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """Hold what became of a wish: what it did or why it does not count, the question and its answer if there is one."""

    told: Did | Refusal
    ask: Ask | None = None
    answer: Answer | None = None
    voters: tuple[str, ...] = ()
    call: RollCall | None = None
    about: dict[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Tell whether nothing was changed."""
        return isinstance(self.told, Refusal)

    def sentence(self, language: Language) -> str:
        """Return what the person is told."""
        return (
            say_refusal(self.told, language)
            if isinstance(self.told, Refusal)
            else say(self.told, language, **self.about)
        )


class Answering:
    """Decide what counts in one environment, record it and wake the run that waits; raises RemoteError."""

    def __init__(self, settings: Settings, watch: Watch, wake: Callable[[str, str], object]) -> None:
        self.rules = Rules(settings)
        self.colleagues = Colleagues(settings)
        self._settings = settings
        self._watch = watch
        self._wake = wake

    def refuse(self, found: FoundAsk, person: Person, decision: Literal["approve", "reject"]) -> Outcome | None:
        """Return why this person's answer would not count now, or None when it would."""
        ask = found.ask
        circle = self.rules.behind(self.rules.now().at(ask.to_weight).approvers)
        refusal = refuse_answer(ask, person, decision, rule=self._rule(ask), asked=self._asked(ask))
        if refusal := _unless_unread(refusal, circle):
            return Outcome(refusal, ask)
        answer = read_answer(self._settings, ask.nonce)
        if refusal := self._refuse_moment(found.ask, lambda live: _moment(found, live, live.open_nonce, answer)):
            return Outcome(refusal, ask, answer)
        return None

    def answer(self, found: FoundAsk, decision: Literal["approve", "reject"], wish: Wish) -> Outcome:
        """Record an answer, or a vote where it takes several, and wake the run."""
        if refused := self.refuse(found, wish.person, decision):
            return refused
        ask = found.ask
        if decision == "approve" and self._quorum(ask) > 1:
            return self._vote(found, wish)
        return self._record(ask, self._new(ask, decision, wish))

    def be_present(self, found: FoundRollCall, wish: Wish) -> Outcome:
        """Record that a person is on duty."""
        call, rules = found.call, self.rules.now()
        circle = self.rules.behind(rules.on_duty)
        asked = frozenset(rules.person(name) for name in call.allowed)
        refusal = _unless_unread(refuse_presence(call, wish.person, circle.ids, asked), circle)
        refusal = refusal or self._refuse_moment(call, lambda live: _moment(found, live, live.open_call))
        if refusal:
            return Outcome(refusal, call=call)
        mine = Presence(nonce=call.nonce, by=wish.person.id, door=wish.door, at=datetime.now(UTC))
        is_new = record_presence(self._settings, mine)
        present = self.present(call)
        about = {"have": str(len(present)), "need": str(call.needed)}
        told = Did.PRESENT if is_new else Refusal(why=Why.PRESENT, found=about)
        return Outcome(told, voters=present, about=about, call=call)

    def present(self, call: RollCall) -> tuple[str, ...]:
        """Return who of those who were asked is on duty."""
        return tuple(each.by for each in read_present(self._settings, call.nonce) if each.by in call.allowed)

    def roll_back(self, release_id: str, wish: Wish) -> Outcome:
        """Bring a release home, at any time: its open question is answered, and the wish is kept beside it."""
        circle = self.rules.behind(self.rules.now().everybody)
        if refusal := _unless_unread(refuse_roll_back(wish.person, self._settings.name, circle.ids), circle):
            return Outcome(refusal)
        live = self._watch.look()
        if not release_id or live.release_id != release_id:
            return Outcome(Refusal(why=Why.OVER))
        stop = Stop(by=wish.person.id, reason=wish.reason or "pressed the button", at=datetime.now(UTC), door=wish.door)
        counted = ask_to_stop(self._settings, release_id, stop)
        ask, answer = self._answer_open(live, wish)
        if not live.alive:
            return Outcome(Did.NOBODY_HEARS, ask, answer, about={"environment": self._settings.name})
        about = {"release": release_id, "who": counted.by, "environment": self._settings.name}
        return Outcome(Did.STOP_ASKED if counted == stop else Did.STOP_ASKED_BEFORE, ask, answer, about=about)

    def settle(self, found: FoundAsk) -> Answer | None:
        """Write the yes of a question whose quorum is there; return its answer, or None while it is open."""
        ask = found.ask
        voices = self._voices(ask)
        votes = [vote for vote in read_votes(self._settings, ask.nonce) if vote.by in voices]
        if len(votes) < self._quorum(ask) or found.expired:
            return read_answer(self._settings, ask.nonce)
        # Minutes may lie between the first yes and the last: each one's account is looked at again before it counts.
        votes = [vote for vote in votes if vote.door == "cli" or self.colleagues.is_one(vote.by)]
        if len(votes) < self._quorum(ask):
            return read_answer(self._settings, ask.nonce)
        last = votes[-1]
        door: Door = "cli" if last.door == "cli" else "slack"
        return record_answer(
            self._settings,
            Answer(
                nonce=ask.nonce,
                decision="approve",
                by=last.by,
                door=door,
                at=last.at,
                voters=tuple(vote.by for vote in votes),
            ),
        )

    def voters(self, ask: Ask) -> tuple[str, ...]:
        """Return whose yes to a question counts so far."""
        return tuple(vote.by for vote in read_votes(self._settings, ask.nonce) if vote.by in self._voices(ask))

    def _vote(self, found: FoundAsk, wish: Wish) -> Outcome:
        ask = found.ask
        mine = Vote(nonce=ask.nonce, by=wish.person.id, door=wish.door, at=datetime.now(UTC))
        is_new = cast_vote(self._settings, mine)
        answer, voters = self.settle(found), self.voters(ask)
        if answer is None:
            have = {"have": str(len(voters)), "need": str(self._quorum(ask))}
            told = Did.COUNTED if is_new else Refusal(why=Why.VOTED, found=have)
            return Outcome(told, ask, voters=voters, about=have)
        return self._counted(ask, answer, is_mine=wish.person.id in answer.voters)

    def _record(self, ask: Ask, wanted: Answer) -> Outcome:
        answer = record_answer(self._settings, wanted)
        return self._counted(ask, answer, is_mine=answer == wanted)

    def _counted(self, ask: Ask, answer: Answer, *, is_mine: bool) -> Outcome:
        self._wake(ask.flow_run_id, LOOK)
        if not is_mine:
            return Outcome(answered_before(answer), ask, answer)
        weights = {"before": str(ask.from_weight), "after": str(ask.to_weight)}
        about = {"version": ask.version, "environment": ask.environment, **weights}
        return Outcome(_did(ask, answer), ask, answer, about=about)

    def _answer_open(self, live: Live, wish: Wish) -> tuple[Ask | None, Answer | None]:
        found = find_ask(self._settings, live.open_nonce)
        if found is None:
            return None, None
        answer = record_answer(self._settings, self._new(found.ask, "roll_back", wish))
        self._wake(found.ask.flow_run_id, LOOK)
        return found.ask, answer

    def _refuse_moment(self, ask: Ask | RollCall, moment: Callable[[Live], Moment]) -> Refusal | None:
        """Look again before saying that a question is stale: it may be newer than our last look."""
        for max_age_s in (FRESH_S, 0.0):
            refusal = refuse_moment(ask, moment(self._watch.look(max_age_s)))
            if refusal is None or refusal.why in {Why.ANSWERED, Why.EXPIRED}:
                return refusal
        return refusal

    def _rule(self, ask: Ask) -> Rule:
        approval = self.rules.now().at(ask.to_weight)
        return Rule(
            allowed=self.rules.behind(approval.approvers).ids,
            requester=approval.person(ask.requested_by),
            allow_requester=approval.allow_requester,
        )

    def _asked(self, ask: Ask) -> frozenset[str]:
        return frozenset(self.rules.now().person(name) for name in ask.allowed)

    def _voices(self, ask: Ask) -> frozenset[str]:
        return voices(self._rule(ask), self._asked(ask))

    def _quorum(self, ask: Ask) -> int:
        """Return how many people it takes: the stricter of what was asked and what is set now."""
        return max(ask.quorum, self.rules.now().at(ask.to_weight).quorum)

    def _new(self, ask: Ask, decision: Literal["approve", "reject", "roll_back"], wish: Wish) -> Answer:
        return Answer(
            nonce=ask.nonce,
            decision=decision,
            by=wish.person.id,
            door=wish.door,
            at=datetime.now(UTC),
            reason=wish.reason,
        )


def _moment(found: FoundAsk | FoundRollCall, live: Live, open_nonce: str, answer: Answer | None = None) -> Moment:
    return Moment(
        answer=answer, expired=found.expired, release_id=live.release_id, open_nonce=open_nonce, alive=live.alive
    )


def _unless_unread(refusal: Refusal | None, circle: Circle) -> Refusal | None:
    """Say that a group could not be read instead of telling somebody who may be in it that they are not."""
    if refusal and circle.trouble and refusal.why in {Why.NOBODY, Why.NOT_ALLOWED}:
        return Refusal(why=Why.UNSURE, found={"cause": circle.trouble})
    return refusal


def _did(ask: Ask, answer: Answer) -> Did:
    if ask.subject == "restore":
        return Did.RESTORE_APPROVED if answer.decision == "approve" else Did.RESTORE_REJECTED
    return Did.APPROVED if answer.decision == "approve" else Did.REJECTED
