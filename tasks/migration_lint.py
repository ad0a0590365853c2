"""Let squawk, a linter for PostgreSQL's migrations, read what is pending, beside our own rules (guide 4.3)."""

import json
import sys
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from tasks.clients.shell import CommandFailedError, run, search_path
from tasks.errors import PermanentError
from tasks.expansion import up_part
from tasks.migration_tool import Backend
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import MigrationSettings

NAME = "migrations as the linter reads them"
SHOWN = 5
TIMEOUT_S = 60


class Finding(NamedTuple):
    """Hold one thing the linter says of a migration."""

    migration: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.migration}:{self.line} {self.rule}: {self.message}"


def lint_check(backend: Backend, pending: tuple[str, ...]) -> Check:
    """Check the pending migrations with the configured linter; raises PermanentError when it does not run."""
    if not backend.settings.migration.lint:
        return Check.skipped(NAME, "off: migration.lint names no linter")
    return judge_findings(lint(backend, pending) if pending else (), backend.settings.migration)


def judge_findings(findings: Iterable[Finding], policy: MigrationSettings) -> Check:
    """Refuse what the linter finds, but for the rules that ``lint_tolerated`` names."""
    grave: list[str] = []
    light: set[str] = set()
    for finding in findings:
        if any(fnmatch(finding.rule, pattern) for pattern in policy.lint_tolerated):
            light.add(finding.rule)
        else:
            grave.append(str(finding))
    return Check.of(
        NAME,
        ok=not grave,
        found="; ".join(grave[:SHOWN]) or "nothing that locks or breaks",
        expected="nothing that locks a table in use or breaks the version in production",
        note=sentence("tolerated: {rules}", rules=", ".join(sorted(light))) if light else "",
    )


def lint(backend: Backend, pending: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return what the linter says of the up part of each pending migration that is SQL."""
    with tempfile.TemporaryDirectory(prefix="greenflow-lint-") as folder:
        files = [_up_file(backend.folder / f"{name}.sql", Path(folder)) for name in pending]
        paths = [str(file) for file in files if file]
        return _read(_said(backend, paths)) if paths else ()


def _up_file(source: Path, folder: Path) -> Path | None:
    """Copy the part that will run: what undoes it drops things, and is not what is asked about."""
    try:
        text = source.read_text("utf-8")
    except OSError:
        return None  # our own rules refuse what cannot be read
    file = folder / source.name
    file.write_text(up_part(text), "utf-8")
    return file


def _said(backend: Backend, paths: list[str]) -> str:
    """Run the linter in the backend's folder, whose own configuration counts; findings end it with code 1."""
    ours = str(Path(sys.executable).parent)
    argv = (*backend.settings.migration.lint, "--reporter=json", *paths)
    try:
        env = search_path((*backend.project.path, ours))
        return run(argv, cwd=backend.project.folder, env=env, timeout_s=TIMEOUT_S).stdout
    except CommandFailedError as error:
        found = next((line for line in error.output.splitlines() if line.startswith("[")), "")
        if not found:
            raise
        return found


def _read(said: str) -> tuple[Finding, ...]:
    try:
        told: list[dict[str, Any]] = json.loads(said or "[]")
        return tuple(
            Finding(Path(each["file"]).stem, int(each["line"]) + 1, each["rule_name"], each["message"]) for each in told
        )
    except (ValueError, KeyError, TypeError):
        msg = sentence(
            "could not read the linter's answer: found {said}, expected squawk's JSON", said=repr(said[:200])
        )
        raise PermanentError(msg) from None
