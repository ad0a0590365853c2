"""Plan a release from what is there: the same plan for the release itself and for `greenflow plan`."""

from flows.core.plan import plan_release
from tasks.capacity import needs_of
from tasks.current_load import load_of
from tasks.live import observe_live
from tasks.models import ReleasePlan
from tasks.settings import Settings
from tasks.source import find_commit


def make_plan(settings: Settings, release_id: str, version: str, requested_by: str) -> ReleasePlan:
    """Look at production and plan; raises what ``plan_release`` raises, PermanentError naming a missing tag."""
    live = observe_live(settings)
    plan = plan_release(
        release_id=release_id,
        version=version,
        environment=settings.name,
        requested_by=requested_by,
        commit=find_commit(settings.source, version),
        live=live,
        phases=settings.rollout.phases,
    )
    needs = needs_of(plan.phases, load_of(settings, live, plan.stable), settings.service.capacity)
    return plan.model_copy(update={"needs": needs})
