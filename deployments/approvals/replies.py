"""Talk to the person who clicked, and keep the message they clicked true; nothing here changes a decision (I28)."""

import logging
import threading
from collections.abc import Callable

from deployments.approvals.answering import Answering, Outcome
from deployments.approvals.clicks import Carried, Click
from flows.core.answers import Refusal, Why
from tasks.ask_message import (
    ROLL_BACK_NOW,
    ask_blocks,
    ask_text,
    closed_blocks,
    closed_text,
    dead_blocks,
    reason_modal,
    release_blocks,
)
from tasks.asks import read_answer
from tasks.clients.slack import escaped, open_modal
from tasks.clients.slack_replies import answer_privately, replace_clicked
from tasks.errors import ReleaseError
from tasks.models import Ask, RollCall
from tasks.roll_call_message import closed_roll_call_blocks, roll_call_blocks, roll_call_text
from tasks.settings import Settings

log = logging.getLogger("greenflow.approvals")

DEAD = frozenset({Why.OVER, Why.STALE})


class Replies:
    """Answer clicks of one environment in its language."""

    def __init__(self, settings: Settings, answering: Answering) -> None:
        self._settings = settings
        self._answering = answering
        self._language = settings.language
        # One change of a message at a time: an older picture must not come after a newer one.
        self._showing = threading.Lock()

    def tell(self, click: Click, outcome: Outcome) -> None:
        """Tell the person privately what became of their click, and show it in the message."""
        sentence = self._sentence(outcome)
        log.info("%s of %s: %s", click.action, click.user_id, sentence)
        if not click.response_url:
            return
        with self._showing:
            _quietly(lambda: self._show(click, outcome))
        _quietly(lambda: answer_privately(self._settings, click.response_url, sentence))

    def ask_reason(self, click: Click, ask: Ask) -> None:
        """Open the form for a reason; raises RemoteError when Slack does not."""
        carried = Carried(nonce=ask.nonce, channel=click.place.channel, response_url=click.response_url)
        open_modal(self._settings, click.trigger_id, reason_modal(ask, self._language, carried.model_dump()))

    def _sentence(self, outcome: Outcome) -> str:
        """Take the power out of what people and settings brought into a sentence."""
        told = outcome.told
        if isinstance(told, Refusal):
            found = {name: escaped(value) for name, value in told.found.items()}
            return Outcome(told.model_copy(update={"found": found})).sentence(self._language)
        about = {name: escaped(value) for name, value in outcome.about.items()}
        return Outcome(told, about=about).sentence(self._language)

    def _show(self, click: Click, outcome: Outcome) -> None:
        why = outcome.told.why if isinstance(outcome.told, Refusal) else None
        if click.action == ROLL_BACK_NOW:
            if why in {None, Why.OVER}:
                self._show_release(click, outcome)
        elif outcome.call:
            self._show_call(click, outcome.call)
        elif outcome.ask:
            self._show_ask(click, outcome, outcome.ask, is_dead=why in DEAD)

    def _show_call(self, click: Click, call: RollCall) -> None:
        """Show who is on duty; when enough are, without the button."""
        present = self._answering.present(call)
        write = closed_roll_call_blocks if len(present) >= call.needed else roll_call_blocks
        if present and call.nonce == click.value:
            text = escaped(roll_call_text(call, self._language))
            replace_clicked(self._settings, click.response_url, text, write(call, self._language, present))

    def _show_release(self, click: Click, outcome: Outcome) -> None:
        """Take the button from a release's message that has been pressed, or that is over."""
        text = click.message_text.strip() or click.value
        blocks = release_blocks(click.value, f"{text}\n{outcome.sentence(self._language)}", self._language, over=True)
        replace_clicked(self._settings, click.response_url, escaped(text), blocks)

    def _show_ask(self, click: Click, outcome: Outcome, ask: Ask, *, is_dead: bool) -> None:
        """Show the answer instead of the buttons, or the votes above them; without news leave the message alone."""
        if outcome.ask and outcome.ask.nonce != click.value:
            return
        words = self._language
        answer = read_answer(self._settings, ask.nonce)
        if answer:
            text, blocks = closed_text(ask, answer, words), closed_blocks(ask, answer, words)
        elif is_dead:
            text, blocks = ask_text(ask, words), dead_blocks(ask, words, outcome.sentence(words))
        elif outcome.voters:
            text, blocks = ask_text(ask, words), ask_blocks(ask, words, self._answering.voters(ask))
        else:
            return
        replace_clicked(self._settings, click.response_url, escaped(text), blocks)


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except ReleaseError as error:
        log.warning("a person was not told: %s", error)
    except Exception:
        log.exception("a person was not told")
