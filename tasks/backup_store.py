"""Keep dumps in S3: encrypted, with their checksum, found again by it (guide 1.3)."""

import base64
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError

from tasks.clients.aws import error_code, s3, translated
from tasks.errors import PermanentError, ReleaseError
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger("greenflow.backup")

MEBIBYTE = 1024 * 1024
PART_BYTES = 64 * MEBIBYTE
"""A dump larger than this goes up in parts of this size; S3 takes 10,000 of them, which is 640 GB."""
CHUNK_BYTES = MEBIBYTE
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
ENCRYPTION: Final = "AES256"


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


def describe(path: Path) -> DumpFile:
    """Return a file with its size and its sha256."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return DumpFile(path, path.stat().st_size, digest.hexdigest())


def find_dump(settings: Settings, key: str, dump: DumpFile) -> StoredDump | None:
    """Return the stored dump when the bucket holds these bytes under ``key``."""
    try:
        with translated(f"look for {key} in {settings.backup.bucket}"):
            head = s3(settings.aws).head_object(
                Bucket=settings.backup.bucket, Key=key, ExpectedBucketOwner=settings.aws.account_id
            )
    except PermanentError as error:
        if error_code(error) in MISSING:
            return None
        raise
    if head.get("Metadata", {}).get("sha256") != dump.sha256 or head["ContentLength"] != dump.size_bytes:
        return None
    return StoredDump(key, head.get("VersionId", ""), str(head.get("ServerSideEncryption", "none")))


def store_dump(settings: Settings, key: str, dump: DumpFile) -> None:
    """Upload a dump, in parts when it is large; only inside of an effect."""
    with translated(f"store {key} in {settings.backup.bucket}"):
        if dump.size_bytes > PART_BYTES:
            _store_in_parts(s3(settings.aws), settings, key, dump)
            return
        body = dump.path.read_bytes()
        s3(settings.aws).put_object(
            Bucket=settings.backup.bucket,
            Key=key,
            Body=body,
            ServerSideEncryption=ENCRYPTION,
            ChecksumSHA256=_checksum(body),
            Metadata={"sha256": dump.sha256},
            ExpectedBucketOwner=settings.aws.account_id,
        )


def fetch_dump(settings: Settings, stored: StoredDump, target: Path) -> tuple[DumpFile, str]:
    """Download a dump into a new file; returns it with what S3 or the connection had to complain about."""
    version = {"VersionId": stored.version_id} if stored.version_id else {}
    with translated(f"fetch {stored.key} from {settings.backup.bucket}"):
        answer = s3(settings.aws).get_object(
            Bucket=settings.backup.bucket,
            Key=stored.key,
            ExpectedBucketOwner=settings.aws.account_id,
            **version,  # type: ignore[arg-type]
        )
        complaint = ""
        with target.open("xb") as file:
            try:
                for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    file.write(chunk)
            except (FlexibleChecksumError, IncompleteReadError) as error:
                complaint = str(error)  # the comparison with what was dumped gives the verdict
    return describe(target), complaint


def _store_in_parts(client: "S3Client", settings: Settings, key: str, dump: DumpFile) -> None:
    upload_id = client.create_multipart_upload(
        Bucket=settings.backup.bucket,
        Key=key,
        ServerSideEncryption=ENCRYPTION,
        ChecksumAlgorithm="SHA256",
        Metadata={"sha256": dump.sha256},
        ExpectedBucketOwner=settings.aws.account_id,
    )["UploadId"]
    try:
        parts = [_store_part(client, settings, key, upload_id, number, body) for number, body in _parts(dump, key)]
        client.complete_multipart_upload(
            Bucket=settings.backup.bucket,
            Key=key,
            UploadId=upload_id,
            MultipartUpload={"Parts": parts},
            ExpectedBucketOwner=settings.aws.account_id,
        )
    except BaseException:
        _abort(client, settings, key, upload_id)
        raise


def _store_part(
    client: "S3Client", settings: Settings, key: str, upload_id: str, number: int, body: bytes
) -> "CompletedPartTypeDef":
    checksum = _checksum(body)
    answer = client.upload_part(
        Bucket=settings.backup.bucket,
        Key=key,
        UploadId=upload_id,
        PartNumber=number,
        Body=body,
        ChecksumSHA256=checksum,
        ExpectedBucketOwner=settings.aws.account_id,
    )
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}


def _parts(dump: DumpFile, key: str) -> Iterator[tuple[int, bytes]]:
    sent = 0
    with dump.path.open("rb") as stream:
        while body := stream.read(PART_BYTES):
            yield sent // PART_BYTES + 1, body
            sent += len(body)
            log.info("%s: %d of %d MiB stored", key, sent // MEBIBYTE, dump.size_bytes // MEBIBYTE)


def _abort(client: "S3Client", settings: Settings, key: str, upload_id: str) -> None:
    """Free what was stored of an upload that failed; its parts would be paid for for ever."""
    try:
        with translated(f"abort the upload of {key}"):
            client.abort_multipart_upload(Bucket=settings.backup.bucket, Key=key, UploadId=upload_id)
    except ReleaseError as error:
        log.warning("%s; a lifecycle rule of the bucket should remove its parts", error)


def _checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
