"""Look again at a release after 1 h, 24 h and 1 week: the guide's boxes, and at last the retrospective's draft."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.core.aftercare import (
    OF_PRODUCTION,
    Look,
    check_chances,
    check_trend,
    look_text,
    replaced_by,
    tick,
    topics_of,
)
from flows.core.dora import dora
from flows.core.gates import Gate, insist
from flows.core.record import Ending, ReleaseState, fold
from flows.core.report import report_of
from flows.core.retrospective import retrospective
from flows.core.traces import readable
from flows.forms import AfterField, EnvironmentField, ReleaseField
from flows.showing import show_look, show_retrospective
from tasks.aftercare_models import After, Feedback
from tasks.alarm_states import read_alarm_states
from tasks.announcements import announce, thread_of
from tasks.costs import compare_cost
from tasks.data_in_sync import check_data
from tasks.errors import GateRefused, LeaseLost, ReleaseError
from tasks.event_store import EventStore, read_events
from tasks.feedback import ask_for_feedback, gather_feedback
from tasks.health import check_health, check_site
from tasks.journeys import try_journeys
from tasks.ledger import Ledger, note, open_ledger
from tasks.lock import read_lock
from tasks.models import Check, Evidence, ReleasePlan
from tasks.past_releases import read_chains
from tasks.sentences import named, sentence, speaking
from tasks.settings import Settings, load_settings
from tasks.user_traffic import count_user_traffic

log = logging.getLogger("greenflow.aftercare")

LOOKED = "aftercare.looked"
DRAFTED = "retrospective.drafted"

Checks = Sequence[Check]


class Subject(NamedTuple):
    """Hold what is looked at: a release that shipped, its plan, when it did, its thread, and which look this is."""

    state: ReleaseState
    plan: ReleasePlan
    shipped_at: datetime
    thread_ts: str
    after: After
    now: datetime


@flow(name="aftercare", flow_run_name="aftercare {after} of {release_id}", persist_result=False)
def aftercare(
    release_id: ReleaseField, after: AfterField, environment: EnvironmentField = "rehearsal"
) -> Look | State[Look]:
    """Look again at a release that has shipped.

    Args:
        release_id: which release, by its id such as 1.4.0-20261121T030000-beef; its thread and its ledger name it.
        after: which of the guide's three looks; the release schedules them by itself.
        environment: where it was released to, the name of a file in deployments/environments.

    Raises GateRefused when a box of the guide stays empty; nothing is changed, and people are told what can be done.
    """
    try:
        settings = load_settings(environment)
        with speaking(settings.language):
            return look_again(settings, release_id, After(after))
    except ReleaseError as error:
        return Failed(message=str(error), data=error)


def look_again(settings: Settings, release_id: str, after: After) -> Look:
    """Look at a release inside the running flow, write it down, tell people; raises what ``aftercare`` raises."""
    subject = _find(settings, release_id, after)
    version = subject.state.version
    with open_ledger(settings, release_id=release_id, version=version, room="aftercare") as ledger:
        note("aftercare.started", {"after": after, "flow_run_id": str(flow_run.id or "")})
        found = _ask(settings, subject)
        look = Look(
            release_id=release_id,
            version=version,
            environment=settings.name,
            after=after,
            at=subject.now,
            boxes=tick(after, found),
        )
        note(LOOKED, {"look": look.model_dump(mode="json")})
        _tell(settings, subject, look)
        if after is After.WEEK:
            _draft(settings, subject, ledger)
    show_look(look)
    insist(Gate(name=f"aftercare {after} of {release_id}", checks=look.failed))
    return look


def _find(settings: Settings, release_id: str, after: After) -> Subject:
    """Read the release's ledger; raises GateRefused unless it is one of this environment that shipped."""
    events = read_events(EventStore(settings), release_id)
    state = fold(events)
    if state.plan is None or state.ended_at is None or state.ending is not Ending.SHIPPED:
        how = sentence("a release that is {ending}", ending=named(state.ending.value))
        found = how if events else sentence("no such release in {environment}", environment=settings.name)
        msg = sentence(
            "aftercare refused: {release}: found {found}, expected one that shipped", release=release_id, found=found
        )
        raise GateRefused(msg, gate="aftercare")
    thread = thread_of(events, release_id)
    return Subject(state, state.plan, state.ended_at, thread, after, datetime.now(UTC))


