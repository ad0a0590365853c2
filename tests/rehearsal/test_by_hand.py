"""Releases that people steer in the Prefect UI, on a twin where nobody clicks."""

import httpx
import pytest

from deployments.twin.slack import Person
from tests.rehearsal.conftest import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(240)]


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
