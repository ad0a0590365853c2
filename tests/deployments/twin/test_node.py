"""The site can be built on a machine without Node.js."""

import os
import subprocess
from pathlib import Path

import pytest

from deployments.twin import node
from deployments.twin.node import can_build, node_environment


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a shell and nothing else."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for program in ("sh", "env"):
        (folder / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def run(program: str, *arguments: str, environment: dict[str, str], cwd: Path) -> str:
    found = next(
        folder / program for folder in map(Path, environment["PATH"].split(os.pathsep)) if (folder / program).exists()
    )
    env = {**environment, "HOME": str(cwd)}
    return subprocess.run([str(found), *arguments], env=env, cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.12.0", "v23.0.0", "v24.19.0"])
def test_vite_runs_on(version: str) -> None:
    assert can_build(version)


@pytest.mark.parametrize("version", ["v18.20.4", "v20.18.3", "v21.7.0", "v22.11.0", "", "command not found"])
def test_vite_does_not_run_on(version: str) -> None:
    assert not can_build(version)


def test_a_machine_without_node_gets_the_wheels_with_a_working_npm(bare_machine: Path, tmp_path: Path) -> None:
    environment = node_environment(tmp_path / "node")
    (tmp_path / "package.json").write_text('{"scripts": {"say": "node -p \\"6 * 7\\""}}')
    assert can_build(run("node", "--version", environment=environment, cwd=tmp_path))
    assert run("npm", "run", "--silent", "say", environment=environment, cwd=tmp_path) == "42\n"


def test_an_old_node_on_the_machine_is_passed_over(bare_machine: Path, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (bare_machine / name).write_text("#!/bin/sh\necho v18.20.4\n")
        (bare_machine / name).chmod(0o755)
    environment = node_environment(tmp_path / "node")
    assert can_build(run("node", "--version", environment=environment, cwd=tmp_path))


def test_a_good_node_on_the_machine_is_used(bare_machine: Path, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (bare_machine / name).write_text("#!/bin/sh\necho v26.0.0\n")
        (bare_machine / name).chmod(0o755)
    assert node_environment(tmp_path / "node")["PATH"] == str(bare_machine)
    assert not (tmp_path / "node").exists()


def test_without_any_node_it_says_what_to_install(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match=r"could not find Node\.js 20\.19 or newer"):
        node_environment(tmp_path / "node")
