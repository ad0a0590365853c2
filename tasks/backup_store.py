"""Find dumps in S3 by what makes them these very bytes, and fetch them again (guide 1.3)."""

import hashlib
import logging
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError

from tasks.backup_upload import MEBIBYTE, Sent
from tasks.clients.aws import error_code, s3, translated
from tasks.errors import PermanentError
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import Settings

log = logging.getLogger("greenflow.backup")

CHUNK_BYTES = MEBIBYTE
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
NO_RULES = "NoSuchLifecycleConfiguration"
PACKED = ".tar"
"""How the key of a dump ends that several connections made: a packed directory."""


@dataclass(frozen=True)
class DumpFile:
    """Hold a dump on this machine and what makes it this dump."""

    path: Path
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class StoredDump:
    """Hold a dump in the bucket; ``version_id`` names these very bytes, whatever is written there later."""

    key: str
    version_id: str
    encryption: str


def find_dump(settings: Settings, key: str, sent: Sent) -> StoredDump | None:
    """Return the stored dump when the bucket holds these bytes under ``key``."""
    try:
        with translated(sentence("look for {key} in {bucket}", key=key, bucket=settings.backup.bucket)):
            head = s3(settings.aws).head_object(
                Bucket=settings.backup.bucket,
                Key=key,
                ChecksumMode="ENABLED",
                ExpectedBucketOwner=settings.aws.account_id,
            )
    except PermanentError as error:
        if error_code(error) in MISSING:
            return None
        raise
    # S3 writes the number of parts behind a checksum of parts, divided by a dash.
    found = head.get("ChecksumSHA256", "").partition("-")[0]
    if (found, head["ContentLength"]) != (sent.checksum, sent.size_bytes):
        return None
    return StoredDump(key, head.get("VersionId", ""), str(head.get("ServerSideEncryption", "none")))


def fetch_dump(
    settings: Settings, stored: StoredDump, target: Path, told: Callable[[int], None] = lambda _: None
) -> tuple[DumpFile, str]:
    """Download a dump into a new file; returns it with what S3 or the connection had to complain about."""
    version = {"VersionId": stored.version_id} if stored.version_id else {}
    digest, size, complaint = hashlib.sha256(), 0, ""
    with translated(sentence("fetch {key} from {bucket}", key=stored.key, bucket=settings.backup.bucket)):
        answer = s3(settings.aws).get_object(
            Bucket=settings.backup.bucket,
            Key=stored.key,
            ExpectedBucketOwner=settings.aws.account_id,
            **version,  # type: ignore[arg-type]
        )
        with target.open("xb") as file:
            try:
                for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    told(size)
            except (FlexibleChecksumError, IncompleteReadError) as error:
                complaint = str(error)  # the comparison with what was dumped gives the verdict
    return DumpFile(target, size, digest.hexdigest()), complaint


def unpacked(stored: StoredDump, fetched: Path) -> Path:
    """Return what pg_restore reads: the file itself, or the directory that was packed into it.

    Raises PermanentError when the package cannot be opened.
    """
    if not stored.key.endswith(PACKED):
        return fetched
    folder = fetched.with_suffix(".unpacked")
    try:
        with tarfile.open(fetched) as package:
            package.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        msg = sentence("could not unpack {key}: {error}", key=stored.key, error=error)
        raise PermanentError(msg) from error
    return folder


def check_lifecycle(settings: Settings) -> Check:
    """Check that the bucket keeps dumps long enough and not for ever; one without a rule is told, not refused."""
    name, wanted = (
        "lifecycle of the dumps",
        sentence("kept {days} days or longer, then removed", days=settings.backup.keep_days),
    )
    rules = [rule for rule in lifecycle_rules(settings) if rule.get("Status") == "Enabled" and _covers(rule, settings)]
    days = [int(rule["Expiration"]["Days"]) for rule in rules if "Days" in rule.get("Expiration", {})]
    if not days:
        return Check.skipped(
            name,
            sentence(
                "bucket {bucket} has no rule that removes {prefix}/: every dump is kept and paid for "
                "until somebody adds one",
                bucket=settings.backup.bucket,
                prefix=settings.backup.prefix,
            ),
        )
    cleans = any("AbortIncompleteMultipartUpload" in rule for rule in rules)
    return Check.of(
        name,
        ok=min(days) >= settings.backup.keep_days,
        found=sentence("removed after {days} days", days=min(days)),
        expected=wanted,
        note="" if cleans else "parts of an upload that failed are not removed: add AbortIncompleteMultipartUpload",
    )


def lifecycle_rules(settings: Settings) -> list[dict[str, Any]]:
    """Return every lifecycle rule of the bucket; raises RemoteError."""
    bucket = settings.backup.bucket
    try:
        with translated(sentence("read the lifecycle of bucket {bucket}", bucket=bucket)):
            answer = s3(settings.aws).get_bucket_lifecycle_configuration(
                Bucket=bucket, ExpectedBucketOwner=settings.aws.account_id
            )
    except PermanentError as error:
        if error_code(error) == NO_RULES:
            return []
        raise
    return [dict(rule) for rule in answer.get("Rules", [])]


def _covers(rule: Mapping[str, Any], settings: Settings) -> bool:
    """Tell whether a rule means the dumps; one that asks for tags or sizes as well does not mean them all."""
    given = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    return set(given) <= {"Prefix"} and f"{settings.backup.prefix}/".startswith(given.get("Prefix") or "")
