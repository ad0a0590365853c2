"""Release one version to one environment: the parent flow, the DAG of the guide."""

import logging
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State as RunState
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.canary import roll_out
from flows.checklist import NAME as CHECKLIST
from flows.checklist import run_checklist
from flows.core.gates import gate, insist
from flows.core.plan import name_release, sentences
from flows.core.record import Ending, ReleaseState, fold
from flows.core.report import ReleaseReport, report_of
from flows.core.rollout import Rollout, State
from flows.core.wish import Wish
from flows.forms import EnvironmentField, OptionalVersionField, OverrideField, RequestedByField
from flows.hooks import bring_home
from flows.planning import make_plan
from flows.requester import requester
from flows.schedule import name_run, refuse_late
from flows.showing import show_gate, show_report
from flows.stopping import ended_state, hearing_wishes, stopping_politely
from flows.verification import verify_release
from flows.way_home import come_home, end, quietly, traffic_home
from tasks.aftercare_schedule import schedule_aftercare
from tasks.announcements import announce, close_thread, open_thread
from tasks.backup import back_up_database
from tasks.backup_proof import drop_restored
from tasks.build import build_site
from tasks.cache import verify_cache
from tasks.database import verify_database
from tasks.disk import room_for
from tasks.errors import GateRefused, Interrupted, LeaseLost, ReleaseError, RollbackFailed, RolledBack
from tasks.event_store import EventStore, read_events
from tasks.frontend import promote_site, stage_site
from tasks.health import check_health
from tasks.image import prove_image
from tasks.journeys import try_journeys
from tasks.ledger import Ledger, note, open_ledger
from tasks.migration import migrate_database, prepare_migration, try_migration
from tasks.models import (
    FULL_WEIGHT,
    Checkout,
    Evidence,
    ImageProof,
    ReleasePlan,
    RestorePoint,
    Side,
    SiteProof,
    Weights,
)
from tasks.monitoring import keep_alarms
from tasks.performance import prepare_performance
from tasks.preflight import verify_ground
from tasks.restore_point import record_restore_point
from tasks.roll_call import call_roll
from tasks.runs import bind_run, release_of_run
from tasks.scaling import resume_scaling
from tasks.sentences import joined, sentence, speaking
from tasks.sentry import tell_sentry_of_deploy, tell_sentry_of_release
from tasks.service import deploy_service, scale_down_side
from tasks.settings import Settings, load_settings
from tasks.site_rolling import roll_site
from tasks.source import check_out_source
from tasks.stage import proved, record_evidence
from tasks.staged import find_staged
from tasks.waits import shielded
from tasks.weights import read_weights

log = logging.getLogger("greenflow.release")

PARALLEL_STAGES = 8


@flow(
    name="release",
    flow_run_name=name_run,
    persist_result=False,
    on_cancellation=[bring_home],
    on_crashed=[bring_home],
    task_runner=ThreadPoolTaskRunner(max_workers=PARALLEL_STAGES),  # type: ignore[arg-type]  # Prefect's own default
)
def release(
    version: OptionalVersionField = "",
    environment: EnvironmentField = "rehearsal",
    requested_by: RequestedByField = "",
    override: OverrideField = "",
) -> ReleaseReport | RunState[ReleaseReport]:
    """Release a version: checklist, backup, migration, canary with approvals, promotion; or the way back.

    Args:
        version: what to release, such as 1.4.0; its git tag is v1.4.0, its image tag 1.4.0. Empty releases what
            staging runs, and ends well when that is what the environment runs already.
        environment: where to, the name of a file in deployments/environments.
        requested_by: who asks for it, best as a Slack user id: this person may not approve it. Without one the report
            says what started the run, such as the Prefect UI or the schedule, and nobody is excluded.
        override: why it may begin outside of its window; the environment says whether that takes an approval.

    Raises SettingsError or EnvironmentBusy before anything is touched, GateRefused and RolledBack when production is as
    it was, RollbackFailed when a person must act, LeaseLost when another process owns the environment.
    """
    try:
        settings = load_settings(environment)
        if not override:
            refuse_late(settings)
        chosen, why = (version, "") if version else find_staged(settings)
        if not chosen:
            return Completed(message=why)
        return run_release(settings, chosen, requested_by, override)
    except ReleaseError as error:
        # An ending of ours is no bug: the run fails with its sentence instead of a traceback.
        return ended_state(error)


