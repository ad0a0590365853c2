"""Compare RDS and the server itself with what production needs: backups, a second zone, room (guide 4.1)."""

from datetime import UTC, date, datetime

from tasks.clients.postgres import Connection, open_to_look, server_version
from tasks.data_settings import RdsSettings
from tasks.hours import Hours
from tasks.models import Check
from tasks.rds import Instance, read_instance, read_metric
from tasks.replicas import check_replicas
from tasks.secrets import read_secret
from tasks.sentences import named, sentence
from tasks.settings import Settings

GIB = 1024**3
TO_CHANGE = "`greenflow infra plan` shows how to change it"


def check_database(settings: Settings) -> tuple[Check, ...]:
    """Return every check of RDS and of the server behind ``database.url``; raises RemoteError."""
    return (*_check_rds(settings), *_check_server(settings))


def judge_instance(instance: Instance, wanted: RdsSettings, on: date) -> tuple[Check, ...]:
    """Compare an instance with the guide's values, on a day; looks at nothing."""
    return (
        Check.of("RDS instance", ok=instance.status == "available", found=instance.status, expected="available"),
        _engine_check(instance, wanted),
        Check.of(
            "RDS automatic backups",
            ok=instance.retention_days >= wanted.retention_days,
            found=sentence("kept {days} days", days=instance.retention_days),
            expected=sentence(">= {days} days", days=wanted.retention_days),
            note="" if instance.retention_days >= wanted.retention_days else TO_CHANGE,
        ),
        _window_check(instance, wanted, on),
        _switch("RDS in a second zone", wanted=wanted.multi_az, found=instance.multi_az, key="rds.multi_az"),
        Check.of("RDS encrypted at rest", ok=instance.encrypted, found=_said(instance.encrypted), expected="on"),
        _switch(
            "RDS deletion protection",
            wanted=wanted.deletion_protection,
            found=instance.deletion_protection,
            key="rds.deletion_protection",
        ),
        _pending_check(instance),
    )


def _check_rds(settings: Settings) -> tuple[Check, ...]:
    wanted = settings.rds
    if not wanted.instance:
        return (Check.skipped("RDS instance", "off: rds.instance names none"),)
    instance = read_instance(settings.aws, wanted.instance)
    if instance is None:
        found = sentence("none named {name}", name=wanted.instance)
        return (Check.of("RDS instance", ok=False, found=found, expected="one", note="correct rds.instance"),)
    judged = judge_instance(instance, wanted, datetime.now(UTC).date())
    return (*judged, _storage_check(settings, instance), *_lag_checks(settings, instance))


def _engine_check(instance: Instance, wanted: RdsSettings) -> Check:
    return Check.of(
        "RDS engine",
        ok=instance.engine == "postgres" and instance.major >= wanted.oldest_engine,
        found=f"{instance.engine} {instance.engine_version}",
        expected=f"postgres >= {wanted.oldest_engine}",
    )


def _window_check(instance: Instance, wanted: RdsSettings, on: date) -> Check:
    """Compare in UTC: RDS means UTC whatever people meant, and 18:00 there is 03:00 in Seoul."""
    backup = Hours.read(instance.backup_window, "UTC", on)
    release = Hours.read(wanted.release_hours, wanted.time_zone, on)
    apart = not backup.overlaps(release)
    return Check.of(
        "RDS backup window",
        ok=apart,
        found=sentence(
            "{window} UTC, which is {told}", window=instance.backup_window, told=backup.told(wanted.time_zone, on)
        ),
        expected=sentence("outside of a release's {told}", told=release.told(wanted.time_zone, on)),
        note="" if apart else TO_CHANGE,
    )


def _switch(name: str, *, wanted: bool, found: bool, key: str) -> Check:
    if not wanted:
        return Check.skipped(
            name, sentence("off: {key} asks for none; found {found}", key=key, found=named(_said(found)))
        )
    return Check.of(name, ok=found, found=_said(found), expected="on", note="" if found else TO_CHANGE)


def _pending_check(instance: Instance) -> Check:
    waiting = ", ".join(f"{name} {value}" for name, value in sorted(instance.pending.items()))
    return Check.of(
        "RDS changes that wait",
        ok=not waiting,
        found=waiting or "none",
        expected="none",
        note="the next maintenance or any immediate change applies them, maybe in mid-release" if waiting else "",
    )


def _storage_check(settings: Settings, instance: Instance) -> Check:
    wanted = settings.rds
    free = read_metric(settings.aws, instance.name, "FreeStorageSpace", "Minimum", wanted.metrics_age_s)
    expected = sentence(
        ">= {percent} % of {whole_gib} GiB", percent=wanted.free_storage_percent, whole_gib=instance.storage_gib
    )
    if free is None:
        return Check.of("RDS free storage", ok=False, found=_no_metric(wanted), expected=expected)
    percent = 100 * free / (instance.storage_gib * GIB)
    found = f"{free / GIB:.1f} GiB, {percent:.0f} %"
    return Check.of("RDS free storage", ok=percent >= wanted.free_storage_percent, found=found, expected=expected)


def _lag_checks(settings: Settings, instance: Instance) -> tuple[Check, ...]:
    return tuple(_lag_check(settings, replica) for replica in instance.replicas)


def _lag_check(settings: Settings, replica: str) -> Check:
    wanted = settings.rds
    lag_s = read_metric(settings.aws, replica, "ReplicaLag", "Maximum", wanted.metrics_age_s)
    # RDS reports -1 for a replica that does not replicate.
    ok = lag_s is not None and 0 <= lag_s <= wanted.replica_lag_s
    found = _no_metric(wanted) if lag_s is None else f"{lag_s:g} s" if lag_s >= 0 else "no replication"
    return Check.of(
        sentence("lag of replica {replica}", replica=replica),
        ok=ok,
        found=found,
        expected=f"<= {wanted.replica_lag_s:g} s",
    )


def _check_server(settings: Settings) -> tuple[Check, ...]:
    url = read_secret(settings.database.url, settings.aws)
    with open_to_look(url, doing="look at the database server") as connection:
        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        is_replica = bool(row and row[0])
        server = _server_check(settings, connection, is_replica=is_replica)
        return (server,) if is_replica else (server, *check_replicas(connection, settings.rds))


def _server_check(settings: Settings, connection: Connection, *, is_replica: bool) -> Check:
    major, version = server_version(connection)
    oldest = settings.rds.oldest_engine
    return Check.of(
        "PostgreSQL server",
        ok=major >= oldest and not is_replica,
        found=sentence(
            "{version}, a {role}",
            version=version,
            role=named("replica, which takes no writes" if is_replica else "primary"),
        ),
        expected=sentence(">= {oldest}, a primary", oldest=oldest),
        note="database.url points to a replica" if is_replica else "",
    )


def _no_metric(wanted: RdsSettings) -> str:
    return sentence("no value in the last {minutes:g} min", minutes=wanted.metrics_age_s / 60)


def _said(on: bool) -> str:  # noqa: FBT001 - a word for a yes or a no
    return "on" if on else "off"
