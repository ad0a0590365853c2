"""Address one side of production, and mark our own requests so that nobody counts them as users' (guide 5.1, 5.4)."""

from tasks.models import ReleasePlan, Side
from tasks.sentences import named, sentence
from tasks.settings import Settings


def probe_headers(settings: Settings, side: Side | None) -> dict[str, str]:
    """Return the headers of a probe; with ``side`` None it goes where any user's request would go."""
    marked = {settings.load_balancer.probe_header: "1"}
    return {**marked, settings.load_balancer.test_header: side.value} if side else marked


def who(plan: ReleasePlan, side: Side | None) -> str:
    """Name whom a probe reaches, for a check."""
    if side is None:
        return named("public API")
    if side is plan.stable:
        return sentence("stable side {side}", side=side.value)
    return sentence("candidate side {side}", side=side.value)