def run_release(settings: Settings, version: str, requested_by: str, override: str = "") -> ReleaseReport:
    """Run a release inside the running flow and return its report when it shipped; raises what ``release`` raises."""
    requested_by = requester(requested_by)
    ground = verify_ground(settings)
    run_id = str(flow_run.id or "")
    if over := _already_over(settings, run_id):
        return _reported(over)
    wish = Wish(version=version, requested_by=requested_by, flow_run_id=run_id, override=override)
    release_id = name_release(version, datetime.now(UTC), secrets.token_hex(2))
    opened = open_ledger(settings, release_id=release_id, version=version)
    with speaking(settings.language), stopping_politely(), opened as ledger:
        asked = {"version": version, "environment": settings.name, "requested_by": requested_by}
        bind_run(EventStore(settings), run_id, ledger.release_id)
        note("release.opened", {**asked, "flow_run_id": run_id, "override": override})
        record_evidence("0 checklist: the ground", ground)
        with hearing_wishes(settings, ledger.release_id, run_id), _folder() as folder:
            _ship_or_come_home(settings, ledger, wish, folder)
        report = report_of(fold(ledger.events))
        with shielded():
            close_thread(settings, ledger.release_id, report.verdict)
        show_report(report)
    return _reported(report)


@contextmanager
def _folder() -> Iterator[Path]:
    with room_for(sentence("make a folder for the release")):
        temporary = tempfile.TemporaryDirectory(prefix="greenflow-release-")
    with temporary as folder:
        yield Path(folder)


def _already_over(settings: Settings, run_id: str) -> ReleaseReport | None:
    """Return the report of a release that this very run has ended before: over is over (safety I8)."""
    store = EventStore(settings)
    release_id = release_of_run(store, run_id)
    state = fold(read_events(store, release_id)) if release_id else ReleaseState()
    return report_of(state) if state.ended else None


def _ship_or_come_home(settings: Settings, ledger: Ledger, wish: Wish, folder: Path) -> Ending:
    before = fold(ledger.events)
    if before.ended:
        return before.ending  # an earlier run died over giving the environment back
    if before.rollout == State.HOMING:
        # An earlier run died on its way home: recovery never goes forward.
        return come_home(settings, ledger, before.rollout_reason, by_people=before.called_back)
    try:
        rollout = _ship(settings, ledger, wish, folder)
    except (LeaseLost, RollbackFailed):
        raise
    except BaseException as error:
        # What a foreign exception says may hold anything, secrets too: people get its name, the log its place.
        reason = (
            str(error)
            if isinstance(error, ReleaseError)
            else sentence("an unexpected {error}, see the log", error=type(error).__name__)
        )
        log.warning("bringing traffic home: %s", reason, exc_info=not isinstance(error, ReleaseError))
        ending = come_home(settings, ledger, reason, by_people=isinstance(error, Interrupted))
        if not isinstance(error, Exception):
            raise
        return ending
    if rollout.state is State.HOMING:
        return come_home(settings, ledger, rollout.reason, by_people=rollout.by_people)
    about = {"version": wish.version, "environment": settings.name, "why": rollout.reason}
    with shielded():
        end(Ending.SHIPPED, rollout.reason)
        told = sentence("{version} carries 100 % of {environment}: {why}", **about)
        announce(settings, ledger.release_id, told, key="shipped")
    return Ending.SHIPPED


