"""Look at the bucket of the backups, and say which lifecycle it needs (guide 1.3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tasks.backup_store import lifecycle_rules
from tasks.clients.aws import error_code, s3, translated
from tasks.delivery_settings import BackupSettings
from tasks.errors import PermanentError
from tasks.sentences import sentence
from tasks.settings import Settings

UNFINISHED_DAYS = 7
OLD_VERSIONS_DAYS = 30
NOT_SET = frozenset({"ServerSideEncryptionConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration"})

Rule = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Bucket:
    """Hold what protects a bucket; ``rules`` is its whole lifecycle, ours and others'."""

    is_versioned: bool
    is_encrypted: bool
    is_private: bool
    rules: Sequence[Rule]


def read_bucket(settings: Settings) -> Bucket:
    """Return the bucket of the backups as S3 tells it; raises RemoteError."""
    name, owner = settings.backup.bucket, settings.aws.account_id
    client = s3(settings.aws)
    with translated(sentence("look at bucket {name}", name=name)):
        versioning = client.get_bucket_versioning(Bucket=name, ExpectedBucketOwner=owner)
    encryption = _unless_unset(
        "read the bucket's encryption", lambda: client.get_bucket_encryption(Bucket=name, ExpectedBucketOwner=owner)
    )
    access = _unless_unset(
        "read the bucket's public access",
        lambda: client.get_public_access_block(Bucket=name, ExpectedBucketOwner=owner),
    )
    return Bucket(
        is_versioned=versioning.get("Status") == "Enabled",
        is_encrypted=encryption is not None and bool(encryption["ServerSideEncryptionConfiguration"]["Rules"]),
        is_private=access is not None and all(access["PublicAccessBlockConfiguration"].values()),
        rules=lifecycle_rules(settings),
    )


def wanted_rules(wanted: BackupSettings) -> tuple[Rule, ...]:
    """Return the lifecycle rules of ours: what an upload left half done goes, and dumps go when they are old."""
    unfinished = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_DAYS}}
    everything = {"ID": "greenflow-unfinished-uploads", "Status": "Enabled", "Filter": {"Prefix": ""}}
    dumps = {
        "ID": "greenflow-old-dumps",
        "Status": "Enabled",
        "Filter": {"Prefix": f"{wanted.prefix}/"},
        "Expiration": {"Days": wanted.keep_days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS},
    }
    return everything | unfinished, dumps


def missing_rules(bucket: Bucket, wanted: BackupSettings) -> tuple[Rule, ...]:
    """Return which of our rules the bucket does not have, or has otherwise."""
    there = {str(rule.get("ID", "")): rule for rule in bucket.rules}
    return tuple(rule for rule in wanted_rules(wanted) if not _is_so(there.get(rule["ID"], {}), rule))


def with_ours(bucket: Bucket, wanted: BackupSettings) -> list[Rule]:
    """Return the whole lifecycle to write: what others made, and our rules."""
    ours = wanted_rules(wanted)
    names = {rule["ID"] for rule in ours}
    return [*(rule for rule in bucket.rules if rule.get("ID") not in names), *ours]


def _is_so(found: Rule, wanted: Rule) -> bool:
    return all(found.get(key) == value for key, value in wanted.items())


def _unless_unset(doing: str, ask: Callable[[], T]) -> T | None:
    """Return S3's answer about a protection, or None where nobody has ever set it."""
    try:
        with translated(doing):
            return ask()
    except PermanentError as error:
        if error_code(error) in NOT_SET:
            return None
        raise
