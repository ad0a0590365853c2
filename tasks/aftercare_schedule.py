"""After: let Prefect look at the release again after 1 h, 24 h and 1 week; found again rather than scheduled twice."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from tasks.aftercare_models import After
from tasks.clients.prefect import create_run, find_deployment, find_run
from tasks.errors import LeaseLost, ReleaseError
from tasks.ledger import effect
from tasks.models import Check, Evidence, ReleasePlan
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.aftercare_schedule")

DEPLOYMENT = "aftercare/aftercare"
KIND = "prefect.schedule"


@stage("after: schedule the aftercare", REPEATABLE)
def schedule_aftercare(settings: Settings, plan: ReleasePlan, shipped_at: datetime) -> Evidence:
    """Schedule the three looks from the moment the release carried everything.

    The release has shipped by now, so nothing here stops it: what could not be scheduled is a failed check that says
    how to look by hand. Raises LeaseLost.
    """
    try:
        deployment = find_deployment(DEPLOYMENT)
    except ReleaseError as error:
        return Evidence(checks=tuple(_failed(plan, after, error) for after in After))
    if deployment is None:
        return Evidence(checks=tuple(_by_hand(plan, after) for after in After))
    return Evidence(checks=tuple(_schedule(settings, plan, deployment, after, shipped_at) for after in After))


def command(plan: ReleasePlan, after: After) -> str:
    """Return the command that looks by hand."""
    where = f"--environment {plan.environment} --release {plan.release_id}"
    return f"greenflow aftercare {where} --after {after}"


def _schedule(settings: Settings, plan: ReleasePlan, deployment: UUID, after: After, shipped_at: datetime) -> Check:
    key = f"{plan.release_id}/{after}"
    due = shipped_at + timedelta(seconds=settings.aftercare.lasts_s(after))
    parameters = {"release_id": plan.release_id, "after": after.value, "environment": plan.environment}

    def act() -> None:
        create_run(deployment, key=key, parameters=parameters, due=due)

    try:
        run = effect(KIND, key, observe=lambda: find_run(key), act=act, data={"due": due.isoformat()})
    except LeaseLost:
        raise
    except ReleaseError as error:
        return _failed(plan, after, error)
    told = sentence("{due} UTC, run {name}", due=f"{run.due or due:%Y-%m-%d %H:%M:%S}", name=run.name)
    log.info("aftercare %s is due at %s", after, told)
    return Check.of(_name(after), ok=True, found=told, expected=sentence("{after} after the release", after=after))


def _failed(plan: ReleasePlan, after: After, error: ReleaseError) -> Check:
    by_hand = sentence("look by hand then: {command}", command=command(plan, after))
    return Check.of(_name(after), ok=False, found=error, expected="scheduled", note=by_hand)


def _by_hand(plan: ReleasePlan, after: After) -> Check:
    why = sentence(
        "this Prefect server has no deployment {deployment}; look by hand then: {command}",
        deployment=DEPLOYMENT,
        command=command(plan, after),
    )
    return Check.skipped(_name(after), why)


def _name(after: After) -> str:
    return sentence("aftercare {after}", after=after)
