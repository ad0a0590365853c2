"""Change databases and caches as AWS does, where moto does it at once, in part or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployments.twin.aws_calls import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_account import Account
    from deployments.twin.aws_calls import Answer, Call
    from deployments.twin.aws_layer import Operations

_WAITS = {
    "DBInstanceClass": "db_instance_class",
    "MultiAZ": "multi_az",
    "AllocatedStorage": "allocated_storage",
    "EngineVersion": "engine_version",
    "BackupRetentionPeriod": "backup_retention_period",
}
"""What RDS leaves for the maintenance window unless it is asked to be immediate."""
_MOST_NODES = 6


class Stores:
    """Serve the changes of RDS and ElastiCache; what only reads is moto's."""

    def __init__(self, account: Account, moto: Callable[[Call], Answer]) -> None:
        self._account = account
        self._moto = moto

    def add_to(self, operations: Operations) -> None:
        """Take the operations over."""
        operations.own["rds", "ModifyDBInstance"] = self.modify_instance
        operations.own["elasticache", "CreateReplicationGroup"] = self.create_group
        operations.own["elasticache", "IncreaseReplicaCount"] = self.increase_replicas
        operations.checks["elasticache", "ModifyReplicationGroup"] = self.check_group

    def modify_instance(self, call: Call) -> object:
        """Let a change wait, or apply it together with everything that waits already, as RDS does."""
        wanted = {key: value for key, value in call.params.items() if key != "ApplyImmediately"}
        name = str(wanted.pop("DBInstanceIdentifier"))
        if name not in self._account.rds.databases:
            raise AwsError("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
        instance: Any = self._account.rds.databases[name]
        waiting: dict[str, Any] = {**getattr(instance, "pending_modified_values", {})}
        waiting |= {key: wanted.pop(key) for key in list(wanted) if key in _WAITS}
        if call.params.get("ApplyImmediately"):
            instance.update(**{_WAITS[key]: value for key, value in waiting.items()})
            waiting = {}
        instance.pending_modified_values = waiting
        self._account.rds.modify_db_instance(name, {_snake(key): value for key, value in wanted.items()})
        return {"DBInstance": instance}

    def create_group(self, call: Call) -> object:
        """Create a group with all its nodes, of which moto makes only the first."""
        params = call.params
        nodes = int(params.get("NumCacheClusters") or 1)
        _check_failover(params, nodes)
        answer = self._moto(call)
        if answer.ok:
            _add_nodes(self._group(call), nodes)
        return answer

    def increase_replicas(self, call: Call) -> object:
        """Add replicas to a group; ``NewReplicaCount`` does not count the primary."""
        group = self._group(call)
        count = int(call.params["NewReplicaCount"])
        if not len(group.member_clusters) - 1 < count < _MOST_NODES:
            raise AwsError("InvalidParameterValue", "The number of replicas must be greater than it is, at most 5")
        _add_nodes(group, count + 1)
        return {"ReplicationGroup": group}

    def check_group(self, call: Call) -> None:
        """Refuse failover for a group that has nothing to fail over to."""
        _check_failover(call.params, len(self._group(call).member_clusters))

    def _group(self, call: Call) -> Any:
        name = str(call.params["ReplicationGroupId"])
        if name not in self._account.elasticache.replication_groups:
            raise AwsError("ReplicationGroupNotFoundFault", f"ReplicationGroup {name} not found.", 404)
        return self._account.elasticache.replication_groups[name]


def _check_failover(params: dict[str, Any], nodes: int) -> None:
    if params.get("AutomaticFailoverEnabled") and nodes <= 1:
        message = "Automatic failover cannot be enabled on a replication group without replicas."
        raise AwsError("InvalidParameterCombination", message)


def _add_nodes(group: Any, nodes: int) -> None:
    members = group.node_groups[0]["node_group_members"]
    for number in range(len(group.member_clusters) + 1, nodes + 1):
        name = f"{group.replication_group_id}-{number:0>3}"
        members.append({**members[0], "cache_cluster_id": name, "current_role": "replica"})
        group.member_clusters.append(name)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
