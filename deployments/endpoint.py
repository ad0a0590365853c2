"""Let every terminal find the running twin: its addresses lie in a file beside the checkout while it runs."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import SettingsError

if TYPE_CHECKING:
    from tasks.settings import Settings

FILE = Path(__file__).parents[1] / ".greenflow" / "twin.json"


@contextmanager
def published(environment: Mapping[str, str]) -> Iterator[None]:
    """Make a twin's addresses known to this process and to other terminals, for the length of the block."""
    before = dict(os.environ)
    os.environ.update(environment)
    FILE.parent.mkdir(exist_ok=True)
    part = FILE.with_suffix(f".{os.getpid()}")
    part.touch(mode=0o600)
    part.write_text(json.dumps({"pid": os.getpid(), "environment": dict(environment)}))
    part.replace(FILE)
    try:
        yield
    finally:
        _forget()
        os.environ.clear()
        os.environ.update(before)


def join_twin() -> bool:
    """Take over the addresses of a running twin, unless they are set already; tells whether there is one."""
    if os.environ.get("GREENFLOW_AWS__ENDPOINT_URL"):
        return True
    try:
        found = json.loads(FILE.read_text())
        os.kill(found["pid"], 0)
    except (OSError, ValueError, KeyError):
        return False
    for name, value in found["environment"].items():
        os.environ.setdefault(name, value)
    return True


def settings_of(environment: str) -> "Settings":
    """Load an environment's settings for a command, the running twin's for a rehearsal; raises SettingsError."""
    from tasks.settings import load_settings  # noqa: PLC0415 - keeps `greenflow --help` quick

    if environment == "rehearsal" and not join_twin():
        msg = "environment rehearsal: found no running twin, expected one; start it with: greenflow twin"
        raise SettingsError(msg)
    return load_settings(environment)


def _forget() -> None:
    try:
        if json.loads(FILE.read_text())["pid"] == os.getpid():
            FILE.unlink()
    except (OSError, ValueError, KeyError):
        return  # another twin's by now, or gone
