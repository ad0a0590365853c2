"""Checklist: every row of it, asked before anything is touched (guide, the checklist before a release)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tasks.alarm_checks import check_monitoring
from tasks.cache_checks import check_cache
from tasks.checklist.audit import check_audit
from tasks.checklist.channel import check_channel
from tasks.checklist.drift import check_drift
from tasks.checklist.drills import check_drills
from tasks.checklist.e2e import check_e2e
from tasks.checklist.ground import look_at_ground
from tasks.checklist.performance import check_performance
from tasks.checklist.reach import check_reach
from tasks.checklist.rows import Row, RowProof
from tasks.checklist.staging import check_staging
from tasks.checklist.statements import check_recovery, check_training
from tasks.checklist.subject import Subject
from tasks.checklist.window import check_window
from tasks.database_checks import check_database
from tasks.errors import ReleaseError, SettingsError, TransientError, UnknownOutcome
from tasks.models import Check, Evidence
from tasks.sentences import sentence
from tasks.settings import Settings

Look = Callable[[Settings, Subject], tuple[Check, ...]]


def verify_ground(settings: Settings) -> Evidence:
    """Check account, buckets, secrets and the listener rule by reading only.

    Raises SettingsError with one line a wrong key. Runs before the lease is asked for, so nothing is touched.
    """
    checks, wrong = look_at_ground(settings)
    if wrong:
        raise SettingsError("\n".join(str(error) for error in wrong.values()))
    return Evidence(checks=tuple(checks))


def check_migration(_: Settings, __: Subject) -> tuple[Check, ...]:
    """Say where the migration is tried: its proof needs the dump that the release itself makes."""
    why = sentence("tried inside the release, on the restored dump, before the schema is touched")
    return (Check.skipped("migration tested", why),)


def check_duty(_: Settings, __: Subject) -> tuple[Check, ...]:
    """Say where people are counted: a roll call asks them, and verifying asks nobody."""
    return (Check.skipped("people on duty", sentence("asked by the release itself, in Slack")),)


ROWS: Mapping[Row, Look] = MappingProxyType(
    {
        Row.REACH: check_reach,
        Row.DRIFT: check_drift,
        Row.STAGING: check_staging,
        Row.E2E: check_e2e,
        Row.PERFORMANCE: check_performance,
        Row.AUDIT: check_audit,
        Row.MIGRATION: check_migration,
        Row.DRILLS: check_drills,
        Row.MONITORING: lambda settings, _: check_monitoring(settings),
        Row.RECOVERY: check_recovery,
        Row.TRAINING: check_training,
        Row.WINDOW: check_window,
        Row.DUTY: check_duty,
        Row.CHANNEL: check_channel,
    }
)
"""Every row a release asks at its head but the ground, which ``verify_ground`` looks at before anything else."""

VERIFIED: Mapping[Row, Look] = MappingProxyType(
    {
        **ROWS,
        Row.DATABASE: lambda settings, _: check_database(settings),
        Row.CACHE: lambda settings, _: check_cache(settings),
    }
)
"""Every row `greenflow verify` asks: what a release asks by stages of their own, 4.1 and 4.2, only reads, too."""


def ask_row(settings: Settings, row: Row, subject: Subject) -> RowProof:
    """Ask one row; what cannot be found out at all is a failed check.

    Raises TransientError or UnknownOutcome where another try may find it out.
    """
    try:
        return RowProof(row=row, checks=VERIFIED[row](settings, subject))
    except (TransientError, UnknownOutcome):
        raise
    except ReleaseError as error:
        return unanswerable(row, error)


def unanswerable(row: Row, error: ReleaseError) -> RowProof:
    """Return the proof of a row whose question found no answer: never a yes."""
    return RowProof(row=row, checks=(unanswered(str(row), error),))


def unanswered(name: str, error: ReleaseError) -> Check:
    """Return the failed check of a question that found no answer."""
    return Check.of(name, ok=False, found=error, expected=sentence("an answer"))
