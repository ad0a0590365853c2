"""Each mishap does to the twin what its sentence says; tests/rehearsal/test_mishaps.py releases into all of them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from deployments.twin.mishaps import MISHAPS
from deployments.twin.repository import Repository, make_repository
from deployments.twin.vercel import VercelStandIn
from tasks.clients.postgres import client_version
from tasks.clients.vercel import open_vercel
from tasks.settings import Settings
from tasks.site_domain import check_certificate, check_domain

if TYPE_CHECKING:
    from deployments.twin.stack import Twin

WITH_FILES = [name for name, mishap in MISHAPS.items() if mishap.files]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("git"), "1.1.0")


@pytest.fixture
def vercel(tmp_path: Path) -> Iterator[VercelStandIn]:
    with VercelStandIn(build_s=0.1, alias_s=0.05) as started:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "index.html").write_text("1.0.0")
        started.publish(tmp_path / "site", {"version": "1.0.0"})
        yield started


@pytest.fixture
def twin(vercel: VercelStandIn, tmp_path: Path) -> "Twin":
    """As much of a twin as these mishaps touch."""
    return cast("Twin", SimpleNamespace(vercel=vercel, folder=tmp_path, url="http://127.0.0.1:1"))


@pytest.mark.parametrize("name", WITH_FILES)
def test_a_mishap_of_the_source_is_in_its_version_and_in_no_later_one(repository: Repository, name: str) -> None:
    mishap, number = MISHAPS[name], WITH_FILES.index(name)
    before = {file: _now(repository, file) for file in mishap.files}
    repository.add_version(f"3.{number}.0", files=mishap.files)
    spoiled = repository.clone(f"3.{number}.0", repository.path.parent / f"spoiled-{number}")
    assert {file: (spoiled / file).read_text() for file in mishap.files} == dict(mishap.files)
    repository.add_version(f"3.{number}.1")
    assert {file: _now(repository, file) for file in mishap.files} == before


def _now(repository: Repository, file: str) -> str | None:
    path = repository.path / file
    return path.read_text() if path.exists() else None


@pytest.mark.parametrize("name", ["certificate-expired", "certificate-ends-soon", "certificate-wrong-host"])
def test_a_mishap_of_the_certificate_is_what_a_release_refuses(
    twin: "Twin",
    vercel: VercelStandIn,
    new_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    given = dict(MISHAPS[name].befall(twin, "1.1.0"))
    monkeypatch.setenv("SSL_CERT_FILE", given.pop("SSL_CERT_FILE"))
    monkeypatch.setenv("VERCEL_TOKEN_OF_THE_TEST", vercel.token)
    own = {
        "SITE__API_URL": vercel.url,
        "SITE__TOKEN": "env:VERCEL_TOKEN_OF_THE_TEST",
        "SITE__PROJECT_ID": vercel.project_id,
    }
    settings = new_settings(**own, **{key.removeprefix("GREENFLOW_"): value for key, value in given.items()})
    assert re.search(MISHAPS[name].says, check_certificate(settings).line)
    with open_vercel(settings.site, settings.aws) as client:
        assert check_domain(settings, client).outcome == "passed"


def test_the_old_pg_dump_says_that_it_is_old(tmp_path: Path) -> None:
    real = SimpleNamespace(bin=tmp_path / "nowhere")
    twin = cast("Twin", SimpleNamespace(folder=tmp_path, postgres=real))
    tools = MISHAPS["old-pg-dump"].befall(twin, "1.1.0")["GREENFLOW_DATABASE__TOOLS"]
    assert client_version(f"{tools}/pg_dump") == (13, "13.9")


def test_every_mishap_says_what_people_must_find() -> None:
    for mishap in MISHAPS.values():
        assert re.compile(mishap.says)
        assert mishap.sentence.endswith(".")