def _ask(settings: Settings, subject: Subject) -> Mapping[str, Checks]:
    """Ask every topic this look needs; what production no longer runs is skipped with the reason."""
    gone = _replaced(settings, subject.state)
    wanted = topics_of(subject.after)
    found: dict[str, Checks] = {}
    for topics, look in _looks(settings, subject).items():
        asked = wanted & set(topics)
        if gone and asked & OF_PRODUCTION:
            found |= {topic: (Check.skipped(topic, gone),) for topic in asked}
        elif asked:
            found |= _answered(topics, look)
    return found


def _looks(settings: Settings, subject: Subject) -> Mapping[tuple[str, ...], Callable[[], Mapping[str, Checks]]]:
    """Name how each topic is asked; one look may answer several."""
    plan = subject.plan
    days = (subject.shipped_at.date(), subject.now.date())
    backup = subject.state.backup
    return {
        ("site",): lambda: {"site": check_site(settings, plan).checks},
        ("api",): lambda: {"api": check_health(settings, plan, None, plan.version).checks},
        ("journey",): lambda: {"journey": try_journeys(settings, plan, None, plan.version).checks},
        ("errors", "speed", "trend"): lambda: _traffic(settings, subject),
        ("alarms",): lambda: {"alarms": read_alarm_states(settings).checks},
        ("database",): lambda: {"database": check_data(settings, backup).checks},
        ("cost",): lambda: {"cost": compare_cost(settings, *days).checks},
        ("feedback",): lambda: {"feedback": _feedback(settings, subject).checks},
        ("chances",): lambda: {"chances": check_chances(report_of(subject.state))},
    }


def _answered(topics: Sequence[str], look: Callable[[], Mapping[str, Checks]]) -> Mapping[str, Checks]:
    """Take a system that cannot be asked for a failed check: not to know is not to be well."""
    try:
        return look()
    except LeaseLost:
        raise
    except ReleaseError as error:
        log.warning("%s", error)
        return {topic: (Check.of(topic, ok=False, found=error, expected="an answer"),) for topic in topics}


def _traffic(settings: Settings, subject: Subject) -> Mapping[str, Checks]:
    seen = count_user_traffic(settings, subject.after, subject.shipped_at, subject.now)
    errors, *speed = seen.checks
    return {"errors": (errors,), "speed": speed, "trend": check_trend(seen, settings.aftercare)}


def _feedback(settings: Settings, subject: Subject) -> Evidence:
    if subject.after is After.WEEK:
        return gather_feedback(settings, subject.thread_ts)
    return ask_for_feedback(settings, subject.plan.release_id, subject.plan.version, subject.thread_ts)


def _replaced(settings: Settings, state: ReleaseState) -> str:
    holder = read_lock(EventStore(settings), settings.name)
    under_way = holder.release_id if holder and holder.state == "held" else ""
    later = [fold(chain) for chain in read_chains(settings, state.opened_at)] if state.opened_at else []
    return replaced_by(state, later, under_way)


def _tell(settings: Settings, subject: Subject, look: Look) -> None:
    before = subject.state.restore_point.stable_version if subject.state.restore_point else ""
    announce(settings, look.release_id, look_text(look, before), thread_ts=subject.thread_ts)


def _draft(settings: Settings, subject: Subject, ledger: Ledger) -> None:
    """Write the retrospective's draft into the ledger and show it."""
    days = settings.aftercare.dora_days
    chains = read_chains(settings, subject.now - timedelta(days=days))
    figures = dora([fold(chain) for chain in chains], until=subject.now, days=days)
    told = (readable(Look, event.data["look"]) for event in ledger.events if event.kind == LOOKED)
    looks = [look for look in told if look]
    text = retrospective(report_of(subject.state), looks, figures, _said(ledger))
    note(DRAFTED, {"markdown": text, "dora": figures.model_dump(mode="json")})
    show_retrospective(subject.plan.release_id, text)


def _said(ledger: Ledger) -> Sequence[tuple[str, str]]:
    """Return what the last look at the thread has gathered."""
    for event in reversed(ledger.events):
        if event.kind == "stage.finished" and event.data["stage"] == "after: gather feedback":
            return Feedback.model_validate(event.data["evidence"]).said
    return ()
