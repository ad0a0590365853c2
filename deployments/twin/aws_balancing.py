"""Do for the load balancer what moto does not: targets with a health of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError
from deployments.twin.aws_health import Target, target_health

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.aws_health import Targets
    from deployments.twin.aws_layer import Operations
    from deployments.twin.aws_routes import Routes

_NOT_REGISTERED = ("Target.NotRegistered", "Target is not registered to the target group")


class Balancing:
    """Answer the calls about targets, and keep the routes fresh after every change."""

    def __init__(self, account: Account, targets: Targets, routes: Routes, moto: Callable[[Call], Answer]) -> None:
        self._account = account
        self._targets = targets
        self._routes = routes
        self._moto = moto
        targets.on_change = routes.refresh

    def add_to(self, operations: Operations) -> None:
        """Take the calls about targets over, and look at the routes after what may change them."""
        operations.own["elbv2", "RegisterTargets"] = self.register
        operations.own["elbv2", "DeregisterTargets"] = self.deregister
        operations.own["elbv2", "DescribeTargetHealth"] = self.describe_health
        operations.own["elbv2", "DeleteTargetGroup"] = self.delete_group
        operations.after.append(self._refresh)

    def register(self, call: Call) -> object:
        """Register addresses by hand."""
        group = self._group(call)
        for wanted in call.params.get("Targets", []):
            self._targets.register(group.arn, wanted["Id"], int(wanted.get("Port") or group.port))
        return {}

    def deregister(self, call: Call) -> object:
        """Let addresses drain."""
        group = self._group(call)
        for wanted in call.params.get("Targets", []):
            self._targets.deregister(group.arn, wanted["Id"], int(wanted.get("Port") or group.port))
        return {}

    def describe_health(self, call: Call) -> object:
        """Give the health of a group's targets, or of those asked for."""
        group = self._group(call)
        asked = call.params.get("Targets")
        if not asked:
            targets = self._targets.all_of(group.arn)
        else:
            targets = [self._find(group.arn, each["Id"], int(each.get("Port") or group.port)) for each in asked]
        return {"TargetHealthDescriptions": [target_health(target) for target in targets]}

    def delete_group(self, call: Call) -> object:
        """Delete a target group together with its targets."""
        answer = self._moto(call)
        if answer.ok:
            self._targets.forget_group(call.params["TargetGroupArn"])
        return answer

    def _find(self, group: str, address: str, port: int) -> Target:
        known = self._targets.find(group, address, port)
        return known or Target(address, port, "unused", *_NOT_REGISTERED)

    def _group(self, call: Call) -> Any:
        group = self._account.elbv2.target_groups.get(call.params["TargetGroupArn"])
        if group is None:
            raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        return group

    def _refresh(self, call: Call) -> None:
        if call.service == "elbv2":
            self._routes.refresh()
