"""The site is built by exit codes, with the values of this release and nothing else."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.twin.node import node_environment
from deployments.twin.repository import Repository, make_repository
from tasks import build
from tasks.build import build_site
from tasks.clients.node import Project
from tasks.errors import PermanentError, SettingsError, TransientError
from tasks.ledger import Ledger, open_ledger
from tasks.models import Check, Checkout
from tasks.settings import Settings
from tasks.source import check_out
from tests.tasks.stores import new_plan

GREEN = ("true",)


@pytest.fixture(scope="module")
def node_path(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return node_environment(tmp_path_factory.mktemp("node") / "bin")["PATH"].split(os.pathsep)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("git"), "1.1.0")


@pytest.fixture
def settings(new_settings: Callable[..., Settings], repository: Repository, node_path: list[str]) -> Settings:
    return new_settings(
        SOURCE__REPOSITORY=str(repository.origin),
        BUILD__PATH=json.dumps(node_path),
        LOAD_BALANCER__URL="https://api.greenflow.dev",
    )


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id="1.1.0-build", version="1.1.0") as opened:
        yield opened


@pytest.fixture
def checkout(settings: Settings, tmp_path: Path) -> Checkout:
    return check_out(settings.source, "1.1.0", tmp_path / "source")


def commands(settings: Settings, **replaced: tuple[str, ...]) -> Settings:
    """Replace some of npm's commands: what is tried here is what becomes of their endings."""
    given = {"install": GREEN, "lint": GREEN, "typecheck": GREEN, "build": GREEN, **replaced}
    return settings.model_copy(update={"build": settings.build.model_copy(update=given)})


def lay_bundle(checkout: Checkout, commit: str) -> None:
    dist = Path(checkout.folder) / "dist"
    dist.mkdir()
    (dist / "index.html").write_text(f"{commit} https://api.greenflow.dev/api/v2")


def failed(checks: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(check.name, check.found) for check in checks if check.outcome == "failed"]


def test_the_real_site_is_built_with_this_commit_and_api(
    settings: Settings, release: Ledger, checkout: Checkout
) -> None:
    plan = new_plan(commit=checkout.commit)
    proof = build_site.fn(settings, plan, checkout)
    assert proof.failed == ()
    assert 1_000 < proof.gzip_bytes < proof.raw_bytes < 500_000
    assert {check.name for check in proof.checks} >= {"lint", "strict type check", "bundle size"}
    served = json.loads((Path(proof.folder) / "vercel.json").read_text())
    assert "headers" in served
    shutil.rmtree(checkout.folder)


def test_a_lint_or_type_error_is_a_failed_check_with_its_exit_code(
    settings: Settings, release: Ledger, checkout: Checkout
) -> None:
    lay_bundle(checkout, checkout.commit)
    given = commands(settings, lint=("sh", "-c", "echo 'warning: unused'; exit 1"), typecheck=("false",))
    proof = build_site.fn(given, new_plan(commit=checkout.commit), checkout)
    assert failed(proof.checks) == [("lint", "exit code 1"), ("strict type check", "exit code 1")]
    assert proof.checks[0].note == "warning: unused"


def test_a_build_that_fails_is_an_error_although_its_output_could_be_filtered(
    settings: Settings, release: Ledger, checkout: Checkout
) -> None:
    given = commands(settings, build=("sh", "-c", "echo 'all is well'; exit 1"))
    with pytest.raises(PermanentError, match="ended with exit code 1"):
        build_site.fn(given, new_plan(commit=checkout.commit), checkout)


def test_a_registry_that_is_not_reached_may_be_tried_again(
    settings: Settings, release: Ledger, checkout: Checkout
) -> None:
    given = commands(settings, install=("sh", "-c", "echo 'npm error code ECONNRESET' >&2; exit 1"))
    with pytest.raises(TransientError, match="ECONNRESET"):
        build_site.fn(given, new_plan(commit=checkout.commit), checkout)


def test_a_secret_among_the_values_stops_the_build_before_anything_runs(
    settings: Settings, release: Ledger, checkout: Checkout
) -> None:
    given = commands(settings, install=("false",))
    given = given.model_copy(update={"build": given.build.model_copy(update={"variables": {"VITE_MY_TOKEN": "x"}})})
    with pytest.raises(SettingsError, match="VITE_MY_TOKEN"):
        build_site.fn(given, new_plan(commit=checkout.commit), checkout)


def test_the_build_knows_the_values_and_none_of_our_credentials(
    settings: Settings, release: Ledger, checkout: Checkout
) -> None:
    lay_bundle(checkout, checkout.commit)
    kept = Path(checkout.folder) / "env.txt"
    given = commands(settings, build=("sh", "-c", f"env > {kept}"))
    build_site.fn(given, new_plan(commit=checkout.commit), checkout)
    known = dict(line.split("=", 1) for line in kept.read_text().splitlines() if "=" in line)
    assert known["VITE_GIT_COMMIT"] == checkout.commit
    assert known["VITE_API_BASE_URL"] == "https://api.greenflow.dev/api/v2"
    assert not {name for name in known if name.startswith(("AWS_", "GREENFLOW_LEDGER"))}


def test_only_serving_rules_are_laid_beside_the_bundle(tmp_path: Path) -> None:
    project, bundle = tmp_path, tmp_path / "dist"
    bundle.mkdir()
    (project / "vercel.json").write_text(json.dumps({"buildCommand": "rm -rf /", "headers": []}))
    build._add_hosting(project, bundle)
    assert json.loads((bundle / "vercel.json").read_text()) == {"headers": []}


def test_without_node_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentError, match=r"install Node\.js 20 or newer, or name its folder in build\.path"):
        Project(tmp_path).run(("npm", "ci"), timeout_s=5, on_line=print)
