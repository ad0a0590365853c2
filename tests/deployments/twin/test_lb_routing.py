"""Rules by priority, groups by weight, targets in turn."""

import math
from collections import Counter
from typing import Any

import pytest

from deployments.twin.lb_routing import Router, parse_routes
from tests.deployments.twin.data_plane import group, groups_of, rule, seeded


def router(rules: list[dict[str, Any]], groups: dict[str, Any] | None = None, seed: int = 1) -> Router:
    found = Router(seeded(seed))
    found.routes = parse_routes({"version": 3, "rules": rules, "groups": groups or groups_of(a=1, b=2)})
    return found


def side_of(found: Router, path: bytes = b"/", **headers: bytes) -> str:
    choice = found.choose({name.replace("_", "-").encode(): value for name, value in headers.items()}, path)
    return choice.group.name[-1] if choice else ""


def test_rules_are_tried_by_priority_whatever_their_order_and_the_default_comes_last() -> None:
    found = router([rule(b=1), rule(20, side="*", b=1), rule(3, side="a", a=1)])
    assert side_of(found, x_greenflow_side=b"a") == "a"
    assert side_of(found, x_greenflow_side=b"other") == "b"
    assert side_of(found) == "b"


def test_header_values_match_in_any_case_and_with_awss_wildcards() -> None:
    found = router([rule(1, side="side-?", a=1), rule(b=1)])
    assert side_of(found, x_greenflow_side=b"SIDE-A") == "a"
    assert side_of(found, x_greenflow_side=b"side-ab") == "b"


def test_brackets_in_a_value_are_themselves() -> None:
    found = router([rule(1, side="[ab]", a=1), rule(b=1)])
    assert side_of(found, x_greenflow_side=b"a") == "b"
    assert side_of(found, x_greenflow_side=b"[ab]") == "a"


def test_paths_match_by_case() -> None:
    found = router([{**rule(1, a=1), "paths": ["/api/*", "/exact"]}, rule(b=1)])
    assert [side_of(found, path) for path in (b"/api/v2/x", b"/exact", b"/API/v2", b"/exact/y")] == ["a", "a", "b", "b"]


@pytest.mark.parametrize("weight", [1, 10, 50, 90])
def test_shares_are_binomial(weight: int) -> None:
    found = router([rule(a=100 - weight, b=weight)])
    total = 40_000
    got = Counter(side_of(found) for _ in range(total))["b"]
    share = weight / 100
    assert abs(got - total * share) < 4 * math.sqrt(total * share * (1 - share))


def test_a_weight_of_nought_gets_nothing() -> None:
    found = router([rule(a=100, b=0)])
    assert Counter(side_of(found) for _ in range(5000)) == {"a": 5000}


def test_no_weight_at_all_and_no_rule_at_all_are_nobodys() -> None:
    assert router([rule(a=0, b=0)]).choose({}, b"/") is None
    assert router([]).choose({}, b"/") is None
    assert router([rule(unknown=1)]).choose({}, b"/") is None


def test_the_same_seed_draws_the_same() -> None:
    draws = [[side_of(found) for _ in range(50)] for found in (router([rule(a=1, b=1)], seed=5) for _ in range(2))]
    assert draws[0] == draws[1]


def targets_of(*healths: str) -> list[int]:
    members = [("127.0.0.1", port, health) for port, health in enumerate(healths)]
    found = router([rule(a=1)], group("a", *members))
    choices = [found.choose({}, b"/") for _ in range(6)]
    return [choice.target.port for choice in choices if choice and choice.target]


def test_healthy_targets_take_turns_and_the_others_get_nothing() -> None:
    assert targets_of("healthy", "unhealthy", "healthy", "initial") == [0, 2, 0, 2, 0, 2]


def test_without_a_healthy_target_all_are_tried() -> None:
    assert targets_of("unhealthy", "initial") == [0, 1, 0, 1, 0, 1]


def test_a_draining_target_gets_nothing_new_even_alone() -> None:
    assert targets_of("draining", "unhealthy") == [1] * 6
    assert targets_of("draining") == []


def test_a_choice_knows_its_version_and_whether_users_were_weighed() -> None:
    found = router([rule(1, side="a", a=1), rule(a=1)])
    weighed, marked = found.choose({}, b"/"), found.choose({b"x-greenflow-side": b"a"}, b"/")
    assert weighed is not None
    assert marked is not None
    assert (weighed.version, weighed.weighs_users, marked.weighs_users) == (3, True, False)
