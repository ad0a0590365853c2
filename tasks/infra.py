"""Compare the data stores of an environment with what its settings want (guide 1.3, 4.1, 4.2); everything here reads.

Encryption at rest cannot be switched on in place, and a database is nothing we create: such differences are a person's.
"""

from tasks.bucket import Bucket, missing_rules, read_bucket
from tasks.data_settings import ElastiCacheSettings, RdsSettings
from tasks.delivery_settings import BackupSettings
from tasks.elasticache import Group, read_group
from tasks.models import Record
from tasks.rds import Instance, read_instance
from tasks.sentences import Said, named, sentence
from tasks.settings import Settings


class Difference(Record):
    """Hold one thing that is not as the settings want it; ``by_hand`` is how a person changes what we do not."""

    resource: str
    name: str
    today: Said
    wanted: Said
    note: Said = ""
    by_hand: Said = ""

    @property
    def line(self) -> str:
        """Write the difference in one line."""
        names = {"resource": self.resource, "name": self.name}
        told = sentence(
            "{resource}: {name} {today} -> {wanted}", **names, today=named(self.today), wanted=named(self.wanted)
        )
        how = sentence("by hand: {how}", how=named(self.by_hand)) if self.by_hand else named(self.note)
        return sentence("{told} ({why})", told=told, why=how) if how else told


class InfraPlan(Record):
    """Hold all differences; ``waiting`` are changes of RDS that any change of ours would apply as well."""

    environment: str
    differences: tuple[Difference, ...] = ()
    waiting: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Difference, ...]:
        """List what `greenflow infra apply` changes."""
        return tuple(each for each in self.differences if not each.by_hand)

    def of(self, resource: str) -> frozenset[str]:
        """Return the names of what is to be changed of one resource."""
        return frozenset(each.name for each in self.changes if each.resource == resource)


def plan_infra(settings: Settings) -> InfraPlan:
    """Look at every store the settings name and return what differs; raises RemoteError."""
    database, cache = settings.rds.instance, settings.elasticache.replication_group
    instance = read_instance(settings.aws, database) if database else None
    group = read_group(settings.aws, cache) if cache else None
    keys = {"rds.instance": database, "elasticache.replication_group": cache}
    return InfraPlan(
        environment=settings.name,
        differences=(
            *(compare_instance(instance, settings.rds) if database else ()),
            *(compare_group(group, settings.elasticache) if cache else ()),
            *compare_bucket(read_bucket(settings), settings.backup),
        ),
        waiting=tuple(f"{name} {value}" for name, value in sorted(instance.pending.items())) if instance else (),
        unnamed=tuple(key for key, name in keys.items() if not name),
    )


def compare_instance(instance: Instance | None, wanted: RdsSettings) -> tuple[Difference, ...]:
    """Return what of an instance differs; what is better than wanted is left alone."""
    resource = f"RDS {wanted.instance}"
    if instance is None:
        create = "create it from your own template, or correct rds.instance"
        return (Difference(resource=resource, name="instance", today="none", wanted="one", by_hand=create),)
    copy = "copy a snapshot with a key, restore it as a new instance, move to that one"
    second_zone = "a copy is made beside it, which costs some latency"
    return _all(
        _at_least(resource, "retention_days", instance.retention_days, wanted.retention_days),
        _same(resource, "backup_window", instance.backup_window, wanted.backup_window),
        _on(resource, "multi_az", found=instance.multi_az or not wanted.multi_az, note=second_zone),
        _on(resource, "deletion_protection", found=instance.deletion_protection or not wanted.deletion_protection),
        _on(resource, "encryption", found=instance.encrypted, by_hand=copy),
    )


def compare_group(group: Group | None, wanted: ElastiCacheSettings) -> tuple[Difference, ...]:
    """Return what of a replication group differs; one that is missing is created whole."""
    resource = f"ElastiCache {wanted.replication_group}"
    if group is None:
        kind = sentence(
            "{nodes} nodes {node_type} of {engine}, with failover, encryption and snapshots",
            nodes=wanted.nodes,
            node_type=wanted.node_type,
            engine=wanted.engine,
        )
        note = "a new group costs money from now on"
        return (Difference(resource=resource, name="group", today="none", wanted=kind, note=note),)
    again = "create a new group from a snapshot with it, move to that one"
    in_place = "let clients speak rediss:// first (mode preferred), then require it"
    return _all(
        _at_least(resource, "nodes", group.nodes, wanted.nodes, "replicas are added and cost money from now on"),
        _on(resource, "automatic_failover", found=group.automatic_failover or wanted.nodes == 1),
        _at_least(resource, "snapshot_days", group.snapshot_days, wanted.snapshot_days),
        _on(resource, "at_rest_encryption", found=group.at_rest_encryption, by_hand=again),
        _on(
            resource,
            "transit_encryption",
            found=group.transit_encryption or not wanted.transit_encryption,
            by_hand=in_place,
        ),
    )


def compare_bucket(bucket: Bucket, wanted: BackupSettings) -> tuple[Difference, ...]:
    """Return what of the bucket of the backups differs; lifecycle rules of others are left as they are."""
    resource = f"S3 {wanted.bucket}"
    missing = ", ".join(str(rule["ID"]) for rule in missing_rules(bucket, wanted))
    days = sentence("dumps kept {days} days, unfinished uploads removed", days=wanted.keep_days)
    today = sentence("without {missing}", missing=missing)
    lifecycle = Difference(resource=resource, name="lifecycle", today=today, wanted=days)
    return _all(
        _on(resource, "versioning", found=bucket.is_versioned),
        _on(resource, "encryption", found=bucket.is_encrypted, note="of what is stored from now on"),
        _on(resource, "public_access_block", found=bucket.is_private),
        lifecycle if missing else None,
    )


def _all(*found: Difference | None) -> tuple[Difference, ...]:
    return tuple(filter(None, found))


def _at_least(resource: str, name: str, today: int, wanted: int, note: str = "") -> Difference | None:
    if today >= wanted:
        return None
    return Difference(resource=resource, name=name, today=str(today), wanted=str(wanted), note=note)


def _same(resource: str, name: str, today: str, wanted: str) -> Difference | None:
    return None if today == wanted else Difference(resource=resource, name=name, today=today, wanted=wanted)


def _on(resource: str, name: str, *, found: bool, note: str = "", by_hand: str = "") -> Difference | None:
    if found:
        return None
    return Difference(resource=resource, name=name, today="off", wanted="on", note=note, by_hand=by_hand)
