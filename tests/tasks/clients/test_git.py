"""Git is asked and told by argument lists; a tag is written once, by an effect, and never moved."""

import subprocess
from pathlib import Path

import pytest

from deployments.twin.repository import Repository, make_repository
from tasks.clients.git import clone_tag, ls_remote_tags, push_annotated_tag, resolve_tag
from tasks.errors import PermanentError, SettingsError, TransientError
from tasks.mutations import UnrecordedMutationError, permit


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("git"), "1.1.0")


def kind_of(repository: Repository, tag: str) -> str:
    argv = ["git", "-C", str(repository.origin), "cat-file", "-t", tag]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_an_annotated_tag_is_followed_to_its_commit(repository: Repository) -> None:
    assert kind_of(repository, "v1.1.0") == "tag"
    assert resolve_tag(str(repository.origin), "v1.1.0") == repository.commits["1.1.0"]


def test_all_tags_come_with_their_commits(repository: Repository) -> None:
    found = ls_remote_tags(str(repository.origin))
    assert found["v1.0.0"] == repository.commits["1.0.0"]
    assert found["v1.1.0"] == repository.commits["1.1.0"]


def test_a_missing_tag_is_named(repository: Repository) -> None:
    with pytest.raises(PermanentError, match=r"could not find the tag v9\.9\.9 in"):
        resolve_tag(str(repository.origin), "v9.9.9")


def test_a_tag_whose_name_only_begins_alike_is_another_one(repository: Repository) -> None:
    with pytest.raises(PermanentError, match=r"could not find the tag v1\.1 in"):
        resolve_tag(str(repository.origin), "v1.1")


def test_a_clone_is_of_the_tag_and_nothing_else(repository: Repository, tmp_path: Path) -> None:
    commit = clone_tag(str(repository.origin), "v1.0.0", tmp_path / "here")
    assert commit == repository.commits["1.0.0"]
    migrations = tmp_path / "here" / "projects" / "glec-api-backend" / "migrations"
    assert [file.name for file in migrations.iterdir()] == ["001_base-schema.sql"]


def test_a_clone_by_a_relative_path_finds_the_repository(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.origin.parent)
    assert clone_tag(repository.origin.name, "v1.1.0", tmp_path / "here") == repository.commits["1.1.0"]


def test_a_pushed_tag_is_annotated_and_on_its_commit(repository: Repository) -> None:
    with permit():
        push_annotated_tag(
            str(repository.origin), tag="greenflow/restore/1", commit=repository.commits["1.0.0"], message="before 1"
        )
    assert kind_of(repository, "greenflow/restore/1") == "tag"
    assert resolve_tag(str(repository.origin), "greenflow/restore/1") == repository.commits["1.0.0"]


def test_a_tag_that_exists_is_never_moved(repository: Repository) -> None:
    with permit(), pytest.raises(PermanentError, match="already exists"):
        push_annotated_tag(
            str(repository.origin), tag="v1.1.0", commit=repository.commits["1.0.0"], message="another place"
        )
    assert resolve_tag(str(repository.origin), "v1.1.0") == repository.commits["1.1.0"]


def test_a_tag_outside_of_an_effect_is_refused(repository: Repository) -> None:
    with pytest.raises(UnrecordedMutationError, match="git push tag greenflow/restore/2"):
        push_annotated_tag(
            str(repository.origin), tag="greenflow/restore/2", commit=repository.commits["1.0.0"], message="no"
        )
    assert "greenflow/restore/2" not in ls_remote_tags(str(repository.origin))


@pytest.mark.parametrize("tag", ["--upload-pack=/bin/true", "v1 v2", "a..b", "v1;x", "", "v1.lock", "v1/", "-v1"])
def test_what_is_no_tag_never_reaches_git(repository: Repository, tag: str) -> None:
    with pytest.raises(PermanentError, match="could not use the tag"):
        resolve_tag(str(repository.origin), tag)


def test_what_is_no_commit_never_reaches_git(repository: Repository) -> None:
    with permit(), pytest.raises(PermanentError, match="could not use the commit"):
        push_annotated_tag(str(repository.origin), tag="fine", commit="--force", message="no")


def test_a_repository_that_looks_like_an_option_is_none() -> None:
    with pytest.raises(PermanentError, match="could not git ls-remote"):
        ls_remote_tags("--upload-pack=touch /tmp/never")


def test_a_server_that_is_not_reached_may_be_tried_again() -> None:
    with pytest.raises(TransientError, match="could not git ls-remote"):
        ls_remote_tags("http://127.0.0.1:9/greenflow.git")


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match=r"source\.repository: found a password") as caught:
        ls_remote_tags("https://bot:hidden-word@127.0.0.1:9/greenflow.git")
    assert "hidden-word" not in str(caught.value)
