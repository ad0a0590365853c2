"""What somebody else changed is told by name, with what is found and expected, once, and never overwritten."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployments.guard.watchman import Watchman
from tasks.ledger import note, open_ledger
from tasks.operations import open_operation
from tests.deployments.guard.scene import Scene


@pytest.fixture
def over(new_scene: Callable[..., Scene]) -> Iterator[Scene]:
    """Leave a release behind that went home, and a guard that has seen it so."""
    scene = new_scene(GUARD__WATCH_S="0")
    scene.production.aws.client("cloudwatch").put_metric_alarm(**alarm(5))
    plan = scene.production.plan
    with open_ledger(scene.settings, release_id=plan.release_id, version=plan.version):
        scene.tell("baking", 50, 1)
        scene.production.set_weights(100, 0)
        note("release.ended", {"ending": "rolled back", "reason": "bad"})
    never_scale_below(scene, 2)
    assert Watchman(scene.settings).look() == "all quiet"
    yield scene
    never_scale_below(scene, 0)


def never_scale_below(scene: Scene, least: int) -> None:
    """Let sizes below be people's doing, not autoscaling's."""
    scene.production.aws.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/greenflow/greenflow-api-b",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=least,
    )


def alarm(threshold: float) -> dict[str, Any]:
    series = {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count", "Dimensions": []}
    return {
        "AlarmName": "greenflow-errors",
        "Metrics": [{"Id": "failed", "MetricStat": {"Metric": series, "Period": 60, "Stat": "Sum"}}],
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def told(scene: Scene) -> list[str]:
    return [text for text in scene.texts() if "Somebody changed" in text]


def test_every_kind_of_change_is_told_once_with_what_is_found_and_expected(over: Scene) -> None:
    production, ecs = over.production, over.production.aws.client("ecs")
    group = production.seeded.target_group_arns["b"].rpartition("targetgroup/")[2]
    arn = production.register_image(f"{production.seeded.repository_uri}:1.1.0")
    production.set_weights(70, 30)
    ecs.update_service(cluster="greenflow", service="greenflow-api-b", taskDefinition=arn, desiredCount=1)
    production.aws.client("cloudwatch").put_metric_alarm(**alarm(50))
    calls = over.last_call()
    Watchman(over.settings).look()
    lines = " | ".join(told(over))
    assert f"weight of {group}: found 30 %, expected 0 %" in lines
    assert f"task definition of greenflow-api-b: found {arn.rpartition('/')[2]}, expected" in lines
    assert "tasks wanted of greenflow-api-b: found 1, expected 0" in lines
    assert "alarm greenflow-errors, Threshold: found 50, expected 5" in lines
    number = len(told(over))
    Watchman(over.settings).look()
    assert len(told(over)) == number
    assert not [call for call in over.calls(calls) if call.mutating]


def test_a_changed_rule_is_told_by_the_place_that_differs(over: Scene) -> None:
    actions = over.production.actions()
    actions[-1].pop("TargetGroupArn", None)
    actions[-1]["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
    over.production.set_actions(actions)
    Watchman(over.settings).look()
    assert "TargetGroupStickinessConfig, Enabled: found True, expected False" in " | ".join(told(over))


def test_what_is_put_right_and_changed_again_is_told_again(over: Scene) -> None:
    for _ in range(2):
        over.production.set_weights(70, 30)
        assert "found 30 %" in Watchman(over.settings).look()
        over.production.set_weights(100, 0)
        assert Watchman(over.settings).look() == "all quiet"
    assert len([text for text in told(over) if "found 30 %" in text]) == 2


def test_weights_that_a_running_release_did_not_set_are_told(scene: Scene) -> None:
    scene.die(weight=50, lease_s=60)
    watchman = Watchman(scene.settings)
    assert watchman.look() == "a release is running"
    scene.production.set_weights(40, 60)
    assert watchman.look() == "weights: found a 40 % / b 60 %, expected a 50 % / b 50 %"
    assert len(told(scene)) == 1


def test_what_people_do_between_releases_hides_no_change_from_the_guard(over: Scene) -> None:
    with open_operation(over.settings, "infra", requested_by="somebody"):
        assert Watchman(over.settings).look() == "all quiet"
        over.production.set_weights(70, 30)
        assert "found 30 %" in Watchman(over.settings).look()
    over.production.set_weights(100, 0)
    assert Watchman(over.settings).look() == "all quiet"
    over.production.set_weights(60, 40)
    assert "found 40 %" in Watchman(over.settings).look()
    assert len([text for text in told(over) if "found 30 %" in text]) == 1


def test_an_operation_whose_process_died_hides_no_change_either(over: Scene) -> None:
    with open_operation(over.settings, "infra", requested_by="somebody") as operation:
        operation.lock.abandon()
    over.expire()
    over.production.set_weights(70, 30)
    assert "found 30 %" in Watchman(over.settings).look()
