"""Ask git and tell git, by argument lists; a tag is written only from inside an effect."""

import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tasks.clients.shell import CommandFailedError, Finished, run
from tasks.errors import PermanentError, ReleaseError, SettingsError, TransientError
from tasks.mutations import require_effect
from tasks.sentences import sentence

TIMEOUT_S = 120
TAG = re.compile(r"^[0-9A-Za-z](?:[0-9A-Za-z_-]|[./](?=[0-9A-Za-z]))*$")
COMMIT = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
PEELED = "^{}"
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",  # a question nobody sees would wait for ever
    "GIT_AUTHOR_NAME": "greenflow-release",
    "GIT_AUTHOR_EMAIL": "release@greenflow.dev",
    "GIT_COMMITTER_NAME": "greenflow-release",
    "GIT_COMMITTER_EMAIL": "release@greenflow.dev",
}
PASSING = (
    "failed to connect",
    "could not connect",
    "could not resolve host",
    "timed out",
    "early eof",
    "connection reset",
    "connection refused",
    "http 5",
    "error: 5",
)


def clone_tag(repository: str, tag: str, folder: Path, timeout_s: float = TIMEOUT_S) -> str:
    """Clone one tag without its history into ``folder`` and return its commit.

    Raises PermanentError naming a missing tag.
    """
    commit = resolve_tag(repository, tag, timeout_s)
    quiet = ("-c", "advice.detachedHead=false")
    _git(
        ("clone", *quiet, "--depth", "1", "--branch", _checked(tag), "--", _address(repository), str(folder)),
        timeout_s,
    )
    found = _git(("-C", str(folder), "rev-parse", "HEAD"), timeout_s).stdout.strip()
    if found != commit:
        msg = sentence(
            "could not clone tag {tag}: found commit {found}, expected {commit}; was the tag moved just now?",
            tag=tag,
            found=found,
            commit=commit,
        )
        raise PermanentError(msg)
    return commit


def commit_time(folder: Path, timeout_s: float = TIMEOUT_S) -> datetime:
    """Return when the checked out commit was made, in UTC."""
    said = _git(("-C", str(folder), "log", "-1", "--format=%ct"), timeout_s).stdout.strip()
    return datetime.fromtimestamp(int(said), UTC)


def resolve_tag(repository: str, tag: str, timeout_s: float = TIMEOUT_S) -> str:
    """Return the commit that a tag of a repository (folder or URL) names; PermanentError if missing."""
    commit = ls_remote_tags(repository, timeout_s, _checked(tag)).get(tag)
    if commit is None:
        msg = sentence(
            "could not find the tag {tag} in {repository}; push it, or release another version",
            tag=tag,
            repository=repository,
        )
        raise PermanentError(msg)
    return commit


def ls_remote_tags(repository: str, timeout_s: float = TIMEOUT_S, only: str = "") -> dict[str, str]:
    """Return the commit of every tag of a repository (folder or URL), annotated or not."""
    patterns = (f"refs/tags/{only}", f"refs/tags/{only}{PEELED}") if only else ()
    answer = _git(("ls-remote", "--tags", "--", _address(repository), *patterns), timeout_s).stdout
    pairs = [line.split("\t", 1) for line in answer.splitlines() if "\t" in line]
    tags = {name.removeprefix("refs/tags/"): commit for commit, name in pairs}
    return {name: tags.get(name + PEELED, commit) for name, commit in tags.items() if not name.endswith(PEELED)}


def push_annotated_tag(repository: str, *, tag: str, commit: str, message: str, timeout_s: float = TIMEOUT_S) -> None:
    """Write an annotated tag on a commit the repository has; never moves a tag that exists.

    Only inside of an effect. Raises PermanentError when the tag exists or the commit is unknown there.
    """
    require_effect(f"git push tag {tag}")
    address = _address(repository)
    with tempfile.TemporaryDirectory(prefix="greenflow-tag-") as folder:
        here = ("-C", folder)
        _git(("init", "--quiet", "--bare", folder), timeout_s)
        _git(
            (*here, "fetch", "--quiet", "--depth", "1", "--no-tags", "--", address, _checked_commit(commit)),
            timeout_s,
        )
        _git((*here, "tag", "--annotate", "--message", message, "--", _checked(tag), commit), timeout_s)
        _git((*here, "push", "--quiet", "--", address, f"refs/tags/{tag}:refs/tags/{tag}"), timeout_s)


def _git(arguments: Sequence[str], timeout_s: float) -> Finished:
    try:
        return run(("git", *arguments), env=ENVIRONMENT, timeout_s=timeout_s)
    except CommandFailedError as error:
        raise _refusal(arguments, error) from error


def _refusal(arguments: Sequence[str], error: CommandFailedError) -> ReleaseError:
    verb = next(word for word in arguments[2 if arguments[0] == "-C" else 0 :])
    message = sentence(
        "could not git {verb}: {why}",
        verb=verb,
        why=error.output.strip() or sentence("exit code {code}", code=error.code),
    )
    passing = any(sign in error.output.lower() for sign in PASSING)
    return TransientError(message) if passing else PermanentError(message)


def _address(repository: str) -> str:
    """Make a folder absolute, since git is run from elsewhere; a password would be seen in the process list."""
    if urlsplit(repository).password:
        msg = "source.repository: found a password in it, expected none; use ssh or git's credential helper"
        raise SettingsError(msg)
    return str(Path(repository).resolve()) if Path(repository).is_dir() else repository


def _checked(tag: str) -> str:
    if not TAG.match(tag) or tag.endswith(".lock"):
        msg = sentence("could not use the tag {tag}: expected letters, digits, '.', '_', '-' and '/'", tag=repr(tag))
        raise PermanentError(msg)
    return tag


def _checked_commit(commit: str) -> str:
    if not COMMIT.match(commit):
        msg = sentence("could not use the commit {commit}: expected 40 hexadecimal digits", commit=repr(commit))
        raise PermanentError(msg)
    return commit
