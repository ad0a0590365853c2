"""Load addresses with autocannon and read what it measured (https://github.com/mcollina/autocannon)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr, TypeAdapter, ValidationError

from tasks.clients.node import Project
from tasks.errors import PermanentError
from tasks.models import Record
from tasks.sentences import sentence

GRACE_S: Final = 60
"""What the program may take beside the load itself."""


class Load(Record):
    """Hold what one address answered under load; ``unanswered`` counts connection errors and time-outs."""

    url: str
    requests: int
    server_errors: int
    unanswered: int
    statuses: dict[str, int]
    p50_ms: float
    p97_5_ms: float
    p99_ms: float
    max_ms: float


class LoadWish(Record):
    """Say how each of the addresses is loaded, all at the same time; the rate is for one of them."""

    urls: tuple[str, ...]
    headers: dict[str, str]
    connections: int
    requests_per_s: int
    duration_s: int
    timeout_s: int


def run_load(tool: Path, wish: LoadWish, *, path: Sequence[str], token: SecretStr | None) -> tuple[Load, ...]:
    """Run the load and return one measurement an address.

    Raises CommandFailedError when the program fails, PermanentError when it does not tell what is expected.
    """
    secret: Mapping[str, SecretStr] = {"GREENFLOW_LOAD_TOKEN": token} if token else {}
    finished = Project(tool, path, secret_env=secret).run(
        ("node", "load.mjs", wish.model_dump_json()),
        timeout_s=wish.duration_s + wish.timeout_s + GRACE_S,
        on_line=lambda _: None,
    )
    try:
        return TypeAdapter(tuple[Load, ...]).validate_python(json.loads(finished.stdout))
    except (ValueError, ValidationError) as error:
        msg = sentence(
            "could not read what autocannon measured: {kind}; it said {stdout}",
            kind=type(error).__name__,
            stdout=repr(finished.stdout[:200]),
        )
        raise PermanentError(msg) from error