def _ship(settings: Settings, ledger: Ledger, wish: Wish, folder: Path) -> Rollout:
    if left := _left_at_all_of_it(settings, fold(ledger.events)):
        return left
    _start_over(settings, ledger)
    plan = _planned(settings, ledger, wish)
    checkout = check_out_source(settings, plan, folder / "source")
    _check_list(settings, ledger, plan, checkout, wish)
    restore_point = record_restore_point(settings, plan)
    _pass("restore point", restore_point)
    plan = plan.model_copy(update={"stable_version": restore_point.stable_version})
    with _people_on_duty(settings, plan):
        site, image = _prepare(settings, plan, checkout)
    _expand_schema(settings, plan, checkout)
    _deploy(settings, plan, image, restore_point)
    alongside = partial(_roll_site, settings, plan, site, restore_point)
    rollout = roll_out(settings, plan, image, wish.flow_run_id, alongside)
    if rollout.state is State.SHIPPED:
        _finish(settings, plan, site, restore_point)
    return rollout


def _start_over(settings: Settings, ledger: Ledger) -> None:
    """Bring traffic home first when an earlier run died with some of it away: the canary starts over."""
    state = fold(ledger.events)
    if state.rollout:
        traffic_home(settings, state)


def _left_at_all_of_it(settings: Settings, state: ReleaseState) -> Rollout | None:
    """Finish what an earlier run left when the judge had said yes at 100 %, and 100 % is what is there.

    The one way in which a release goes forward after a crash: the old side may have been let go since.
    """
    site = proved("2.1 stage the site", SiteProof)
    plan, point = state.plan, state.restore_point
    if state.rollout != State.SHIPPED or plan is None or point is None or site is None:
        return None
    if read_weights(settings) != Weights.giving(plan.candidate, FULL_WEIGHT):
        return None
    _finish(settings, plan, site, point)
    return Rollout(phases=plan.phases, state=State.SHIPPED, phase=state.phase, reason=state.rollout_reason)


def _check_list(settings: Settings, ledger: Ledger, plan: ReleasePlan, checkout: Checkout, wish: Wish) -> None:
    """Pass the checklist once: a release that goes on after a crash did so before its first change."""
    before = fold(ledger.events).gates.get(CHECKLIST)
    if before is None or not before.passed:
        _pass(CHECKLIST, *run_checklist(settings, plan, checkout, wish))


def _planned(settings: Settings, ledger: Ledger, wish: Wish) -> ReleasePlan:
    """Plan once: a release that goes on after a crash keeps its plan, whatever the weights are by now."""
    state = fold(ledger.events)
    if state.plan:
        return state.plan
    plan = make_plan(settings, ledger.release_id, wish.version, wish.requested_by)
    judge = settings.judge_policy.model_dump(mode="json")
    note("release.planned", {"plan": plan.model_dump(mode="json"), "judge": judge})
    open_thread(settings, plan.release_id, joined("\n", sentences(plan)))
    return plan


@contextmanager
def _people_on_duty(settings: Settings, plan: ReleasePlan) -> Iterator[None]:
    """Call the people on duty beside the preparation, and let nothing past it before enough of them are there."""
    over = threading.Event()
    called = call_roll.submit(settings, plan, over)
    try:
        yield
    except BaseException:
        over.set()  # a release that turns back waits for nobody
        wait([called])
        raise
    _pass("people on duty", called.result())


