"""Tell the twin's load balancer the rules, targets and their health, whenever they change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_health import Targets

_WEIGHTS_KEPT = 1000


class Routes:
    """Keep the routes' document and its version, which grows with every change of them."""

    def __init__(self, account: Account, targets: Targets, long_poll_s: float) -> None:
        self._account = account
        self._targets = targets
        self._long_poll_s = long_poll_s
        self._changed = threading.Condition()
        self._closed = False
        self._version = 0
        self._content: dict[str, Any] = {"rules": [], "groups": {}}
        self._weights: dict[int, dict[str, int]] = {0: {}}

    def refresh(self) -> None:
        """Look at the account again, and raise the version if something is different."""
        with self._account.lock:
            self._publish({"rules": list(_rules(self._account)), "groups": self._groups()})

    def newer_than(self, version: int) -> dict[str, Any]:
        """Give the document; waits up to the long poll's seconds for one newer than `version`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._version > version, timeout=self._long_poll_s)
            return {"version": self._version, **self._content}

    def weights_at(self, version: int | None) -> dict[str, int]:
        """Give the weights by target group of a version of the routes; those of today if it is unknown."""
        with self._changed:
            today = self._weights[self._version]
            return today if version is None else self._weights.get(version, today)

    def close(self) -> None:
        """Let go of everybody who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _publish(self, content: dict[str, Any]) -> None:
        with self._changed:
            if content == self._content:
                return
            self._content = content
            self._version += 1
            self._weights[self._version] = live_weights(content["rules"])
            self._weights.pop(self._version - _WEIGHTS_KEPT, None)
            self._changed.notify_all()

    def _groups(self) -> dict[str, Any]:
        groups = list(self._account.elbv2.target_groups.values())
        return {group.arn: {"name": group.name, "targets": self._targets.routable(group.arn)} for group in groups}


def groups_in_use(account: Account) -> set[str]:
    """Name the target groups some rule forwards to, at whatever weight: only these get health checks."""
    actions = (action for rule in _live_rules(account) for action in rule.actions)
    return {entry["group"] for action in actions for entry in _forward(action.data)}


def live_weights(rules: list[dict[str, Any]]) -> dict[str, int]:
    """Give the weights of the first rule that splits traffic over several groups, empty if none does."""
    splits = [rule["forward"] for rule in rules if len(rule["forward"]) > 1]
    return {entry["group"]: entry["weight"] for entry in splits[0]} if splits else {}


def _rules(account: Account) -> Iterator[dict[str, Any]]:
    for rule in _live_rules(account):
        conditions = {condition["Field"]: condition for condition in rule.conditions}
        forward = [entry for action in rule.actions for entry in _forward(action.data)]
        yield {
            "priority": rule.priority,
            "header": _header(conditions.get("http-header")),
            "paths": _paths(conditions.get("path-pattern")),
            "forward": forward,
        }


def _live_rules(account: Account) -> list[Any]:
    """Read the first listener of the first load balancer, in the order in which its rules are tried."""
    for balancer in account.elbv2.load_balancers.values():
        for listener in balancer.listeners.values():
            rules = list(listener.rules.values())
            return sorted(rules, key=lambda rule: (rule.is_default, 0 if rule.is_default else int(rule.priority)))
    return []


def _forward(action: dict[str, Any]) -> list[dict[str, Any]]:
    if action.get("Type") != "forward":
        return []
    groups = action.get("ForwardConfig", {}).get("TargetGroups")
    if not groups:
        return [{"group": action["TargetGroupArn"], "weight": 1}]
    return [{"group": group["TargetGroupArn"], "weight": int(group.get("Weight", 1))} for group in groups]


def _header(condition: dict[str, Any] | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    config = condition["HttpHeaderConfig"]
    return {"name": config["HttpHeaderName"], "values": config["Values"]}


def _paths(condition: dict[str, Any] | None) -> list[str] | None:
    if condition is None:
        return None
    config: dict[str, Any] = condition.get("PathPatternConfig") or condition
    return list(config["Values"])
