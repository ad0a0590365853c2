"""What a release would change is told value by value, and what stays is told to stay."""

from typing import Any

import pytest

from flows.core.foresight import alarm_rows, asked_people, definition_rows, scaling_rows, schema_row, traffic_row
from tasks.approval_policy import ApprovalSettings, PhaseApproval, RollCallSettings
from tasks.models import ReleasePlan, Side, Weights

PLAN = ReleasePlan(
    release_id="1.1.0-TIME",
    version="1.1.0",
    environment="production",
    requested_by="U0LEE",
    commit="c" * 40,
    stable=Side.B,
    candidate=Side.A,
    phases=(10, 50, 100),
)


def definition(image: str, **environment: str) -> dict[str, Any]:
    api = {
        "name": "api",
        "image": image,
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "secrets": [{"name": "DATABASE_URL", "valueFrom": "arn:database"}],
    }
    return {"containerDefinitions": [{"name": "log-router", "image": "fluent-bit"}, api]}


def test_a_definition_is_compared_by_image_variables_and_secrets_of_the_one_container() -> None:
    today, tomorrow = definition("api@old", APP_VERSION="1.0.0", OLD="x"), definition("api@new", APP_VERSION="1.1.0")
    rows = {row.name: (row.today, row.tomorrow, row.changes) for row in definition_rows(today, tomorrow, "api")}
    assert rows == {
        "image": ("api@old", "api@new", True),
        "APP_VERSION": ("1.0.0", "1.1.0", True),
        "OLD": ("x", "", True),
        "DATABASE_URL": ("arn:database", "arn:database", False),
    }


def test_a_secret_in_plain_text_is_named_and_never_shown() -> None:
    rows = definition_rows(definition("api@old"), definition("api@new", API_KEY="hunter2"), "api", {"API_KEY"})
    assert ["hunter2" in str(row) for row in rows] == [False, False, False]


def test_traffic_is_told_in_its_steps_from_the_side_that_has_it() -> None:
    row = traffic_row(PLAN, Weights(a=0, b=100))
    assert row.today == "a 0 % / b 100 %"
    assert row.tomorrow == "a 10 % / b 90 % → a 50 % / b 50 % → a 100 % / b 0 %"


@pytest.mark.parametrize(("pending", "changes"), [((), False), (("002_bids", "003_fairs"), True)])
def test_a_schema_changes_only_when_something_is_pending(pending: tuple[str, ...], *, changes: bool) -> None:
    row = schema_row("001_init", pending)
    assert (row.changes, row.tomorrow) == (changes, pending[-1] if pending else "001_init")


def test_alarms_that_are_right_are_one_row_that_changes_nothing() -> None:
    rows = list(alarm_rows({"cpu-a": (), "cpu-b": (), "errors-a": ("Threshold: found 5, expected 1",)}))
    assert [(row.name, row.changes) for row in rows] == [("errors-a", True), ("2 alarms", False)]


def test_a_scale_in_that_people_have_suspended_stays_so() -> None:
    assert [row.changes for row in scaling_rows({"api-a": False, "api-b": True})] == [True, False]


def test_people_are_named_with_their_quorum_and_what_their_silence_means() -> None:
    rules = ApprovalSettings(
        approvers=("U0LEE", "U0KIM"),
        phases={100: PhaseApproval(quorum=2)},
        roll_call=RollCallSettings(needed=1),
    )
    assert list(asked_people((10, 50, 100), rules)) == [
        "on duty before the schema moves: 1 of U0LEE, U0KIM",
        "10 % -> 50 %: 1 of U0LEE, U0KIM; silence for 3600 s is a no",
        "50 % -> 100 %: 2 of U0LEE, U0KIM; silence for 3600 s is a no",
    ]
