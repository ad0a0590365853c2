"""Checklist: ask one row of it as a task of the release (guide, the checklist before a release)."""

import logging

from tasks.checklist.rows import Row, RowProof
from tasks.checklist.subject import Subject
from tasks.preflight import ask_row
from tasks.retries import REPEATABLE
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.checklist")


@stage("0 checklist", REPEATABLE)
def check_row(settings: Settings, row: Row, subject: Subject) -> RowProof:
    """Ask one row; what cannot be found out at all is a failed check.

    Raises TransientError or UnknownOutcome where another try may find it out.
    """
    log.info("checking %s", row)
    return ask_row(settings, row, subject)
