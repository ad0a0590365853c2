"""Move traffic to one of the plan's weights, capacity first (guide 3.4; safety I1, I5, I11)."""

import logging
import time

from tasks.capacity import need_for
from tasks.current_load import load_of
from tasks.errors import GateRefused, PermanentError, TransientError
from tasks.homecoming import open_way_home
from tasks.ledger import note
from tasks.live import observe_live
from tasks.models import Check, Live, ReleasePlan, Side, TrafficProof, Weights
from tasks.retries import REPEATABLE
from tasks.sentences import joined, sentence
from tasks.settings import Settings
from tasks.stage import stage
from tasks.waits import wait_until
from tasks.weights import shift_weights

log = logging.getLogger("greenflow.traffic")


@stage("3.4 shift traffic", REPEATABLE)
def shift_traffic(settings: Settings, plan: ReleasePlan, weight: int) -> TrafficProof:
    """Give the candidate ``weight`` percent, the next of the plan's weights, and return what was read back.

    Raises GateRefused when a side that is to serve has too few healthy targets, and PermanentError when the weights
    before were not those of the phase before: somebody else moved traffic, and nothing was overwritten.
    """
    started_s = time.monotonic()
    before, wanted = weights_around(plan, weight)
    checks = wait_for_capacity(settings, plan, wanted)
    open_way_home(settings)
    weights = shift_weights(settings, wanted, allowed_before=(before,))
    note("traffic.shifted", {"weights": weights.model_dump()})
    log.info("traffic is at %s", weights)
    read_back = Check.of("weights read back", ok=weights == wanted, found=weights, expected=wanted)
    return TrafficProof(checks=(*checks, read_back), weights=weights, took_s=round(time.monotonic() - started_s, 3))


def weights_around(plan: ReleasePlan, weight: int) -> tuple[Weights, Weights]:
    """Return the weights of the phase before and those of ``weight``; raises PermanentError if no phase has it."""
    if weight not in plan.phases:
        phases = ", ".join(str(phase) for phase in plan.phases)
        msg = sentence(
            "could not shift traffic: found weight {weight}, expected one of the plan's {phases}",
            weight=weight,
            phases=phases,
        )
        raise PermanentError(msg)
    before = (0, *plan.phases)[plan.phases.index(weight)]
    return Weights.giving(plan.candidate, before), Weights.giving(plan.candidate, weight)


def wait_for_capacity(settings: Settings, plan: ReleasePlan, wanted: Weights) -> tuple[Check, ...]:
    """Return the checks when every side with traffic has enough healthy targets.

    Waits ``load_balancer.read_back_s`` for a target that is only just starting; raises GateRefused after that.
    """
    last: list[tuple[Check, ...]] = [()]

    def look() -> tuple[Check, ...] | None:
        last[0] = capacity_checks(settings, plan, observe_live(settings), wanted)
        return last[0] if all(check.outcome == "passed" for check in last[0]) else None

    section = settings.load_balancer
    try:
        return wait_until(look, what="enough healthy targets", deadline_s=section.read_back_s, poll_s=section.poll_s)
    except TransientError as error:
        if not last[0]:
            raise  # nothing was seen at all: that is no answer, let alone a no
        failed = tuple(check for check in last[0] if check.outcome == "failed")
        msg = sentence(
            "capacity refused: {checks}; traffic stays where it is",
            checks=joined("; ", (check.line for check in failed)),
        )
        raise GateRefused(msg, gate="capacity", checks=failed) from error


def capacity_checks(settings: Settings, plan: ReleasePlan, live: Live, wanted: Weights) -> tuple[Check, ...]:
    """Check that each side that is to get traffic has the targets for it, at the load of this moment (I1)."""
    load = load_of(settings, live, plan.stable)
    serving = [side for side in Side if wanted.of(side) > 0]
    needs = {side: need_for(wanted.of(side), load, settings.service.capacity) for side in serving}
    return tuple(
        Check.of(
            sentence("healthy targets of side {side} for {weight} %", side=side, weight=need.weight),
            ok=live.of(side).healthy_targets >= need.tasks,
            found=live.of(side).healthy_targets,
            expected=f">= {need.tasks}",
            note=need.why,
        )
        for side, need in needs.items()
    )
