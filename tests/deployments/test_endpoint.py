"""Another terminal finds what is served, for as long as it is."""

import os
from pathlib import Path

import pytest

from deployments import endpoint

URL = "PREFECT_API_URL"


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FILE", tmp_path / "twin.json")
    monkeypatch.delenv(URL, raising=False)


def test_a_command_talks_to_the_prefect_that_is_served_for_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint.published({URL: "http://127.0.0.1:4200/api"}, "production"):
        monkeypatch.delenv(URL)  # another terminal
        endpoint.settings_of("staging")
        assert URL not in os.environ
        endpoint.settings_of("production")
        assert os.environ[URL] == "http://127.0.0.1:4200/api"


def test_what_a_terminal_has_set_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint.published({URL: "http://127.0.0.1:4200/api"}, "production"):
        monkeypatch.setenv(URL, "https://prefect.greenflow.dev/api")
        endpoint.settings_of("production")
        assert os.environ[URL] == "https://prefect.greenflow.dev/api"


def test_what_is_over_is_not_found(tmp_path: Path) -> None:
    with endpoint.published({URL: "http://127.0.0.1:4200/api"}, "production"):
        assert (tmp_path / "production.json").stat().st_mode & 0o777 == 0o600
    endpoint.settings_of("production")
    assert URL not in os.environ
    assert list(tmp_path.iterdir()) == []