def _prepare(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> tuple[SiteProof, ImageProof]:
    """Build and stage the site, prove the image and the backup, look at the stores and the migration, side by side."""
    built = build_site.submit(settings, plan, checkout)
    image = prove_image.submit(settings, plan, checkout)
    backup = back_up_database.submit(settings, plan, keep_restored=True)
    migration = prepare_migration.submit(settings, plan, checkout)
    stores = [verify_database.submit(settings), verify_cache.submit(settings)]
    # Before any user meets the new version: its side's alarms are there whichever side that is.
    alarms = keep_alarms.submit(settings)
    tools = prepare_performance.submit(settings)
    optional: list[PrefectFuture[Any]] = []  # what no gate looks at
    others: list[PrefectFuture[Any]] = [image, backup, migration, alarms, tools, *stores]
    try:
        _pass("built", built.result())
        optional.append(tell_sentry_of_release.submit(settings, plan, built.result()))
        site = stage_site(settings, plan, built.result())
        tried = try_migration(settings, plan, checkout, backup.result())
    finally:
        wait([built, *others, *optional])  # nothing may still be at work when the release turns back
        with shielded():  # a copy of production's data stays nowhere, whoever asks to stop
            quietly("drop the restored database", lambda: drop_restored(settings, plan.release_id))
    _pass("prepared", site, tried, *(each.result() for each in others))
    return site, image.result()


def _expand_schema(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> None:
    """Expand the schema, then let the old version prove that it still works on it (safety I17)."""
    migration = migrate_database(settings, plan, checkout)
    old = _tried(settings, plan, plan.stable, plan.stable_version, "4.3 the old version on the new schema")
    _pass("schema expanded", migration, *old)


def _deploy(settings: Settings, plan: ReleasePlan, image: ImageProof, restore_point: RestorePoint) -> None:
    """Run the candidate beside the stable side and try it through the test header, before any user meets it."""
    service = deploy_service(settings, plan, image, restore_point)
    new = _tried(settings, plan, plan.candidate, plan.version, "5 the candidate at weight 0")
    _pass("candidate ready", service, *new)


def _tried(settings: Settings, plan: ReleasePlan, side: Side, version: str, who: str) -> tuple[Evidence, Evidence]:
    """Ask one side for its health, then walk a user's journey on it."""
    health = check_health.with_options(name=f"{who}: health")
    journey = try_journeys.with_options(name=f"{who}: a user's journey")
    return health(settings, plan, side, version), journey(settings, plan, side, version)


def _roll_site(
    settings: Settings, plan: ReleasePlan, site: SiteProof, restore_point: RestorePoint, weight: int
) -> None:
    """Let the site follow the API's weights where the environment wants that; its last step is the promotion."""
    if settings.site.rolling and weight != plan.phases[-1]:
        named = roll_site.with_options(name=f"2.1 roll the site out to {weight} %")
        _pass(sentence("site at {weight} %", weight=weight), named(settings, plan, site, restore_point, weight))


def _finish(settings: Settings, plan: ReleasePlan, site: SiteProof, restore_point: RestorePoint) -> None:
    """Give the site its domain, verify everything as users see it, then let the old side go (safety I15)."""
    promoted = promote_site(settings, plan, site, restore_point)
    _pass("verified", promoted, *verify_release(settings, plan))
    # Verified is shipped: what fails from here on is left to people, and brings no traffic to a side that is let go.
    with shielded():
        told = tell_sentry_of_deploy.submit(settings, plan)
        quietly("let the old side go", lambda: scale_down_side(settings, plan.stable, settings.service.idle_count))
        quietly("give autoscaling back", lambda: resume_scaling(settings, restore_point))
        schedule_aftercare(settings, plan, datetime.now(UTC))
        told.wait()


def _pass(name: str, *evidence: Evidence) -> None:
    decision = gate(name, evidence)
    note("gate.decided", {"gate": decision.model_dump(mode="json")})
    show_gate(decision)
    insist(decision)


def _reported(report: ReleaseReport) -> ReleaseReport:
    """Return the report of a release that shipped; raises its ending when it did not."""
    if report.ending is Ending.SHIPPED:
        return report
    if report.ending is Ending.REFUSED:
        raise GateRefused(report.verdict)
    if report.ending is Ending.STUCK:
        raise RollbackFailed(report.verdict)
    raise RolledBack(report.verdict, by_people=report.ending is Ending.REJECTED)
