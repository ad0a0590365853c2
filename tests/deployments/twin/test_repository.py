"""The twin's repository is a real one: two versions, their tags, and an origin."""

import json
import subprocess
from pathlib import Path

import pytest

from deployments.twin.repository import BACKEND, Repository, make_repository

CANDIDATE = "1.1.0"


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["/usr/bin/git", *arguments], cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_each_version_is_a_tag_on_its_commit_here_and_at_the_origin(repository: Repository) -> None:
    for version, commit in repository.commits.items():
        assert git(repository.path, "rev-parse", f"v{version}^{{commit}}") == commit
        assert git(repository.origin, "rev-parse", f"v{version}^{{commit}}") == commit
    assert git(repository.path, "rev-parse", "HEAD") == repository.commits[CANDIDATE]
    assert git(repository.path, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_nothing_is_left_uncommitted(repository: Repository) -> None:
    assert git(repository.path, "status", "--porcelain") == ""


def test_the_candidate_adds_its_migration_and_its_version_alone(repository: Repository) -> None:
    changed = git(repository.path, "diff", "--name-status", "v1.0.0", f"v{CANDIDATE}").splitlines()
    assert [line.split("\t") for line in changed] == [
        ["M", "package-lock.json"],
        ["M", "package.json"],
        ["A", f"{BACKEND}/migrations/002_bid-currency.sql"],
        ["M", f"{BACKEND}/package-lock.json"],
        ["M", f"{BACKEND}/package.json"],
    ]


def test_the_same_files_are_the_same_commits(repository: Repository, tmp_path: Path) -> None:
    assert make_repository(tmp_path, CANDIDATE).commits == repository.commits


def test_any_candidate_version_will_do(tmp_path: Path) -> None:
    made = make_repository(tmp_path, "2.10.3")
    package = json.loads((made.path / "package.json").read_text())
    lock = json.loads((made.path / "package-lock.json").read_text())
    assert {package["version"], lock["version"], lock["packages"][""]["version"]} == {"2.10.3"}


@pytest.mark.parametrize("version", ["1.0.0", "1.1", "v1.1.0", "latest", "1.1.0; rm -rf /"])
def test_what_is_no_candidate_is_refused(version: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a candidate is"):
        make_repository(tmp_path, version)


def test_the_persons_git_configuration_plays_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Somebody\n[commit]\n\tgpgsign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    made = make_repository(tmp_path, CANDIDATE)
    assert git(made.path, "log", "-1", "--format=%an <%ae>") == "GreenFlow <release@greenflow.dev>"


def test_a_release_can_make_an_annotated_tag_in_it(tmp_path: Path) -> None:
    made = make_repository(tmp_path, CANDIDATE)
    git(made.path, "tag", "-a", "prod-v1.0.0", "-m", "what runs", made.commits["1.0.0"])
    git(made.path, "push", "--quiet", "origin", "prod-v1.0.0")
    assert git(made.origin, "rev-parse", "prod-v1.0.0^{commit}") == made.commits["1.0.0"]


def test_an_older_version_can_be_checked_out(repository: Repository, tmp_path: Path) -> None:
    older = repository.clone("1.0.0", tmp_path / "older")
    assert git(older, "rev-parse", "HEAD") == repository.commits["1.0.0"]
    assert not list((older / BACKEND / "migrations").glob("002*"))
