"""Give the domain back to the recorded deployment (guide, rollback step 3; safety I12, I13).

Needs Vercel and the ledger only, no Prefect: the guard calls it too.
"""

import logging

from tasks.clients.vercel import Vercel, open_vercel
from tasks.errors import TransientError, UnknownOutcome
from tasks.ledger import effect
from tasks.models import Check, Evidence, RestorePoint
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.waits import wait_until

log = logging.getLogger("greenflow.site")


def restore_site(settings: Settings, restore_point: RestorePoint) -> Evidence:
    """Roll Vercel back to the deployment that had the domain before; done already is done.

    A promotion that Vercel still has in its queue is waited for: it would take the domain after everybody has gone.
    Raises UnknownOutcome when the change is not seen, RemoteError when Vercel fails or refuses.
    """
    recorded = restore_point.vercel_deployment_id
    if recorded is None:
        return Evidence(checks=(Check.skipped("site restored", "no deployment had the domain before"),))
    with open_vercel(settings.site, settings.aws) as vercel:
        _await_queue(settings, vercel, recorded)
        effect(
            "vercel.roll_back",
            recorded,
            observe=lambda: recorded if _is_home(settings, vercel, recorded) else None,
            act=lambda: vercel.roll_back(recorded),
            read_back_s=settings.site.ready_timeout_s,
        )
    log.info("the domain is with the deployment %s again", recorded)
    return Evidence(checks=(Check.of("site restored", ok=True, found=recorded, expected=recorded),))


def _is_home(settings: Settings, vercel: Vercel, recorded: str) -> bool:
    """Tell whether every visitor gets the recorded deployment; an active rolling release gives some another one."""
    return vercel.production() == recorded and not (settings.site.rolling and vercel.rolling_release().is_active)


def _await_queue(settings: Settings, vercel: Vercel, recorded: str) -> None:
    """Return when no change of the domain to another deployment is pending; raises UnknownOutcome when one stays so."""
    seen: list[str] = []

    def look() -> bool | None:
        found = vercel.domain_state()
        seen.append(found.last_change)
        return None if found.is_pending and found.last_change_to != recorded else True

    site = settings.site
    try:
        wait_until(look, what="the end of Vercel's queue", deadline_s=site.ready_timeout_s, poll_s=site.poll_s)
    except TransientError as error:
        msg = sentence(
            "{seen} is still queued at Vercel after {limit_s:g} s and may take the domain later; "
            "when it has, run: vercel rollback {recorded}",
            seen=seen[-1],
            limit_s=site.ready_timeout_s,
            recorded=recorded,
        )
        raise UnknownOutcome(msg) from error
