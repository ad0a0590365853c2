"""Finish what an earlier process of this service left half done, and keep looking while it runs.

Killed between keeping a click and deciding: the click is decided now. Killed between the last vote and the answer:
the answer is written. Killed between the answer and the resume: the run is resumed, until its ledger shows the answer.
"""

import logging
import threading
import time
from datetime import UTC, datetime

from deployments.approvals.desk import Desk, Kept
from deployments.approvals.waking import wake
from deployments.approvals.watch import Live
from flows.core.asking import LOOK
from tasks.asks import FoundAsk, find_ask, read_answer
from tasks.errors import ReleaseError

log = logging.getLogger("greenflow.approvals")

TOO_OLD_S = 300.0
"""After this long a person has pressed again or changed their mind."""


class Caretaker:
    """Look after one environment in a thread of its own, every ``approval.poll_s`` seconds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._recovered: set[str] = set()
        self._over = threading.Event()
        self._looked_s = time.monotonic()
        self._open = ""
        self._thread = threading.Thread(target=self._run, name=f"caretaker-{desk.settings.name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is under way."""
        self._over.set()
        self._thread.join()

    @property
    def environment(self) -> str:
        """Return the name of what it looks after."""
        return self._desk.settings.name

    @property
    def blind_s(self) -> float:
        """Return for how long the ledger could not be read."""
        return time.monotonic() - self._looked_s

    @property
    def open_nonce(self) -> str:
        """Return the question that was open at the last look, or an empty string."""
        return self._open

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.look_after()
                self._looked_s = time.monotonic()
            except ReleaseError as error:
                log.warning("could not look after %s: %s", self._desk.settings.name, error)
            except Exception:
                log.exception("could not look after %s", self._desk.settings.name)
            self._over.wait(self._desk.settings.approval.poll_s)

    def look_after(self) -> None:
        """Look once; raises RemoteError."""
        live = self._desk.watch.look()
        self._open = live.open_nonce
        if live.release_id:
            self._recover(live)
        found = find_ask(self._desk.settings, live.open_nonce)
        if found and live.alive:
            self._go_on(found)

    def _recover(self, live: Live) -> None:
        """Decide about what an earlier process kept and never decided: once a question, roll call or release."""
        for subject in (live.release_id, live.open_nonce, live.open_call):
            if not subject or subject in self._recovered:
                continue
            for click in self._desk.inbox.left(subject):
                if self._desk.has_taken(click):
                    continue
                age_s = (datetime.now(UTC) - click.at).total_seconds()
                log.info("found a click that an earlier process was killed over, %.0f s ago", age_s)
                if age_s < TOO_OLD_S:
                    self._desk.decide(click, kept=Kept.BEFORE)
            self._recovered.add(subject)

    def _go_on(self, found: FoundAsk) -> None:
        settings, nonce = self._desk.settings, found.ask.nonce
        answer = read_answer(settings, nonce)
        if answer is None and found.ask.quorum > 1:
            answer = self._desk.answering.settle(found)
        if answer:
            wake(found.ask.flow_run_id, LOOK)
