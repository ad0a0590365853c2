"""Run the new version on the idle side at weight 0 (guide 3.2 and 3.3; safety I11, I15, I24)."""

import logging
import time

from tasks.capacity import needs_of
from tasks.current_load import load_of
from tasks.deployment_watch import Settled, await_deployment
from tasks.live import observe_live
from tasks.models import Check, Evidence, ImageProof, PhaseNeed, ReleasePlan, RestorePoint, ServiceProof, Side
from tasks.retries import REPEATABLE
from tasks.scaling import suspend_scaling
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.sides import read_service, scale_side, set_side
from tasks.stage import stage
from tasks.task_definition import register_definition

log = logging.getLogger("greenflow.service")


@stage("3.3 deploy to the idle side", REPEATABLE)
def deploy_service(
    settings: Settings, plan: ReleasePlan, image: ImageProof, restore_point: RestorePoint
) -> ServiceProof:
    """Register the new task definition and run it on the idle side, as many tasks as serve now.

    Raises GateRefused with the reason ECS gives when the tasks do not come up.
    """
    started_s = time.monotonic()
    suspended = suspend_scaling(settings)
    arn = register_definition(
        settings,
        source_arn=restore_point.live.of(plan.stable).task_definition_arn,
        image_uri=image.uri,
        version=plan.version,
        revision=plan.commit,
        release_id=plan.release_id,
    )
    needs = needs_of(plan.phases, load_of(settings, observe_live(settings), plan.stable), settings.service.capacity)
    count = candidate_size(restore_point, needs, read_service(settings, plan.stable).get("runningCount", 0))
    log.info("side %s gets %d tasks of %s", plan.candidate, count, arn)
    recorded = restore_point.live.of(plan.candidate).task_definition_arn
    deployment_id = set_side(settings, plan.candidate, task_definition_arn=arn, count=count, allowed_before=(recorded,))
    settled = await_deployment(settings, plan.candidate, deployment_id=deployment_id, task_definition_arn=arn)
    proof = _proof(settings, plan.candidate, settled, image.digest, suspended, time.monotonic() - started_s)
    return proof.model_copy(update={"checks": (*proof.checks, *phase_checks(needs, settled.healthy_targets))})


@stage("3.3 scale a side down", REPEATABLE)
def scale_down_side(settings: Settings, side: Side, count: int) -> Evidence:
    """Take the tasks of a side that serves nobody any more down to ``count``; for the cleanup."""
    found = scale_side(settings, side, count)
    name = sentence("tasks wanted on side {side}", side=side)
    return Evidence(checks=(Check.of(name, ok=found == count, found=found, expected=count),))


def candidate_size(restore_point: RestorePoint, needs: tuple[PhaseNeed, ...], running_count: int) -> int:
    """Return how many tasks the candidate gets: what serves now, what served before, and what every phase needs."""
    recorded = restore_point.live.of(restore_point.stable).desired_count
    return max(running_count, recorded, *(need.tasks for need in needs))


def phase_checks(needs: tuple[PhaseNeed, ...], healthy_targets: int) -> tuple[Check, ...]:
    """Check the candidate's size against each phase of the canary."""
    return tuple(
        Check.of(
            sentence("tasks for {weight} % of the traffic", weight=need.weight),
            ok=healthy_targets >= need.tasks,
            found=healthy_targets,
            expected=f">= {need.tasks}",
            note=need.why,
        )
        for need in needs
    )


def _proof(
    settings: Settings, side: Side, settled: Settled, digest: str, suspended: tuple[str, ...], took_s: float
) -> ServiceProof:
    return ServiceProof(
        checks=(
            Check.of("digest that runs", ok=settled.digests == (digest,), found=settled.digests, expected=digest),
            _scaling_check(suspended),
        ),
        side=side,
        service=settings.sides[side].service,
        task_definition_arn=settled.task_definition_arn,
        digest=digest,
        deployment_id=settled.deployment_id,
        running_count=settled.running_count,
        healthy_targets=settled.healthy_targets,
        took_s=round(took_s, 3),
    )


def _scaling_check(suspended: tuple[str, ...]) -> Check:
    if not suspended:
        return Check.skipped("scale-in suspended", "neither service scales by itself")
    return Check.of("scale-in suspended", ok=True, found=", ".join(suspended), expected="every service that scales")
