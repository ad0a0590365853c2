"""Install the Node.js programs this product measures with, each once, from a locked list of its own."""

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tasks.clients.node import Project
from tasks.errors import PermanentError
from tasks.sentences import sentence

log = logging.getLogger("greenflow.tools")

LISTS: Final = Path(__file__).parents[1] / "tools"
HOME: Final = Path(__file__).parents[2] / ".tools"
INSTALL: Final = ("npm", "ci", "--ignore-scripts", "--omit=dev")
INSTALL_TIMEOUT_S: Final = 300
NAME: Final = 12
"""So many letters of its files' hash name an installation: another list is another folder."""


def node_tool(name: str, *, home: str, path: Sequence[str]) -> Path:
    """Return the folder in which a tool is installed, installing it when it is not.

    ``home`` is where tools are kept, empty for ``.tools`` beside the product; ``path`` is where node is looked for.
    Raises TransientError when the registry is not reached, PermanentError when the install or the folder fails.
    """
    source = LISTS / name
    installed = (Path(home) if home else HOME) / f"{name}-{_digest(source)}"
    if not (installed / "node_modules").is_dir():
        try:
            _install(source, installed, path)
        except OSError as error:
            msg = sentence(
                "could not install {name} in {parent}: {why}; set performance.tools to a folder",
                name=name,
                parent=installed.parent,
                why=error.strerror,
            )
            raise PermanentError(msg) from error
    return installed


def _digest(source: Path) -> str:
    files = sorted(path for path in source.iterdir() if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:NAME]


def _install(source: Path, installed: Path, path: Sequence[str]) -> None:
    """Install aside and move into place whole: another process may do the same at the same time."""
    log.info("installing %s", source.name)
    installed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=installed.parent, prefix=f".{source.name}-") as scratch:
        folder = Path(scratch) / source.name
        shutil.copytree(source, folder)
        Project(folder, path).run(INSTALL, timeout_s=INSTALL_TIMEOUT_S, on_line=lambda line: log.info("%s", line))
        if not (installed / "node_modules").is_dir():
            folder.rename(installed)
