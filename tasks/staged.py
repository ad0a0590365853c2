"""Find what a release without a version releases: what staging has run for long enough (guide, "deployment system")."""

import logging
from datetime import UTC, datetime

from tasks.errors import GateRefused, SettingsError
from tasks.live import observe_live
from tasks.models import Live, Record, SideState
from tasks.registry import find_image
from tasks.sentences import sentence
from tasks.settings import Settings, load_settings
from tasks.sides import primary_deployment, read_service

log = logging.getLogger("greenflow.staged")

HOUR_S = 3600


class Staged(Record):
    """Hold what an environment runs for all its users: which version, by which digest, since when."""

    environment: str
    version: str
    digest: str
    since: datetime


def find_staged(settings: Settings, now: datetime) -> tuple[str, str]:
    """Return the version to release, empty when there is nothing new, and why; looks only.

    Raises SettingsError when the environment takes from nowhere, GateRefused when what staging runs is not proved yet
    or does not say its version, RemoteError when either environment cannot be asked.
    """
    if not settings.schedule.takes_from:
        msg = f"schedule.takes_from: found nothing, expected an environment; or name the version to {settings.name}"
        raise SettingsError(msg)
    return propose(read_staged(load_settings(settings.schedule.takes_from)), observe_live(settings), settings, now)


def read_staged(staging: Settings) -> Staged:
    """Read what an environment runs for its users, and since when ECS has not been told to run anything else."""
    side = _serving(observe_live(staging))
    image = find_image(staging, digest=side.digest)
    deployed = primary_deployment(read_service(staging, side.side)).get("createdAt")
    return Staged(
        environment=staging.name,
        version=image.version if image else "",
        digest=side.digest,
        since=(deployed or datetime.now(UTC)).astimezone(UTC),
    )


def propose(staged: Staged, live: Live, settings: Settings, now: datetime) -> tuple[str, str]:
    """Decide from what both run; returns and raises what ``find_staged`` does."""
    ran_s, needed_s = (now - staged.since).total_seconds(), settings.schedule.proved_s
    about = {"environment": staged.environment, "version": staged.version, "hours": ran_s / HOUR_S}
    if staged.digest == _serving(live).digest:
        return "", sentence(
            "nothing new: {here} runs {version}, which {environment} has run for {hours:.1f} h",
            here=settings.name,
            **about,
        )
    if not staged.version:
        msg = f"could not tell the version that {staged.environment} runs: its image {staged.digest} does not say it"
        raise GateRefused(msg, gate="staged")
    if ran_s < needed_s:
        text = "{environment} refused: found {version} running for {hours:.1f} h, expected at least {needed:.1f} h"
        raise GateRefused(text.format(needed=needed_s / HOUR_S, **about), gate="staged")
    return staged.version, sentence("{environment} has run {version} for {hours:.1f} h", **about)


def _serving(live: Live) -> SideState:
    """Return the side most users meet."""
    return max((live.a, live.b), key=lambda side: side.weight)
