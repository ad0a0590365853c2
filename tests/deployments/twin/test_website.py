"""The twin's site builds, is clean, and a mistake in it is told by the exit code."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.twin.repository import BACKEND, Repository

Npm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def website(repository: Repository, npm: Npm) -> Path:
    installed = npm(repository.path, "ci")
    assert installed.returncode == 0, installed.stderr
    return repository.path


@pytest.mark.parametrize("project", [".", str(BACKEND)])
def test_no_lock_file_names_a_registry(repository: Repository, project: str) -> None:
    lock = json.loads((repository.path / project / "package-lock.json").read_text())
    assert len(lock["packages"]) > 10
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_its_bundle_holds_what_it_was_built_from_and_no_source_maps(website: Path, npm: Npm) -> None:
    baked = {
        "VITE_VERSION": "1.1.0",
        "VITE_GIT_COMMIT": "0123abcd",
        "VITE_API_BASE_URL": "http://127.0.0.1:4567/api/v2",
    }
    (website / ".env.production").write_text("".join(f"{name}={value}\n" for name, value in baked.items()))
    built = npm(website, "run", "build")
    assert built.returncode == 0, built.stderr
    bundle = "".join(file.read_text() for file in (website / "dist" / "assets").glob("*.js"))
    assert all(value in bundle for value in baked.values())
    assert "0123abcd" in (website / "dist" / "index.html").read_text()
    assert not list((website / "dist").rglob("*.map"))
    changed = subprocess.run(["/usr/bin/git", "status", "--porcelain"], cwd=website, capture_output=True, check=True)
    assert changed.stdout == b"", "a build changes nothing that is committed"


@pytest.mark.parametrize("check", ["lint", "typecheck"])
def test_it_is_clean(website: Path, npm: Npm, check: str) -> None:
    checked = npm(website, "run", check)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("check", "mistake"),
    [
        ("lint", "export const answer: any = 42;\n"),
        ("typecheck", "export const answer: string = 42;\n"),
        ("build", 'import "./nowhere";\n'),
    ],
)
def test_a_mistake_is_told_by_the_exit_code(website: Path, npm: Npm, check: str, mistake: str) -> None:
    main = website / "src" / "main.ts"
    before = main.read_text()
    main.write_text(mistake + before)
    try:
        assert npm(website, "run", check).returncode != 0
    finally:
        main.write_text(before)
