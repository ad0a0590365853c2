"""Real parts of the twin for its tests."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.twin.node import node_environment
from deployments.twin.processes import Processes
from deployments.twin.repository import Repository, make_repository

CANDIDATE = "1.1.0"

Npm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("repository"), CANDIDATE)


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Npm:
    """Run npm in a folder as a release does: with the Node.js that the twin found."""
    environment = {"HOME": os.environ["HOME"], **node_environment(tmp_path_factory.mktemp("node") / "bin")}
    program = shutil.which("npm", path=environment["PATH"])
    assert program is not None

    def run(folder: Path, *arguments: str, **added: str) -> subprocess.CompletedProcess[str]:
        env = {**environment, **added}
        return subprocess.run([program, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)

    return run
