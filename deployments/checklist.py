"""Ask the whole checklist without a release: every row side by side, by reading only."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flows.core.checklist import insist_on_answers
from flows.core.gates import Gate, gate
from tasks.checklist.rows import Row, RowProof
from tasks.checklist.subject import Subject, find_subject
from tasks.errors import RemoteError
from tasks.preflight import VERIFIED, ask_row, unanswerable, verify_ground
from tasks.settings import Settings

AT_ONCE = 6


@dataclass(frozen=True)
class Verified:
    """Hold what the checklist was asked about, what every row found, and the gate's decision."""

    environment: str
    subject: Subject
    proofs: tuple[RowProof, ...]
    decision: Gate


def verify_checklist(settings: Settings, version: str) -> Verified:
    """Ask every row about a version, or about the one staging runs; nothing is touched.

    Raises SettingsError when the ground is not as the settings say it or nobody names a version, PermanentError when
    the version has no tag.
    """
    ground = RowProof(row=Row.GROUND, checks=verify_ground(settings).checks)
    with tempfile.TemporaryDirectory(prefix="greenflow-verify-") as folder:
        subject = find_subject(settings, version, Path(folder))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = pool.map(lambda row: _asked(settings, row, subject), VERIFIED)
            proofs = insist_on_answers((ground, *answers), settings.checklist.tolerate)
    return Verified(settings.name, subject, proofs, gate("checklist", proofs))


def _asked(settings: Settings, row: Row, subject: Subject) -> RowProof:
    try:
        return ask_row(settings, row, subject)
    except RemoteError as error:
        return unanswerable(row, error)
