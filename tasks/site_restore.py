"""Give the domain back to the recorded deployment (guide, rollback step 3; safety I12, I13).

Needs Vercel and the ledger only, no Prefect: the guard calls it too.
"""

import logging

from tasks.clients.vercel import open_vercel
from tasks.ledger import effect
from tasks.models import Check, Evidence, RestorePoint
from tasks.settings import Settings

log = logging.getLogger("greenflow.site")


def restore_site(settings: Settings, restore_point: RestorePoint) -> Evidence:
    """Roll Vercel back to the deployment that had the domain before; done already is done.

    Raises UnknownOutcome when the change is not seen, RemoteError when Vercel fails or refuses.
    """
    recorded = restore_point.vercel_deployment_id
    if recorded is None:
        return Evidence(checks=(Check.skipped("site restored", "no deployment had the domain before"),))
    with open_vercel(settings.site, settings.aws) as vercel:
        effect(
            "vercel.roll_back",
            recorded,
            observe=lambda: recorded if vercel.production() == recorded else None,
            act=lambda: vercel.roll_back(recorded),
            read_back_s=settings.site.ready_timeout_s,
        )
    log.info("the domain is with the deployment %s again", recorded)
    return Evidence(checks=(Check.of("site restored", ok=True, found=recorded, expected=recorded),))
