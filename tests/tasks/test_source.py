"""What is released is the tag's commit, and the plan's."""

from pathlib import Path

import pytest

from deployments.twin.repository import Repository, make_repository
from tasks.errors import PermanentError
from tasks.ledger import Ledger
from tasks.settings import Settings, SourceSettings
from tasks.source import check_out, check_out_source, find_commit
from tests.tasks.stores import new_plan


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("git"), "1.1.0")


@pytest.fixture
def source(repository: Repository) -> SourceSettings:
    return SourceSettings(repository=str(repository.origin))


def test_the_checkout_is_of_the_planned_commit(
    settings: Settings, ledger: Ledger, repository: Repository, source: SourceSettings, tmp_path: Path
) -> None:
    given = settings.model_copy(update={"source": source})
    plan = new_plan(commit=repository.commits["1.1.0"])
    found = check_out_source.fn(given, plan, tmp_path / "source")
    assert found.failed == ()
    assert (found.tag, found.commit) == ("v1.1.0", plan.commit)
    assert (Path(found.folder) / "package.json").is_file()


def test_a_tag_on_another_commit_than_planned_is_refused(
    settings: Settings, ledger: Ledger, repository: Repository, source: SourceSettings, tmp_path: Path
) -> None:
    given = settings.model_copy(update={"source": source})
    (check,) = check_out_source.fn(given, new_plan(commit="f" * 40), tmp_path / "source").failed
    assert check.found == repository.commits["1.1.0"]
    assert check.expected == "f" * 40


def test_what_an_earlier_try_left_is_replaced(source: SourceSettings, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    check_out(source, "1.0.0", folder)
    (folder / "left.txt").write_text("rubbish")
    check_out(source, "1.1.0", folder)
    assert not (folder / "left.txt").exists()


def test_a_version_without_a_tag_is_named(source: SourceSettings, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"the tag v7\.0\.0"):
        check_out(source, "7.0.0", tmp_path / "source")


def test_the_commit_is_found_without_a_checkout(source: SourceSettings, repository: Repository) -> None:
    assert find_commit(source, "1.0.0") == repository.commits["1.0.0"]
