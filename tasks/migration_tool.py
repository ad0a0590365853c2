"""Run the backend's own migration tool: its status, its one change, and what it says of locks (guide 4.3)."""

import json
import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tasks.clients.node import Project
from tasks.clients.shell import CommandFailedError
from tasks.errors import PermanentError, TransientError
from tasks.models import Checkout
from tasks.mutations import require_effect
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.migration")

APPLICATION = "greenflow-migration"
"""What the migration's own sessions are called, so that one outliving a killed release is seen."""
LOCK_SIGNS = ("lock timeout", "55P03", "could not obtain lock")
INSTALLED = ".greenflow-installed"
_INSTALLING = threading.Lock()  # two stages look at one checkout at the same time


class LockTimedOutError(TransientError):
    """Report a migration that gave way to the traffic: it waited for a lock and was refused in time."""


class MigrationFailedError(PermanentError):
    """Report a migration whose tool failed; ``said`` is its first line that speaks of an error."""

    def __init__(self, message: str, *, said: str) -> None:
        super().__init__(message)
        self.said = said


@dataclass(frozen=True)
class Status:
    """Hold what the migration tool says: names, in their order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Backend:
    """Hold the released backend, ready to run its commands on one database."""

    settings: Settings
    project: Project
    url: SecretStr

    @property
    def folder(self) -> Path:
        """Return where the migrations lie."""
        return self.project.folder / self.settings.migration.folder


def install(settings: Settings, checkout: Checkout, url: SecretStr | None = None) -> Backend:
    """Return the backend with all it needs, for the live database or the one of ``url``; a checkout installs once."""
    url = url or read_secret(settings.database.url, settings.aws)
    lock_ms = round(settings.migration.lock_timeout_s * 1000)
    project = Project(
        Path(checkout.folder) / settings.source.backend_directory,
        settings.build.path,
        {"PGOPTIONS": f"-c lock_timeout={lock_ms}"},
        {"DATABASE_URL": url},
    )
    with _INSTALLING:
        _install_once(settings, Project(project.folder, settings.build.path))
    return Backend(settings, project, url)


def read_status(backend: Backend) -> Status:
    """Ask the migration tool what is applied and what is pending; raises PermanentError for an unreadable answer."""
    limit_s = backend.settings.migration.timeout_s
    said = backend.project.run(backend.settings.migration.status, timeout_s=limit_s, on_line=log.debug).stdout
    try:
        answer: Any = json.loads(said.splitlines()[-1] if said else "")
        lists = [tuple(map(str, answer.get(name, ()))) for name in ("applied", "pending", "unknown")]
    except (ValueError, AttributeError, TypeError):
        msg = sentence(
            "could not read the migration status: found {said}, expected JSON with applied and pending",
            said=repr(said[-200:]),
        )
        raise PermanentError(msg) from None
    return Status(*lists)


def run_migrate(backend: Backend) -> None:
    """Apply what is pending, inside of an effect; raises LockTimedOutError, MigrationFailedError or TransientError."""
    require_effect("postgres: migrate")
    command, limit_s = backend.settings.migration.migrate, backend.settings.migration.timeout_s
    project = replace(backend.project, env={**backend.project.env, "PGAPPNAME": APPLICATION})
    try:
        project.run(command, timeout_s=limit_s, on_line=log.info)
    except CommandFailedError as error:
        if any(sign in error.output for sign in LOCK_SIGNS):
            msg = sentence(
                "could not migrate the database: no lock within {limit_s:g} s",
                limit_s=backend.settings.migration.lock_timeout_s,
            )
            raise LockTimedOutError(msg) from error
        raise MigrationFailedError(str(error), said=complaint(error)) from error


def complaint(error: CommandFailedError) -> str:
    """Return the first line of a failed program that speaks of an error, or its exit code."""
    said = (line.strip() for line in error.output.splitlines())
    return next((line for line in said if "error" in line.lower()), sentence("exit code {code}", code=error.code))


def _install_once(settings: Settings, project: Project) -> None:
    """Install what the backend needs, without the database's address."""
    mark = project.folder / INSTALLED
    if mark.exists():
        return
    project.run(settings.migration.install, timeout_s=settings.migration.timeout_s, on_line=log.info)
    mark.touch()
