"""Releases that people steer by other doors than Slack, on a twin where nobody clicks."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deployments.twin.slack import Person
from flows.core.record import Ending
from tests.rehearsal.conftest import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]


def greenflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "deployments.cli", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_an_operator_steers_a_release_at_the_command_line_and_calls_it_back(stage: Stage) -> None:
    stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("the first ask", lambda state: state.open_ask is not None, version)
    approved = greenflow("approve", "--environment", "rehearsal", "--reason", "looks fine")
    assert approved.returncode == 0, approved.stderr
    assert f"{version} from 10 % to 50 %" in approved.stdout
    stage.until("a bake at 50 %", lambda state: state.rollout == "baking" and state.phase == 1, version)
    shown = greenflow("status", "--environment", "rehearsal")
    assert "50 %" in shown.stdout
    called = greenflow("rollback", "--environment", "rehearsal", "--reason", "a customer called")
    assert called.returncode == 0, called.stderr
    ended = stage.finish(child, users)
    assert ended.code == 4, ended.said
    assert ended.report.ending is Ending.REJECTED
    assert "a customer called" in ended.report.verdict
    assert stage.weights() == before
    assert ended.failed == 0


def test_nothing_can_be_answered_when_nothing_is_asked(stage: Stage) -> None:
    refused = greenflow("approve", "--environment", "rehearsal")
    assert refused.returncode == 3
    assert "asks nothing right now" in refused.stderr


def test_a_person_answers_in_the_prefect_ui_where_the_environment_allows_it(stage: Stage) -> None:
    stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    asked = stage.until("the first ask", lambda state: state.open_ask is not None, version)
    resume(stage, asked.flow_run_id, {"decision": "reject", "reason": "not tonight"})
    ended = stage.finish(child, users)
    assert ended.code == 4, ended.said
    (answer,) = ended.state.answers.values()
    assert (answer.door, answer.decision, answer.reason) == ("ui", "reject", "not tonight")
    assert stage.weights() == before


def test_a_resume_in_the_prefect_ui_opens_nothing_where_it_is_not_allowed(stage: Stage) -> None:
    stage.twin.slack.person = Person("U0TWINPERSON", decision="silent")
    users, version = stage.users(), stage.publish()
    strict = {"GREENFLOW_APPROVAL__ALLOW_UNVERIFIED_RESUME": "false", "GREENFLOW_APPROVAL__EXPIRES_S": "12"}
    child = stage.start(version, **strict)
    asked = stage.until("the first ask", lambda state: state.open_ask is not None, version)
    resume(stage, asked.flow_run_id, {"decision": "approve", "reason": "let it through"})
    ended = stage.finish(child, users)
    assert ended.code == 4, ended.said
    assert {answer.door for answer in ended.state.answers.values()} == {"clock"}
    assert any(event.kind == "ask.refused" for event in ended.events)


def resume(stage: Stage, flow_run_id: str, given: dict[str, str]) -> None:
    """Press Resume and Submit, as the UI does: until the run is paused there is nothing to press."""
    assert stage.twin.prefect is not None
    url = f"{stage.twin.prefect.ui_url}/api/flow_runs/{flow_run_id}/resume"

    def accepted() -> bool:
        return bool(httpx.post(url, json={"run_input": given}).json().get("status") == "ACCEPT")

    stage.eventually("a paused run", accepted)
