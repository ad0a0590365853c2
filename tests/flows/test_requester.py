"""Who asked for a release is told honestly, also where Prefect knows nobody."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows import requester as module
from flows.requester import requester

DEPLOYMENT = uuid4()


def run(**facts: object) -> FlowRun:
    return FlowRun.model_validate({"flow_id": uuid4(), **facts})


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        (run(deployment_id=DEPLOYMENT, auto_scheduled=True), "the schedule"),
        (run(deployment_id=DEPLOYMENT), "the Prefect UI or API"),
        (
            run(
                deployment_id=DEPLOYMENT, created_by={"id": uuid4(), "type": "AUTOMATION", "display_value": "bad night"}
            ),
            "the automation bad night",
        ),
        (run(), "somebody"),
    ],
)
def test_a_run_that_names_nobody_says_what_started_it(
    monkeypatch: pytest.MonkeyPatch, started: FlowRun, expected: str
) -> None:
    context = SimpleNamespace(get=lambda: SimpleNamespace(flow_run=started))
    monkeypatch.setattr(module, "FlowRunContext", context)
    assert requester("") == expected
    assert requester(" U0LEE ") == "U0LEE"


def test_outside_of_a_run_it_is_somebody() -> None:
    assert requester("") == "somebody"
