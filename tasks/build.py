"""1.1 and 1.2 Build the site: by exit codes, with computed values, weighed as a browser loads it (guide 1.1, 1.2)."""

import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path

from tasks.bundle import HOSTING, check_bundle, read_bundle
from tasks.clients.node import Project
from tasks.clients.shell import CommandFailedError
from tasks.hidden_maps import set_maps_aside
from tasks.models import BuildProof, Check, Checkout, ReleasePlan
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.site_values import api_base, build_variables
from tasks.stage import stage

log = logging.getLogger("greenflow.build")

SERVED = frozenset({"$schema", "headers", "redirects", "rewrites", "cleanUrls", "trailingSlash"})
"""What of vercel.json says how to serve; the rest says how to build, and that is done."""


@stage("1.1 and 1.2 build the site", REPEATABLE)
def build_site(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> BuildProof:
    """Install, lint, check types strictly, build, and look at what came out.

    Lint and type errors, a heavy or talkative bundle are failed checks. Raises SettingsError for a VITE_* value that
    looks like a secret, PermanentError when the install or the build itself fails or npm is missing.
    """
    started_s = time.monotonic()
    project = _project(settings, plan, checkout)
    _run(settings, project, "install", settings.build.install)
    checks = _looked_over(settings, project)
    _run(settings, project, "build", settings.build.build)
    output = project.folder / settings.build.output_directory
    maps = set_maps_aside(output) if settings.sentry else None
    bundle = read_bundle(output)
    checks += check_bundle(bundle, budget_kb=settings.build.budget_kb, commit=plan.commit, api_base=api_base(settings))
    _add_hosting(project.folder, bundle.folder)
    return BuildProof(
        checks=tuple(checks),
        commit=checkout.commit,
        folder=str(bundle.folder),
        raw_bytes=bundle.raw_bytes,
        gzip_bytes=bundle.gzip_bytes,
        files=len(bundle.loaded),
        took_s=round(time.monotonic() - started_s, 2),
        maps_folder=str(maps or ""),
    )


def _project(settings: Settings, plan: ReleasePlan, checkout: Checkout) -> Project:
    variables = build_variables(settings, plan, checkout.tag, datetime.now(UTC))
    return Project(Path(checkout.folder) / settings.source.website_directory, settings.build.path, variables)


def _looked_over(settings: Settings, project: Project) -> list[Check]:
    """Lint and check types side by side: both only read the source."""
    looks = {"lint": settings.build.lint, "strict type check": settings.build.typecheck}
    with ThreadPoolExecutor(len(looks)) as pool:
        started = [
            # A copy of the context each: the run's logger is found there.
            pool.submit(copy_context().run, _checked, settings, project, name, command)
            for name, command in looks.items()
        ]
    return [look.result() for look in started]


def _checked(settings: Settings, project: Project, name: str, command: Sequence[str]) -> Check:
    try:
        _run(settings, project, name, command)
    except CommandFailedError as error:
        last = [line for line in error.output.splitlines() if line.strip()][-1:]
        return Check.of(
            name,
            ok=False,
            found=sentence("exit code {code}", code=error.code),
            expected="exit code 0",
            note="".join(last),
        )
    return Check.of(name, ok=True, found="exit code 0", expected="exit code 0")


def _run(settings: Settings, project: Project, name: str, command: Sequence[str]) -> None:
    log.info("%s: %s", name, " ".join(command))
    project.run(command, timeout_s=settings.build.timeout_s, on_line=lambda line: log.info("%s: %s", name, line))


def _add_hosting(project: Path, bundle: Path) -> None:
    """Lay the host's serving rules beside what was built: the build's folder alone is uploaded."""
    source, target = project / HOSTING, bundle / HOSTING
    if not source.is_file() or target.exists():
        return
    rules = json.loads(source.read_text("utf-8"))
    target.write_text(json.dumps({key: rules[key] for key in rules if key in SERVED}), "utf-8")
