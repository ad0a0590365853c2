"""No secret is left anywhere by a release: Prefect, ledger, logs, Slack, plain or encoded (safety I22)."""

import pytest

from deployments.prove.secrets_left import forms_of, secrets_of, sweep
from deployments.twin.slack import Person
from tests.rehearsal.conftest import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(400)]

CANARY = "canaryKEYcanaryKEYcanaryKEYcanaryKEY0123"


def test_neither_a_release_that_ships_nor_one_that_comes_home_leaves_a_secret(stage: Stage) -> None:
    assert stage.release(AWS_SECRET_ACCESS_KEY=CANARY).code == 0
    stage.twin.slack.person = Person("U0TWINPERSON", decision="reject", delay_s=0.2)
    assert stage.release(AWS_SECRET_ACCESS_KEY=CANARY).code == 4
    found = sweep(stage.twin, stage.settings, {"the AWS secret key": CANARY})
    assert found.places > 100
    assert found.found == ()


def test_a_secret_is_found_in_every_form_it_may_have(stage: Stage) -> None:
    secret = secrets_of(stage.twin)["the Slack token"]
    for number, form in enumerate(forms_of(secret)):
        (stage.twin.folder / f"left-{number}.log").write_bytes(b"some words " + form + b" and others")
    found = sweep(stage.twin, stage.settings).found
    assert {f"the Slack token in left-{number}.log" for number in range(len(forms_of(secret)))} <= set(found)
