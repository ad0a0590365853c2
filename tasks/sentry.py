"""Monitoring: tell Sentry of the release and ask it what broke; optional, and never a reason for anything (guide).

What Sentry does not take is a failed check that no gate looks at: a release neither waits for it nor turns back.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tasks.clients.sentry import Sentry, open_sentry
from tasks.errors import LeaseLost, ReleaseError
from tasks.ledger import effect
from tasks.models import BuildProof, Check, Evidence, ReleasePlan
from tasks.monitoring_settings import SentrySettings
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.sentry")

RELEASE, MAPS, DEPLOY = "Sentry release", "Sentry source maps", "Sentry deploy"
MAP, SCRIPT = ".map", ".js"
SERVED_AT: Final = "~/"
"""Sentry's word for the address of the site, whatever its host."""


@stage("monitoring: tell Sentry of the release", REPEATABLE)
def tell_sentry_of_release(settings: Settings, plan: ReleasePlan, build: BuildProof) -> Evidence:
    """Create the release with its commit and upload the source maps that browsers do not get."""
    if settings.sentry is None:
        return Evidence(checks=(_off(RELEASE), _off(MAPS)))
    sentry = settings.sentry
    name = release_name(sentry, plan.version)
    created = _tried(RELEASE, lambda: _create(settings, sentry, plan))
    if not build.maps_folder:
        why = sentence("the build made no hidden source maps: see build.build")
        return Evidence(checks=(created, Check.skipped(named(MAPS), why)))
    return Evidence(checks=(created, _tried(MAPS, lambda: _upload_maps(settings, sentry, name, build))))


@stage("monitoring: tell Sentry of the deploy", REPEATABLE)
def tell_sentry_of_deploy(settings: Settings, plan: ReleasePlan) -> Evidence:
    """Say that the release carries the environment's traffic."""
    if settings.sentry is None:
        return Evidence(checks=(_off(DEPLOY),))
    sentry = settings.sentry
    return Evidence(checks=(_tried(DEPLOY, lambda: _deploy(settings, sentry, plan)),))


def sentry_line(settings: Settings, plan: ReleasePlan) -> str:
    """Say for an approval how many new issues the version has; empty where Sentry is off."""
    if settings.sentry is None:
        return ""
    try:
        with open_sentry(settings.sentry, settings.aws) as sentry:
            count = sentry.new_issues(release_name(settings.sentry, plan.version))
    except ReleaseError as error:
        log.warning("no count of new issues: %s", error)
        return sentence("Sentry did not answer: how many new issues {version} has is not known", version=plan.version)
    return sentence("Sentry: {count} new issues in {version}", count=count, version=plan.version)


def release_name(sentry: SentrySettings, version: str) -> str:
    """Name a version as Sentry and the site's SDK do."""
    return f"{sentry.package}@{version}"


def _create(settings: Settings, sentry: SentrySettings, plan: ReleasePlan) -> str:
    name = release_name(sentry, plan.version)
    with open_sentry(sentry, settings.aws) as client:
        effect(
            "sentry.create_release",
            name,
            observe=lambda: True if client.has_release(name) else None,
            act=lambda: client.create_release(name, [{"id": plan.commit, "message": plan.release_id}]),
        )
    return name


def _upload_maps(settings: Settings, sentry: SentrySettings, name: str, build: BuildProof) -> str:
    maps, served = Path(build.maps_folder), Path(build.folder)
    found = sorted(path.relative_to(maps) for path in maps.rglob(f"*{MAP}"))
    scripts = [path.with_suffix("") for path in found if (served / path.with_suffix("")).suffix == SCRIPT]
    with open_sentry(sentry, settings.aws) as client:
        for script in scripts:
            # A hidden map is not named in its script: Sentry is told by a header which one it is.
            _upload(client, name, script, served / script, [f"Sourcemap:{script.name}{MAP}"])
        for path in found:
            _upload(client, name, path, maps / path, [])
    return sentence("{count} source maps", count=len(found))


def _upload(client: Sentry, release: str, path: Path, file: Path, headers: list[str]) -> None:
    name = SERVED_AT + path.as_posix()
    effect(
        "sentry.upload",
        f"{release} {name}",
        observe=lambda: True if name in client.files(release) else None,
        act=lambda: client.upload(release, name, file, headers),
    )


def _deploy(settings: Settings, sentry: SentrySettings, plan: ReleasePlan) -> str:
    name = release_name(sentry, plan.version)
    with open_sentry(sentry, settings.aws) as client:
        effect(
            "sentry.create_deploy",
            plan.release_id,
            observe=lambda: True if plan.release_id in client.deploys(name) else None,
            act=lambda: client.create_deploy(name, settings.name, plan.release_id),
        )
    return plan.release_id


def _tried(what: str, tell: Callable[[], str]) -> Check:
    """Tell Sentry something; only losing the environment is a reason to stop."""
    try:
        told = tell()
    except LeaseLost:
        raise
    except ReleaseError as error:
        log.warning("%s: %s", what, error)
        note = sentence("nothing is decided by it")
        return Check.of(named(what), ok=False, found=error, expected=sentence("Sentry knows it"), note=note)
    return Check.of(named(what), ok=True, found=told, expected=sentence("Sentry knows it"))


def _off(what: str) -> Check:
    return Check.skipped(named(what), sentence("off: this environment has no section [{section}]", section="sentry"))
