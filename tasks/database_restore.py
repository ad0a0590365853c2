"""Restore the database beside the live one, from a proven dump or to a point in time (guide, "rollback"; disaster).

Nothing here touches the live database or any traffic: what to do with what was restored, a person decides.
"""

import logging
import re
import tempfile
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from tasks.backup_proof import Scratch, compare_tables, make_database, restore_into
from tasks.backup_store import StoredDump, fetch_dump, unpacked
from tasks.clients.aws import rds, translated
from tasks.clients.postgres import database_name, on_database, open_to_look
from tasks.errors import GateRefused, SettingsError
from tasks.event_store import EventStore, read_events
from tasks.fingerprints import one_snapshot, read_contents
from tasks.ledger import effect
from tasks.models import BackupProof, Check, Evidence
from tasks.rds import Instance, read_instance
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.restore")

DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
INSTANCE_NAME = re.compile(r"[a-z](?:-?[a-z0-9]){0,62}")
MAINTENANCE = "postgres"
"""The database every server has: the live one may be what was lost."""
BACKUP_STAGE = "1.3 back up the database"


def find_proof(settings: Settings, key: str) -> BackupProof:
    """Return the recorded proof of a dump; its key names the release that made it.

    Raises GateRefused when no release of this ledger has proven such a dump: an unproven one is not restored here.
    """
    prefix, _, rest = key.removeprefix(f"{settings.backup.prefix}/").partition("/")
    release_id = prefix if key.startswith(f"{settings.backup.prefix}/") and rest else ""
    events = read_events(EventStore(settings), release_id) if release_id else []
    for event in reversed(events):
        if event.kind == "stage.finished" and event.data["stage"] == BACKUP_STAGE:
            proof = BackupProof.model_validate(event.data["evidence"])
            if proof.key == key and not proof.failed:
                return proof
    msg = sentence(
        "restore refused: found no proof of {key} in the ledger of {name}, expected a dump that "
        "a release has restored and compared; the release's report names its key: "
        "{prefix}/RELEASE/TIME.dump",
        key=key,
        name=settings.name,
        prefix=settings.backup.prefix,
    )
    raise GateRefused(msg, gate="restore")


def new_database(settings: Settings, name: str) -> Scratch:
    """Return the database to restore into; raises SettingsError for a name that is wrong or taken."""
    live = read_secret(settings.database.url, settings.aws)
    if not DATABASE_NAME.fullmatch(name) or name in {database_name(live), MAINTENANCE}:
        msg = f"--into: found {name!r}, expected a new database: small letters, digits, _, and not the live one"
        raise SettingsError(msg)
    target = Scratch(on_database(live, MAINTENANCE), name)
    if _exists(target.server, name):
        msg = f"--into: found a database named {name}, expected a new name: nothing is ever restored over another one"
        raise SettingsError(msg)
    return target


def restore_dump(settings: Settings, proof: BackupProof, target: Scratch) -> Evidence:
    """Fetch a proven dump, check that it is the same, restore it into a new database and compare every table.

    Raises GateRefused when the bucket holds other bytes; what differs in the restored database is a failed check.
    """
    with tempfile.TemporaryDirectory(prefix="greenflow-restore-") as folder:
        stored = StoredDump(proof.key, "", "")
        fetched, complaint = fetch_dump(settings, stored, Path(folder) / "fetched")
        if fetched.sha256 != proof.sha256 or complaint:
            found = sentence("{size} bytes, sha256 {sha256}", size=fetched.size_bytes, sha256=fetched.sha256)
            expected = sentence("{size} bytes, sha256 {sha256}", size=proof.size_bytes, sha256=proof.sha256)
            msg = sentence(
                "restore refused: found {found} under {key}, expected {expected}; nothing was restored",
                found=found,
                key=proof.key,
                expected=expected,
            )
            raise GateRefused(f"{msg}{f' ({complaint})' if complaint else ''}", gate="restore")
        make_database(target, _encoding(target.server))
        restore_into(settings, target, unpacked(stored, fetched.path), proof.sha256)
    with (
        open_to_look(target.url, doing=sentence("read {name}", name=target.name)) as connection,
        one_snapshot(connection),
    ):
        contents = read_contents(connection)
    same = Check.of("dump as fetched", ok=True, found=f"sha256 {fetched.sha256}", expected="that of its proof")
    return Evidence(checks=(same, compare_tables(proof.tables, contents.tables)))


def source_instance(settings: Settings, name: str, at: datetime) -> Instance:
    """Return the instance to restore from; raises SettingsError for a name or a time that cannot be."""
    source = read_instance(settings.aws, settings.rds.instance) if settings.rds.instance else None
    if source is None:
        msg = f"rds.instance: found {settings.rds.instance or 'none'}, expected the instance to restore from"
        raise SettingsError(msg)
    if not INSTANCE_NAME.fullmatch(name) or read_instance(settings.aws, name):
        msg = f"--into: found {name!r}, expected the name of a new instance: small letters, digits, single dashes"
        raise SettingsError(msg)
    latest = source.restorable_until
    if latest is None or at > latest:
        until = f"{latest:%Y-%m-%d %H:%M:%S} UTC" if latest else "nothing: it keeps no backups"
        msg = f"--at: found {at:%Y-%m-%d %H:%M:%S %Z}, expected a time up to {until}"
        raise SettingsError(msg)
    return source


def restore_instance(settings: Settings, source: Instance, name: str, at: datetime) -> Evidence:
    """Restore an instance to a point in time as a new one beside it; returns when RDS calls it available."""

    def observe() -> Instance | None:
        found = read_instance(settings.aws, name)
        return found if found and found.status == "available" else None

    made = effect(
        "rds.restore",
        name,
        observe=observe,
        act=lambda: _restore_instance(settings, source, name, at),
        data={"from": source.name, "at": at.isoformat()},
        read_back_s=settings.rds.change_timeout_s,
    )
    return Evidence(
        checks=(
            Check.of(
                "restored instance",
                ok=True,
                found=sentence("{name} at {address}", name=made.name, address=made.address),
                expected="available",
            ),
            Check.of(
                "restored encrypted",
                ok=made.encrypted == source.encrypted,
                found=made.encrypted,
                expected=source.encrypted,
            ),
        )
    )


def _restore_instance(settings: Settings, source: Instance, name: str, at: datetime) -> None:
    subnets = {"DBSubnetGroupName": source.subnet_group} if source.subnet_group else {}
    groups = {"VpcSecurityGroupIds": list(source.security_groups)} if source.security_groups else {}
    with translated(sentence("restore {name} as {target}", name=source.name, target=name)):
        rds(settings.aws).restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier=source.name,
            TargetDBInstanceIdentifier=name,
            RestoreTime=at,
            DBInstanceClass=source.kind,
            MultiAZ=source.multi_az,
            DeletionProtection=True,
            CopyTagsToSnapshot=True,
            PubliclyAccessible=False,
            **subnets,  # type: ignore[arg-type]
            **groups,  # type: ignore[arg-type]
        )


def _exists(server: SecretStr, name: str) -> bool:
    with open_to_look(server, doing=sentence("look for the database {name}", name=name)) as connection:
        return connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def _encoding(server: SecretStr) -> str:
    with open_to_look(server, doing="read the server's encoding") as connection:
        return str(connection.info.parameter_status("server_encoding"))
