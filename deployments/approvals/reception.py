"""Take clicks from the doors, bring each to its environment's desk, and say when it may be acknowledged."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from deployments.approvals.clicks import Click
from deployments.approvals.desk import Desk, Kept
from tasks.errors import ReleaseError

log = logging.getLogger("greenflow.approvals")

AT_ONCE = 16
ACKNOWLEDGE_WITHIN_S = 2.0
"""Slack gives three seconds; a ledger that takes longer than this is told about privately instead."""


class Reception:
    """Work on clicks in threads: acknowledging waits until a click is kept, never until it is decided."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="click")

    def take(self, click: Click, desks: Sequence[Desk]) -> "Future[None]":
        """Begin with a click and return what is done as soon as a crash could not lose it any more."""
        safe: Future[None] = Future()
        self._pool.submit(self._work, click, desks, safe)
        return safe

    def close(self) -> None:
        """End when all that was taken is decided."""
        self._pool.shutdown(wait=True)

    def _work(self, click: Click, desks: Sequence[Desk], safe: "Future[None]") -> None:
        desk, kept = desks[0], Kept.NOT
        try:
            desk = _desk_of(click, desks)
            kept = desk.keep(click)
        except ReleaseError as error:
            log.warning("a click could not be kept: %s", error)
        except Exception:
            log.exception("a click could not be kept")
        finally:
            safe.set_result(None)
        if kept is not Kept.BEFORE:
            desk.decide(click, kept=kept)


def _desk_of(click: Click, desks: Sequence[Desk]) -> Desk:
    """Return the desk of the click's channel; several may share one, and then the question tells them apart."""
    here = [desk for desk in desks if desk.settings.slack.channel == click.place.channel]
    if len(here) > 1:
        return next((desk for desk in here if desk.knows(click)), here[0])
    return here[0] if here else desks[0]
