"""What the Prefect UI gets, asked of a real Prefect server."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from flows import showing
from flows.core.gates import Gate
from flows.core.judge import Judgement, judge
from flows.core.report import report_of
from flows.core.rollout import Rollout, State
from tasks.models import Check
from tests.core.judge_rows import row
from tests.core.release_told import POLICY, shipped

BAKING = Rollout(phases=(10, 50, 100), state=State.BAKING)


@pytest.fixture(scope="module")
def _prefect() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=60):
        yield


def judged(periods: int) -> Judgement:
    return judge([row(place) for place in range(periods)], 0, POLICY)


@flow(name="a-release-that-shows-itself")
def show_a_release() -> None:
    state = shipped()
    assert state.plan is not None
    gate = Gate(name="candidate ready", checks=(Check.of("health", ok=False, found="<b>503</b>", expected="200"),))
    showing.show_gate(gate)
    for periods in range(1, POLICY.min_periods + 1):  # far faster than anybody looks
        showing.show_bake(state.plan, BAKING, [judged(seen) for seen in range(1, periods + 1)], POLICY)
    showing.show_report(report_of(state))


@pytest.fixture(scope="module")
def artifacts(_prefect: None) -> list[dict[str, Any]]:
    show_a_release()
    with get_client(sync_client=True) as client:
        return [found.model_dump() for found in client.read_artifacts()]


def test_a_bake_that_is_polled_fast_makes_few_artifacts(artifacts: list[dict[str, Any]]) -> None:
    counted = Counter(found["key"] for found in artifacts)
    assert counted["canary-10"] <= 3
    assert counted["rollout"] == counted["report"] == counted["gate-candidate-ready"] == 1


def test_the_canary_is_a_table_that_ends_with_the_verdict(artifacts: list[dict[str, Any]]) -> None:
    newest = max((found for found in artifacts if found["key"] == "canary-10"), key=lambda found: found["created"])
    assert "✓ promote" in newest["description"]
    assert "0/300 (0.0 %)" in newest["data"]


def test_the_progress_ends_where_the_release_ended(artifacts: list[dict[str, Any]]) -> None:
    (progress,) = (found for found in artifacts if found["key"] == "rollout")
    assert float(progress["data"]) == 100
    assert progress["type"] == "progress"
    assert "✓ shipped" in progress["description"]


def test_every_artifact_belongs_to_the_run_of_its_release(artifacts: list[dict[str, Any]]) -> None:
    assert len({found["flow_run_id"] for found in artifacts}) == 1
    assert None not in {found["flow_run_id"] for found in artifacts}


def test_a_shut_gate_says_so_above_its_table(artifacts: list[dict[str, Any]]) -> None:
    (gate,) = (found for found in artifacts if found["key"] == "gate-candidate-ready")
    assert "refused" in gate["description"]
    assert "\\<b>" in gate["description"]
