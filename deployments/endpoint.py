"""Let every terminal find a running twin, or the Prefect served for an environment: by a file beside the checkout."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import SettingsError

if TYPE_CHECKING:
    from tasks.settings import Settings

TWIN = "rehearsal"
FILE = Path(__file__).parents[1] / ".greenflow" / "twin.json"


def file_of(environment: str) -> Path:
    """Return where the addresses of what is served for an environment lie while it runs."""
    return FILE if environment == TWIN else FILE.with_name(f"{environment}.json")


@contextmanager
def published(variables: Mapping[str, str], environment: str = TWIN) -> Iterator[None]:
    """Make addresses known to this process and to other terminals, for the length of the block."""
    before, file = dict(os.environ), file_of(environment)
    os.environ.update(variables)
    file.parent.mkdir(exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    part.touch(mode=0o600)
    part.write_text(json.dumps({"pid": os.getpid(), "environment": dict(variables)}))
    part.replace(file)
    try:
        yield
    finally:
        _forget(file)
        os.environ.clear()
        os.environ.update(before)


def join_twin() -> bool:
    """Take over the addresses of a running twin, unless they are set already; tells whether there is one."""
    if os.environ.get("GREENFLOW_AWS__ENDPOINT_URL"):
        return True
    return _join(FILE)


def _join(file: Path) -> bool:
    try:
        found = json.loads(file.read_text())
        os.kill(found["pid"], 0)
    except (OSError, ValueError, KeyError):
        return False
    for name, value in found["environment"].items():
        os.environ.setdefault(name, value)
    return True


def settings_of(environment: str) -> "Settings":
    """Load an environment's settings for a command, the running twin's for a rehearsal; raises SettingsError.

    Where `greenflow serve` runs for the environment, the command then talks to its Prefect.
    """
    from tasks.settings import load_settings  # noqa: PLC0415 - keeps `greenflow --help` quick

    joined = join_twin() if environment == TWIN else _join(file_of(environment))
    if environment == TWIN and not joined:
        msg = "environment rehearsal: found no running twin, expected one; start it with: greenflow twin"
        raise SettingsError(msg)
    return load_settings(environment)


@contextmanager
def settings_to_ask(environment: str, version: str) -> Iterator["Settings"]:
    """Give the settings of an environment to a command that only looks.

    The rehearsal's are of the running twin, or, where none is running, of one of its own with a release of ``version``.
    """
    from tasks.settings import load_settings  # noqa: PLC0415 - keeps `greenflow --help` quick

    if environment != TWIN or join_twin():
        yield load_settings(environment)
        return
    from deployments.twin.stack import Twin, Wish  # noqa: PLC0415 - starts a whole production

    _say("starting a twin to ask, since none is running")
    wish = Wish(version or Wish.version, with_prefect=False)
    with Twin(wish, told=lambda text: _say(f"  {text}")) as twin, published(twin.environment):
        yield load_settings(environment)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _forget(file: Path) -> None:
    try:
        if json.loads(file.read_text())["pid"] == os.getpid():
            file.unlink()
    except (OSError, ValueError, KeyError):
        return  # another twin's by now, or gone
