"""Search everything that the trials have left for the secrets they knew, plain and encoded (safety I22)."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from pydantic import BaseModel

from deployments.twin.stack import Twin
from tasks.settings import Settings


class Sweep(BaseModel):
    """Hold what was searched in one twin, and where a secret was found."""

    world: int
    secrets: int
    places: int
    size: int
    found: tuple[str, ...]


def sweep(twin: Twin, settings: Settings, more: Mapping[str, str] = MappingProxyType({})) -> Sweep:
    """Search a twin's ledger, logs, Slack, its Prefect's database and its AWS's log for its secrets and ``more``."""
    secrets = {**secrets_of(twin), **more}
    forms = {form: name for name, secret in secrets.items() for form in forms_of(secret)}
    places = size = 0
    found: set[str] = set()
    for place, text in _places(twin, settings):
        places += 1
        size += len(text)
        found |= {f"{name} in {place}" for form, name in forms.items() if form in text}
    return Sweep(world=os.getpid(), secrets=len(secrets), places=places, size=size, found=tuple(sorted(found)))


def secrets_of(twin: Twin) -> dict[str, str]:
    """Name every secret of a twin that a release could tell."""
    return {
        "the Vercel token": twin.vercel.token,
        "the Slack token": twin.slack.token,
        "the Slack signing secret": twin.slack.signing_secret,
        "the Sentry token": twin.sentry.token,
        "the database's password": twin.postgres.password,
    }


def forms_of(secret: str) -> frozenset[bytes]:
    """Return a secret as it may be written: plain, in base64 wherever it begins, in a URL."""
    raw = secret.encode()
    encoded = {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
    return frozenset({raw, quote(secret, safe="").encode(), *encoded})


def _places(twin: Twin, settings: Settings) -> Iterator[tuple[str, bytes]]:
    for pattern in ("*.log", "*.points", "*.calls", "tasks/*"):
        yield from ((file.name, file.read_bytes()) for file in sorted(twin.folder.glob(pattern)) if file.is_file())
    s3 = twin.emulator.client("s3")
    for key in _keys(s3, settings.ledger.bucket):
        yield key, s3.get_object(Bucket=settings.ledger.bucket, Key=key)["Body"].read()
    yield "Slack", json.dumps(twin.slack.messages).encode()
    yield "calls to Slack", json.dumps([call.arguments for call in twin.slack.calls], default=str).encode()
    yield "calls to AWS", json.dumps(twin.emulator.calls.document()).encode()
    yield "users' counts", json.dumps(twin.users()).encode()
    if twin.prefect:
        yield from _tables(twin.postgres.url("prefect"))


def _tables(database: str) -> Iterator[tuple[str, bytes]]:
    """Give every table of a database as text: parameters, states, artifacts, logs, events."""
    with psycopg.connect(database) as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (name,) in names:
            rows = connection.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(name))).fetchall()
            yield f"Prefect's table {name}", "\n".join(row for (row,) in rows).encode()


def _keys(s3: Any, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (item["Key"] for item in page.get("Contents", []))
