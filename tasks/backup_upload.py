"""Upload a dump while it is being made: in parts straight from the pipe, so that memory stays flat (guide 1.3).

Only one part is ever held. Nothing is an object before ``complete``: a dump whose program failed leaves nothing.
"""

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.clients.aws import error_code, s3, translated
from tasks.errors import PermanentError, ReleaseError, TransientError, UnknownOutcome
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.waits import pause

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger("greenflow.backup")

MEBIBYTE = 1024 * 1024
MOST_PARTS = 10_000
"""S3's own bound."""
PART_TRIES = 3
DAMAGED_ON_THE_WAY = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "RequestTimeout"})


@dataclass(frozen=True)
class Sent:
    """Hold what went up; ``checksum`` is S3's own: of the whole body, or of the parts' checksums."""

    size_bytes: int
    sha256: str
    checksum: str


@contextmanager
def open_upload(settings: Settings, key: str, told: Callable[[int], None]) -> Iterator["Upload"]:
    """Open an upload to ``key``; ``told`` gets the bytes stored so far. One that is not completed leaves no parts."""
    upload = Upload(settings, key, told)
    try:
        yield upload
    except BaseException:
        upload.abort()
        raise


class Upload:
    """Take bytes and store them part by part; only inside of an effect."""

    def __init__(self, settings: Settings, key: str, told: Callable[[int], None]) -> None:
        self._settings = settings
        self._key = key
        self._told = told
        self._buffer = bytearray(settings.backup.part_mb * MEBIBYTE)
        self._held = 0
        self._sent_bytes = 0
        self._whole = hashlib.sha256()
        self._of_parts = hashlib.sha256()
        self._upload_id = ""
        self._parts: list[CompletedPartTypeDef] = []

    def write(self, data: bytes | memoryview) -> int:
        """Take some bytes; a part goes out as soon as it is full. Raises RemoteError when S3 does not take it."""
        view = memoryview(data)
        self._whole.update(view)
        taken = 0
        while taken < len(view):
            if self._held == len(self._buffer):
                self._send_part()
            room = min(len(self._buffer) - self._held, len(view) - taken)
            self._buffer[self._held : self._held + room] = view[taken : taken + room]
            self._held, taken = self._held + room, taken + room
        return taken

    def seal(self) -> Sent:
        """Send what is still held, and say what the object will be."""
        if self._parts:
            self._send_part()
        size = self._sent_bytes if self._parts else self._held
        digest = self._of_parts if self._parts else self._whole
        return Sent(size, self._whole.hexdigest(), _encoded(digest.digest()))

    def complete(self) -> None:
        """Make an object of what was sent; a small dump goes up whole."""
        bucket, owner = self._settings.backup.bucket, self._settings.aws.account_id
        if self._parts:
            with translated(sentence("complete {key} in {bucket}", key=self._key, bucket=bucket)):
                s3(self._settings.aws).complete_multipart_upload(
                    Bucket=bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    MultipartUpload={"Parts": self._parts},
                    ExpectedBucketOwner=owner,
                )
        else:
            self._repeatedly(lambda: self._put(bytes(self._buffer[: self._held])))
        self._told(self._sent_bytes or self._held)

    def abort(self) -> None:
        """Free what was stored of an upload that failed; its parts would be paid for for ever."""
        if not self._upload_id:
            return
        try:
            with translated(sentence("abort the upload of {key}", key=self._key)):
                s3(self._settings.aws).abort_multipart_upload(
                    Bucket=self._settings.backup.bucket, Key=self._key, UploadId=self._upload_id
                )
        except ReleaseError as error:
            log.warning("%s; a lifecycle rule of the bucket should remove its parts", error)

    def _send_part(self) -> None:
        if not self._upload_id:
            self._upload_id = self._begin()
        if len(self._parts) == MOST_PARTS:
            msg = sentence(
                "could not store {key}: found more than {most} parts of {part_mb} MiB, expected no more; "
                "raise backup.part_mb",
                key=self._key,
                most=MOST_PARTS,
                part_mb=self._settings.backup.part_mb,
            )
            raise PermanentError(msg)
        # The buffer itself is sent: a copy of each part would double what is held.
        body = self._buffer if self._held == len(self._buffer) else self._buffer[: self._held]
        self._repeatedly(lambda: self._parts.append(self._put_part(body)))
        self._sent_bytes += self._held
        self._held = 0
        self._told(self._sent_bytes)

    def _begin(self) -> str:
        with translated(
            sentence("begin the upload of {key} to {bucket}", key=self._key, bucket=self._settings.backup.bucket)
        ):
            answer = s3(self._settings.aws).create_multipart_upload(
                Bucket=self._settings.backup.bucket,
                Key=self._key,
                ChecksumAlgorithm="SHA256",
                ExpectedBucketOwner=self._settings.aws.account_id,
                **_encryption(self._settings),
            )
        return answer["UploadId"]

    def _put_part(self, body: bytearray) -> "CompletedPartTypeDef":
        digest, number = hashlib.sha256(body).digest(), len(self._parts) + 1
        with translated(sentence("store part {number} of {key}", number=number, key=self._key)):
            answer = s3(self._settings.aws).upload_part(
                Bucket=self._settings.backup.bucket,
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=body,  # type: ignore[arg-type]  # botocore takes a bytearray, its stubs do not know
                ChecksumSHA256=_encoded(digest),
                ExpectedBucketOwner=self._settings.aws.account_id,
            )
        self._of_parts.update(digest)
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": _encoded(digest)}

    def _put(self, body: bytes) -> None:
        with translated(sentence("store {key} in {bucket}", key=self._key, bucket=self._settings.backup.bucket)):
            s3(self._settings.aws).put_object(
                Bucket=self._settings.backup.bucket,
                Key=self._key,
                Body=body,
                ChecksumSHA256=_encoded(self._whole.digest()),
                ExpectedBucketOwner=self._settings.aws.account_id,
                **_encryption(self._settings),
            )

    def _repeatedly(self, send: Callable[[], None]) -> None:
        """Send again what did not arrive or arrived damaged: the same bytes in the same place do no harm twice."""
        for tries_left in reversed(range(PART_TRIES)):
            try:
                return send()
            except (TransientError, UnknownOutcome, PermanentError) as error:
                cured = not isinstance(error, PermanentError) or error_code(error) in DAMAGED_ON_THE_WAY
                if not tries_left or not cured:
                    raise
                log.warning("sending again: %s", error)
                pause(self._settings.backup.retry_s)
        return None


def _encryption(settings: Settings) -> dict[str, Any]:
    if settings.backup.kms_key:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.backup.kms_key}
    return {"ServerSideEncryption": "AES256"}


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
