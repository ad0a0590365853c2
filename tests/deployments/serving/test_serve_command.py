"""What `greenflow serve` says before it starts anything, and what it tells Prefect of an environment."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from deployments.serving.parts import deployments_for
from deployments.serving.serve import serve
from deployments.serving.wanted import Wanted
from tasks.errors import SettingsError

QUIET = Console(quiet=True)


def test_a_port_where_another_program_answers_is_refused_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"found {port} taken by another program"):
            serve(Wanted("rehearsal", port=port, log=tmp_path / "serve.log"), QUIET)


@pytest.mark.parametrize("wanted", [Wanted("rehearsal", database="env:DATABASE"), Wanted("rehearsal", auth="env:AUTH")])
def test_a_rehearsal_refuses_what_only_a_lasting_server_needs(tmp_path: Path, wanted: Wanted) -> None:
    with pytest.raises(SettingsError, match="a rehearsal brings its own PostgreSQL and Prefect"):
        serve(replace(wanted, log=tmp_path / "serve.log"), QUIET)


def test_the_forms_begin_with_the_environment_that_is_served_and_everything_else_is_as_shipped() -> None:
    shipped = yaml.safe_load((Path(__file__).parents[3] / "prefect.yaml").read_text())
    served = yaml.safe_load(deployments_for("staging"))
    begins = {each["name"]: each.get("parameters", {}).get("environment") for each in served["deployments"]}
    assert begins == {
        "release": "staging",
        "rollback": "staging",
        "rehearsal": None,
        "drill": None,
        "aftercare": "staging",
    }
    for deployment in (*shipped["deployments"], *served["deployments"]):
        deployment.get("parameters", {}).pop("environment", None)
    assert served == shipped
