"""2.1 Give the site's new version the share of visitors that the API's has, by Vercel's rolling release (guide 2.1).

Optional. The API moves first, so that a page that knows the new API meets at least that share of it; both versions of
the page must work with both versions of the API. The last weight is given by the promotion, after the last bake.
"""

import logging

from tasks.clients.vercel import RollingRelease, Vercel, open_vercel
from tasks.errors import GateRefused
from tasks.ledger import effect
from tasks.models import Check, Evidence, ReleasePlan, RestorePoint, SiteProof
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.site")


@stage("2.1 roll the site out", REPEATABLE)
def roll_site(
    settings: Settings, plan: ReleasePlan, site: SiteProof, restore_point: RestorePoint, weight: int
) -> Evidence:
    """Give the staged deployment ``weight`` percent of the visitors, one of the plan's weights below the last.

    Raises GateRefused when somebody else's rolling release is active, UnknownOutcome when the change is not seen,
    RemoteError when Vercel fails or refuses, as it does where the project's plan has no rolling releases.
    """
    index = plan.phases.index(weight)
    with open_vercel(settings.site, settings.aws) as vercel:
        _configure(vercel, plan)
        if index == 0:
            _start_over(settings, vercel, site, restore_point)
        effect(
            "vercel.roll_out",
            f"{site.deployment_id} at {weight} %",
            observe=lambda: _at(vercel.rolling_release(), site, weight),
            act=lambda: vercel.approve_stage(site.deployment_id, index) if index else vercel.start(site.deployment_id),
            read_back_s=settings.site.ready_timeout_s,
        )
        shown = vercel.rolling_release().percent
    log.info("the site's new version has %d %% of the visitors", shown)
    return Evidence(checks=(Check.of("visitors of the new site", ok=shown == weight, found=shown, expected=weight),))


def _configure(vercel: Vercel, plan: ReleasePlan) -> None:
    """Let Vercel's stages be the plan's weights, each with a yes of ours; what is active keeps the ones it has."""
    effect(
        "vercel.configure_rolling",
        " ".join(map(str, plan.phases)),
        observe=lambda: True if vercel.rolling_stages() == plan.phases else None,
        act=lambda: vercel.configure_rolling(plan.phases),
    )


def _start_over(settings: Settings, vercel: Vercel, site: SiteProof, restore_point: RestorePoint) -> None:
    """Abort our own rolling release when an earlier run died with it further on: the canary starts over."""
    found, recorded = vercel.rolling_release(), restore_point.vercel_deployment_id
    if found.is_active and found.canary_id == site.deployment_id and found.stage and recorded:
        effect(
            "vercel.abort_rolling",
            site.deployment_id,
            observe=lambda: None if vercel.rolling_release().is_active else True,
            act=lambda: vercel.roll_back(recorded),
            read_back_s=settings.site.ready_timeout_s,
        )


def _at(found: RollingRelease, site: SiteProof, weight: int) -> bool | None:
    if found.is_active and found.canary_id != site.deployment_id:
        check = Check.of(
            "rolling release",
            ok=False,
            found=sentence("{deployment} is rolling out", deployment=found.canary_id),
            expected="nobody else's",
        )
        msg = sentence(
            "site refused: found a rolling release of {deployment} at {percent} %, expected none but "
            "ours; somebody else is rolling out at Vercel, nothing was overwritten: ask them",
            deployment=found.canary_id,
            percent=found.percent,
        )
        raise GateRefused(msg, gate="site", checks=(check,))
    return True if found.is_active and found.percent == weight else None
