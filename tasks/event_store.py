"""Keep the ledger's objects in S3: each is created once, by a conditional write, and never changed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from tasks.chain import verify_chain
from tasks.clients.aws import error_code, ledger_store, translated
from tasks.errors import PermanentError, ReleaseError
from tasks.models import Event
from tasks.sentences import sentence
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
MISSING = frozenset({"NoSuchKey", "404"})
AT_ONCE = 10
"""So many connections a client keeps."""

Room = Literal["releases", "aftercare", "monitoring", "guard", "operations"]
"""Where a chain lies: a release's own, the one that looks again after it has ended, what was done to the alarms, what
the guard has seen and told, and what people do to the environment between releases."""


class ConflictError(ReleaseError):
    """Report that somebody else wrote this object first."""


@dataclass(frozen=True)
class Stored:
    """Hold an object as it was read: its bytes, its tag, and both of the store's own times."""

    body: bytes
    etag: str
    modified_at: datetime
    read_at: datetime


class EventStore:
    """Read and write one environment's bucket."""

    def __init__(self, settings: Settings) -> None:
        self._aws = settings.aws
        self._bucket = settings.ledger.bucket

    @property
    def _s3(self) -> "S3Client":
        return ledger_store(self._aws)

    def create(self, key: str, body: bytes) -> str:
        """Create an object and return its tag; raises ConflictError when it exists already."""
        return self._put(key, body, {"IfNoneMatch": "*"})

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """Replace the object that carries ``etag``; raises ConflictError when it has changed since."""
        return self._put(key, body, {"IfMatch": etag})

    def read(self, key: str) -> Stored | None:
        """Return an object, or None when there is none."""
        try:
            with translated(sentence("read {key} from the ledger", key=key)):
                answer = self._s3.get_object(Bucket=self._bucket, Key=key, ExpectedBucketOwner=self._aws.account_id)
                body = answer["Body"].read()
        except PermanentError as error:
            if error_code(error) in MISSING:
                return None
            raise
        return Stored(body, answer["ETag"], answer["LastModified"], _store_time(answer))

    def read_all(self, keys: Sequence[str]) -> list[Stored]:
        """Return the objects that are there, in the order of their keys.

        Several are asked for at once: one after the other, a release's hundred and fifty would take seconds.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [stored for stored in pool.map(self.read, keys) if stored]

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the names of the folders directly under ``prefix``, in order, without reading what is in them."""
        with translated(sentence("list the folders of {prefix} in the ledger", prefix=prefix)):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/", ExpectedBucketOwner=self._aws.account_id
            )
            found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        return [folder.removeprefix(prefix).rstrip("/") for folder in found]

    def list(self, prefix: str, after: str = "") -> list[str]:
        """Return the keys under ``prefix``, in order, later than ``after``."""
        with translated(sentence("list {prefix} in the ledger", prefix=prefix)):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after, ExpectedBucketOwner=self._aws.account_id
            )
            return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _put(self, key: str, body: bytes, condition: dict[str, str]) -> str:
        try:
            with translated(sentence("write {key} to the ledger", key=key)):
                answer = self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    ExpectedBucketOwner=self._aws.account_id,
                    **condition,  # type: ignore[arg-type]
                )
        except PermanentError as error:
            if error_code(error) in CONFLICTS:
                msg = sentence("{key} was written by somebody else", key=key)
                raise ConflictError(msg) from error
            raise
        etag = answer.get("ETag", "")
        if not etag:
            msg = sentence("could not write {key} to the ledger: the answer was empty", key=key)
            raise PermanentError(msg)
        return etag


def event_key(release_id: str, seq: int, room: Room = "releases") -> str:
    """Return where one event lies; keys sort as the chain runs."""
    return f"{room}/{release_id}/events/{seq:06d}.json"


def read_events(store: EventStore, release_id: str, after: int = 0, room: Room = "releases") -> list[Event]:
    """Return the events of a release later than ``after``; the whole chain is verified when read from its start."""
    prefix = f"{room}/{release_id}/events/"
    keys = store.list(prefix, after=event_key(release_id, after, room) if after else "")
    events = [Event.model_validate_json(stored.body) for stored in store.read_all(keys)]
    if not after:
        verify_chain(events)
    return events


def read_last_event(store: EventStore, release_id: str, kinds: frozenset[str]) -> Event | None:
    """Return the newest event of one of these kinds, or None; reads no more of the chain than it must."""
    for key in reversed(store.list(f"releases/{release_id}/events/")):
        stored = store.read(key)
        event = Event.model_validate_json(stored.body) if stored else None
        if event and event.kind in kinds:
            return event
    return None


def _store_time(answer: Any) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
