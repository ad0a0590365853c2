"""GreenFlow's git repository as the twin has it: version 1.0.0 that runs, and the candidate after it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.models import VERSION_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNNING_VERSION = "1.0.0"
BACKEND = Path("projects/glec-api-backend")

_HERE = Path(__file__).parent
_CANDIDATE_MIGRATION = "002_*.sql"
_EXTRA_MIGRATION = BACKEND / "migrations" / "003_extra.sql"
_NOT_SOURCE = shutil.ignore_patterns("node_modules", "dist", ".env.production")
_NAME, _EMAIL = "GreenFlow", "release@greenflow.dev"
# Fixed, so that the same files always are the same commits.
_DATES = {"running": "2026-02-04T10:00:00+09:00", "candidate": "2026-03-04T10:00:00+09:00"}


@dataclass(frozen=True)
class Repository:
    """A checkout at the candidate, its bare origin, and which commit is which version."""

    path: Path
    origin: Path
    commits: dict[str, str]

    def add_version(self, version: str, migration: str = "", files: Mapping[str, str] | None = None) -> str:
        """Commit and tag one more version after the candidate, with a migration or files of its own."""
        (self.path / _EXTRA_MIGRATION).unlink(missing_ok=True)
        _add_migration(self.path, migration)
        _lay(self.path, files or {})
        commit = _commit(self.path, version, "Another version", _DATES["candidate"])
        _git(self.path, "push", "--quiet", "--follow-tags", "origin", "main")
        self.commits[version] = commit
        for file in files or {}:
            _put_back(self.path, file)
        return commit

    def clone(self, version: str, folder: Path) -> Path:
        """Check a version out into a new folder of its own."""
        _git(folder.parent, "clone", "--quiet", "--branch", f"v{version}", str(self.origin), str(folder))
        return folder


def make_repository(
    folder: Path,
    candidate_version: str,
    website: Path = _HERE / "website",
    backend: Path = _HERE / "backend",
    *,
    migration: str = "",
    files: Mapping[str, str] | None = None,
) -> Repository:
    """Make the repository in an empty folder: tag v1.0.0, then the candidate's tag with its migration added.

    `migration` is the SQL of one more migration of the candidate's, `files` are laid over its source. The site lies at
    the root, the API's project under `projects/glec-api-backend`, as in the guide. The machine's git configuration is
    neither read nor written. Raises `ValueError` for a candidate that is not x.y.z or is 1.0.0.
    """
    if not re.fullmatch(VERSION_PATTERN, candidate_version) or candidate_version == RUNNING_VERSION:
        raise ValueError(f"a candidate is x.y.z and not {RUNNING_VERSION}: {candidate_version}")
    path, origin = folder / "greenflow", folder / "origin.git"
    _initialise(path, origin)
    _copy_sources(path, website, backend)
    for file in (path / BACKEND / "migrations").glob(_CANDIDATE_MIGRATION):
        file.unlink()
    running = _commit(path, RUNNING_VERSION, "GreenFlow as it runs in production", _DATES["running"])
    shutil.copytree(backend, path / BACKEND, ignore=_NOT_SOURCE, dirs_exist_ok=True)
    _add_migration(path, migration)
    _lay(path, files or {})
    candidate = _commit(path, candidate_version, "Bids carry their currency", _DATES["candidate"])
    _git(path, "push", "--quiet", "--follow-tags", "--set-upstream", "origin", "main")
    return Repository(path, origin, {RUNNING_VERSION: running, candidate_version: candidate})


def _add_migration(path: Path, up: str) -> None:
    if up:
        (path / _EXTRA_MIGRATION).write_text(f"-- Up Migration\n{up}\n", encoding="utf-8")


def _initialise(path: Path, origin: Path) -> None:
    path.mkdir(parents=True)
    _git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    _git(path, "init", "--quiet", "--initial-branch=main")
    # The checkout's own, so that a release can make annotated tags in it.
    _git(path, "config", "user.name", _NAME)
    _git(path, "config", "user.email", _EMAIL)
    _git(path, "remote", "add", "origin", str(origin))


def _copy_sources(path: Path, website: Path, backend: Path) -> None:
    shutil.copytree(website, path, ignore=_NOT_SOURCE, dirs_exist_ok=True)
    shutil.copytree(backend, path / BACKEND, ignore=_NOT_SOURCE)


def _lay(path: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")


def _put_back(path: Path, file: str) -> None:
    """Let the next version have a file again as the version before this one had it."""
    before = _git(path, "ls-tree", "--name-only", "HEAD~1", file)
    if before:
        _git(path, "checkout", "--quiet", "HEAD~1", "--", file)
    else:
        (path / file).unlink()


def _commit(path: Path, version: str, message: str, date: str) -> str:
    for project in (path, path / BACKEND):
        _set_version(project, version)
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--message", f"{message} ({version})", date=date)
    _git(path, "tag", "--annotate", "--message", f"GreenFlow {version}", f"v{version}", date=date)
    return _git(path, "rev-parse", "HEAD")


def _set_version(project: Path, version: str) -> None:
    for name in ("package.json", "package-lock.json"):
        file = project / name
        package = json.loads(file.read_text(encoding="utf-8"))
        package["version"] = version
        if "packages" in package:
            package["packages"][""]["version"] = version
        file.write_text(json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _git(folder: Path, *arguments: str, date: str | None = None) -> str:
    done = subprocess.run(
        [_git_program(), *arguments],
        cwd=folder,
        env=_environment(date),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"could not run git {arguments[0]} in {folder}: {done.stderr.strip()}")
    return done.stdout.strip()


def _git_program() -> str:
    program = shutil.which("git")
    if program is None:
        raise RuntimeError("could not find git: install it")
    return program


def _environment(date: str | None) -> dict[str, str]:
    nobody_elses = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}
    dated = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
    return {"PATH": os.environ.get("PATH", os.defpath), "GIT_TERMINAL_PROMPT": "0", **nobody_elses, **dated}
