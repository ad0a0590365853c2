"""Run npm's commands in a project: the same quiet environment everywhere, network trouble told from a no."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from tasks.clients.shell import CommandFailedError, Finished, run, search_path
from tasks.errors import TransientError

QUIET = {
    "CI": "true",
    "NO_COLOR": "1",
    "npm_config_audit": "false",  # the audit is a check of its own, and its answer is not thrown away there
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
    "npm_config_prefer_offline": "true",
}
NETWORK_SIGNS = (
    "ECONNRESET",
    "ETIMEDOUT",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "E503",
    "E502",
)


@dataclass(frozen=True)
class Project:
    """Hold a folder with a package.json, and where node and npm are looked for before PATH."""

    folder: Path
    path: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, SecretStr] = field(default_factory=dict)

    def run(self, command: Sequence[str], *, timeout_s: float, on_line: Callable[[str], None]) -> Finished:
        """Run one command; raises what ``shell.run`` raises, and TransientError when the registry was not reached."""
        try:
            return run(
                command,
                cwd=self.folder,
                env={**search_path(self.path), **QUIET, **self.env},
                secret_env=self.secret_env,
                timeout_s=timeout_s,
                on_line=on_line,
            )
        except CommandFailedError as error:
            if any(f"npm error code {sign}" in error.output for sign in NETWORK_SIGNS):
                raise TransientError(str(error)) from error
            raise
