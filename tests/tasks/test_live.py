from collections.abc import Callable

import pytest

from tasks.errors import PermanentError, SettingsError
from tasks.live import container_image, observe_live, verify_account
from tasks.models import Side, Weights
from tests.tasks.production import Production


def test_the_account_that_is_meant_passes(production: Production) -> None:
    verify_account(production.settings)


def test_another_account_is_a_wrong_setting_with_both_numbers(new_production: Callable[..., Production]) -> None:
    production = new_production(AWS__ACCOUNT_ID="999999999999")
    with pytest.raises(SettingsError, match=r"aws\.account_id: found 123456789012, expected 999999999999"):
        verify_account(production.settings)


def test_both_sides_are_observed_as_they_run(production: Production) -> None:
    live = observe_live(production.settings)
    assert live.weights == Weights(a=100, b=0)
    assert (live.a.desired_count, live.a.running_count, live.a.healthy_targets, live.a.weight) == (2, 2, 2, 100)
    assert (live.b.desired_count, live.b.running_count, live.b.healthy_targets, live.b.weight) == (0, 0, 0, 0)
    assert live.a.task_definition_arn == production.seeded.task_definition_arn
    assert live.a.digest == production.seeded.digests["1.0.0"]
    assert live.of(Side.B).service == "greenflow-api-b"


def test_looking_changes_nothing(production: Production) -> None:
    before = production.aws.calls.since()[-1].number
    observe_live(production.settings)
    assert not [call for call in production.aws.calls.since(before) if call.mutating]


def test_an_image_by_tag_is_told_by_the_digest_its_tasks_pulled(production: Production) -> None:
    arn = production.register_image(f"{production.seeded.repository_uri}:1.0.0")
    production.run("b", arn, 1)
    live = observe_live(production.settings)
    assert live.b.image.endswith(":1.0.0")
    assert live.b.digest == production.seeded.digests["1.0.0"]


def test_a_service_that_is_missing_is_named(new_production: Callable[..., Production]) -> None:
    production = new_production(SIDES__B__SERVICE="greenflow-api-x")
    with pytest.raises(PermanentError, match=r"service greenflow-api-x .*found status MISSING, expected ACTIVE"):
        observe_live(production.settings)


def test_a_container_that_is_not_there_is_named_with_those_that_are(production: Production) -> None:
    definition = {"taskDefinitionArn": "arn:x", "containerDefinitions": [{"name": "sidecar", "image": "i"}]}
    with pytest.raises(PermanentError, match="container api in arn:x: found sidecar"):
        container_image(definition, "api")  # type: ignore[arg-type]
