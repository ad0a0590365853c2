import copy

import pytest

from deployments.twin.aws import FaultRule
from tasks.checklist.ground import look_at_ground
from tasks.errors import PermanentError, RemoteError, TransientError
from tasks.ledger import Ledger
from tasks.models import Weights
from tasks.weights import actions_giving, read_weights, shift_home, shift_weights, sticky_s
from tests.tasks.production import Production

HOME = Weights(a=100, b=0)
FIRST = Weights(a=90, b=10)
SECOND = Weights(a=50, b=50)


def test_the_live_weights_are_read_from_the_one_rule(production: Production) -> None:
    production.set_weights(30, 70)
    assert read_weights(production.settings) == Weights(a=30, b=70)


def test_weights_that_do_not_sum_to_100_are_drift(production: Production) -> None:
    production.set_weights(3, 1)
    with pytest.raises(PermanentError, match=r"drift: found .*greenflow-api-a.* 3.*expected .*sum to 100"):
        read_weights(production.settings)


def test_a_rule_that_names_a_foreign_target_group_is_drift(production: Production) -> None:
    actions = production.actions()
    actions[-1].pop("TargetGroupArn", None)
    del actions[-1]["ForwardConfig"]["TargetGroups"][1]
    actions[-1]["ForwardConfig"]["TargetGroups"][0]["Weight"] = 100
    production.set_actions(actions)
    with pytest.raises(PermanentError, match="drift"):
        read_weights(production.settings)


def test_shifted_weights_are_returned_as_read_back(production: Production, release: Ledger) -> None:
    assert shift_weights(production.settings, FIRST, allowed_before=(HOME,)) == FIRST
    assert production.weights() == {"a": 90, "b": 10}


def test_a_shift_that_is_done_calls_nothing(production: Production, release: Ledger) -> None:
    shift_weights(production.settings, FIRST, allowed_before=(HOME,))
    before = production.calls("ModifyRule")
    assert shift_weights(production.settings, FIRST, allowed_before=(HOME,)) == FIRST
    assert production.calls("ModifyRule") == before


def test_weights_somebody_else_set_are_not_overwritten(production: Production, release: Ledger) -> None:
    production.set_weights(70, 30)
    before = production.calls("ModifyRule")
    with pytest.raises(PermanentError, match=r"found weights a 70 % / b 30 %, expected a 100 % / b 0 % or a 90 %"):
        shift_weights(production.settings, FIRST, allowed_before=(HOME,))
    assert production.weights() == {"a": 70, "b": 30}
    assert production.calls("ModifyRule") == before


def test_weights_that_change_between_the_look_and_the_call_are_not_overwritten(
    production: Production, release: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    require = release.lock.require

    def meddle(margin_s: float) -> None:
        production.set_weights(70, 30)
        require(margin_s)

    monkeypatch.setattr(release.lock, "require", meddle)
    with pytest.raises(PermanentError, match="drift"):
        shift_weights(production.settings, FIRST, allowed_before=(HOME,))
    assert production.weights() == {"a": 70, "b": 30}


def test_stickiness_authentication_and_order_are_kept(production: Production, release: Ledger) -> None:
    actions = production.actions()
    actions[-1].pop("TargetGroupArn", None)
    actions[-1]["Order"] = 2
    actions[-1]["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
    oidc = {
        "Issuer": "https://idp.example",
        "AuthorizationEndpoint": "https://idp.example/a",
        "TokenEndpoint": "https://idp.example/t",
        "UserInfoEndpoint": "https://idp.example/u",
        "ClientId": "client",
        "ClientSecret": "kept-by-the-load-balancer",
    }
    production.set_actions([{"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": oidc}, *actions])
    before = production.actions()
    shift_weights(production.settings, FIRST, allowed_before=(HOME,))
    after = production.actions()
    assert production.weights() == {"a": 90, "b": 10}
    assert [(action["Type"], action["Order"]) for action in after] == [("authenticate-oidc", 1), ("forward", 2)]
    assert after[1]["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"] is True
    assert after[0]["AuthenticateOidcConfig"]["ClientId"] == before[0]["AuthenticateOidcConfig"]["ClientId"]
    assert actions_giving(production.settings, before, FIRST)[0]["AuthenticateOidcConfig"]["UseExistingClientSecret"]


def test_a_rule_that_keeps_users_on_their_side_is_refused_before_anything_is_touched(production: Production) -> None:
    actions = production.actions()
    assert sticky_s(actions) == 0
    actions[-1].pop("TargetGroupArn", None)
    actions[-1]["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 3600}
    production.set_actions(actions)
    assert sticky_s(production.actions()) == 3600
    _, wrong = look_at_ground(production.settings)
    assert "listener_rule_arn: found target group stickiness of 3600 s, expected none" in str(wrong["listener rule"])


def test_changing_weights_leaves_the_actions_that_were_read_alone(production: Production) -> None:
    actions = tuple(production.actions())
    before = copy.deepcopy(actions)
    changed = actions_giving(production.settings, actions, SECOND)
    assert actions == before
    assert changed[0]["Order"] == actions[0]["Order"]
    assert "TargetGroupArn" not in changed[0]


@pytest.mark.parametrize("kind", ["lost_answer", "503_after", "empty_200"])
def test_a_shift_whose_answer_is_lost_is_seen_and_not_repeated(
    production: Production, release: Ledger, kind: str
) -> None:
    production.aws.faults.add(FaultRule(kind, "elbv2", "ModifyRule"))
    before = production.calls("ModifyRule")
    assert shift_weights(production.settings, FIRST, allowed_before=(HOME,)) == FIRST
    assert production.calls("ModifyRule") == before + 1


@pytest.mark.parametrize("kind", ["throttle", "500_before", "reset_before"])
def test_a_shift_that_did_not_happen_fails_after_one_call(production: Production, release: Ledger, kind: str) -> None:
    production.aws.faults.add(FaultRule(kind, "elbv2", "ModifyRule"))
    before = production.calls("ModifyRule")
    with pytest.raises(RemoteError, match="could not set the weights"):
        shift_weights(production.settings, FIRST, allowed_before=(HOME,))
    assert production.calls("ModifyRule") == before + 1
    assert production.weights() == {"a": 100, "b": 0}


def test_going_home_takes_whatever_weights_there_are(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(37, 63)
    assert shift_home(production.settings, point) == HOME
    assert production.weights() == {"a": 100, "b": 0}


def test_going_home_is_not_believed_before_it_is_seen(production: Production, release: Ledger) -> None:
    point = production.restore_point()
    production.set_weights(50, 50)
    production.aws.faults.add(FaultRule("500_before", "elbv2", "ModifyRule", count=None))
    with pytest.raises(TransientError, match=r"traffic\.home"):
        shift_home(production.settings, point)
