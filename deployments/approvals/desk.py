"""Decide about clicks for one environment: where they came from, who pressed, and what it does (safety I19)."""

import logging
import time
from collections.abc import Callable
from enum import Enum
from typing import Literal

from deployments.approvals.answering import Answering, Outcome, Wish
from deployments.approvals.clicks import Click
from deployments.approvals.inbox import Inbox
from deployments.approvals.replies import Replies
from deployments.approvals.waking import wake
from deployments.approvals.watch import Watch
from flows.core.answers import Person, Place, Refusal, Why, refuse_person, refuse_place
from tasks.ask_message import ROLL_BACK_NOW
from tasks.asks import FoundAsk, find_ask
from tasks.clients.slack import Home
from tasks.errors import ReleaseError
from tasks.log_lines import about
from tasks.presence import find_roll_call
from tasks.roll_call_message import ON_DUTY
from tasks.settings import Settings

log = logging.getLogger("greenflow.approvals")


OnDecided = Callable[[Click, Outcome | None, float], object]
"""Hears of every click what became of it, and how many seconds that took."""


class Kept(Enum):
    """Say whether a click lies in the inbox: now, or since it came before; what cannot count is not kept."""

    NEW = "new"
    BEFORE = "before"
    NOT = "not"


class Desk:
    """Keep, decide and answer the clicks of one environment."""

    def __init__(self, settings: Settings, on_decided: OnDecided = lambda *_: None) -> None:
        self.settings = settings
        self.inbox = Inbox(settings)
        self.watch = Watch(settings)
        self.answering = Answering(settings, self.watch, wake)
        self._replies = Replies(settings, self.answering)
        self._ours: set[str] = set()
        self._on_decided = on_decided

    def keep(self, click: Click) -> Kept:
        """Keep a click that may count where a restart finds it; raises RemoteError."""
        if not self._may_count(click):
            return Kept.NOT
        self._ours.add(click.id)
        return Kept.NEW if self.inbox.keep(click) else Kept.BEFORE

    def has_taken(self, click: Click) -> bool:
        """Tell whether this very process took a click: then it decides about it, however long that takes."""
        return click.id in self._ours

    def knows(self, click: Click) -> bool:
        """Tell whether the click is about a question or the release of this environment; raises RemoteError."""
        if click.action == ON_DUTY:
            return find_roll_call(self.settings, click.value) is not None
        return find_ask(self.settings, click.value) is not None or self.watch.look(1).state.release_id == click.value

    def decide(self, click: Click, *, kept: Kept) -> Outcome | None:
        """Let a click do what it does and tell the person; returns None while they give their reason. Never raises."""
        began_s = time.monotonic()
        with about(self._facts):
            outcome = self._decided(click)
            self._on_decided(click, outcome, time.monotonic() - began_s)
            if outcome is not None:
                self._replies.tell(click, outcome)
            if kept is not Kept.NOT:
                self._finish(click)
        return outcome

    def _facts(self) -> dict[str, str]:
        """Return what every line of the log about a click should tell."""
        return {"environment": self.settings.name, "release_id": self.watch.release_id}

    def _decided(self, click: Click) -> Outcome | None:
        try:
            return self._decide(click)
        except ReleaseError as error:
            return Outcome(Refusal(why=Why.UNSURE, found={"cause": str(error)}))
        except Exception:
            log.exception("a click could not be decided about")
            return Outcome(Refusal(why=Why.UNSURE, found={"cause": "an error of ours, see the log"}))

    def _decide(self, click: Click) -> Outcome | None:
        home = self.answering.colleagues.home()
        here = Place(app_id=home.app_id, team_id=home.team_id, channel=self.settings.slack.channel)
        if refusal := refuse_place(click.place, here):
            return Outcome(refusal)
        return self._act(click, home)

    def _act(self, click: Click, home: Home) -> Outcome | None:
        match click.action:
            case "approve":
                return self._answer(click, "approve", home)
            case "reject":
                return self._answer(click, "reject", home) if click.is_submission else self._ask_reason(click)
            case "roll_back":
                return self._roll_back(click, self._release_of(click), home)
            case action if action == ON_DUTY:
                return self._be_present(click, home)
            case action if action == ROLL_BACK_NOW:
                return self._roll_back(click, click.value, home)
            case _:
                return Outcome(Refusal(why=Why.UNKNOWN_BUTTON))

    def _answer(self, click: Click, decision: Literal["approve", "reject"], home: Home) -> Outcome:
        found = self._find(click)
        if found is None:
            return Outcome(Refusal(why=Why.UNKNOWN_ASK))
        person = self._person(click)
        if refusal := refuse_person(person, home.team_id):
            return Outcome(refusal)
        return self.answering.answer(found, decision, Wish(person, "slack", click.reason))

    def _be_present(self, click: Click, home: Home) -> Outcome:
        found = find_roll_call(self.settings, click.value)
        if found is None or found.call.environment != self.settings.name:
            return Outcome(Refusal(why=Why.UNKNOWN_ASK))
        person = self._person(click)
        if refusal := refuse_person(person, home.team_id):
            return Outcome(refusal)
        return self.answering.be_present(found, Wish(person, "slack"))

    def _ask_reason(self, click: Click) -> Outcome | None:
        """Open the form at once, while Slack still lets us; who submits it is looked at then."""
        found = self._find(click)
        if found is None:
            return Outcome(Refusal(why=Why.UNKNOWN_ASK))
        if refused := self.answering.refuse(found, self._named(click), "reject"):
            return refused
        self._replies.ask_reason(click, found.ask)
        return None

    def _roll_back(self, click: Click, release_id: str, home: Home) -> Outcome:
        if not release_id:
            return Outcome(Refusal(why=Why.UNKNOWN_ASK))
        person = self._person(click)
        if refusal := refuse_person(person, home.team_id):
            return Outcome(refusal)
        return self.answering.roll_back(release_id, Wish(person, "slack", click.reason))

    def _release_of(self, click: Click) -> str:
        found = self._find(click)
        return found.ask.release_id if found else ""

    def _find(self, click: Click) -> FoundAsk | None:
        found = find_ask(self.settings, click.value)
        return found if found and found.ask.environment == self.settings.name else None

    def _person(self, click: Click) -> Person:
        return self.answering.colleagues.look_up(self._named(click), click.user_id)

    def _named(self, click: Click) -> Person:
        return Person(id=self.answering.rules.now().person(click.user_id), name=click.user_name)

    def _may_count(self, click: Click) -> bool:
        """Tell whether a click is worth keeping: strangers and unknown questions are refused without a trace.

        A reject that still needs its reason is not kept: a form that did not open is pressed for again.
        """
        rules = self.answering.rules
        circle = rules.behind(rules.now().on_duty if click.action == ON_DUTY else rules.now().everybody)
        if rules.now().person(click.user_id) not in circle.ids:
            return False
        if click.action == "reject" and not click.is_submission:
            return False
        return self.knows(click)

    def _finish(self, click: Click) -> None:
        """Remember that it is decided; what could not be checked was told so, and is pressed again."""
        try:
            self.inbox.finish(click)
        except ReleaseError as error:
            log.warning("a click will be looked at again after a restart: %s", error)
