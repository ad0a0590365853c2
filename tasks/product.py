"""Say which version of this product is running: what drills prove, they prove for these very flows."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tasks.clients.shell import run
from tasks.errors import ReleaseError
from tasks.models import Record

ROOT = Path(__file__).parents[1]
ROOMS = ("flows", "tasks")
NAME = "greenflow-release"
TIMEOUT_S = 10


class Product(Record):
    """Hold this product's version, the commit of its checkout, and a hash of the code of its flows and tasks.

    The hash is what counts: it is there without git, and it changes with every line that decides or acts.
    """

    version: str
    commit: str
    flows_sha256: str


@cache
def this_product() -> Product:
    """Return what is running here; ``commit`` is empty where the product is installed without its repository."""
    return Product(version=_version(), commit=_commit(), flows_sha256=hash_of_flows(ROOT))


def hash_of_flows(root: Path) -> str:
    """Return the hash of every Python file of the flows and tasks, names included."""
    whole = hashlib.sha256()
    for file in sorted(file for room in ROOMS for file in (root / room).rglob("*.py")):
        name, body = file.relative_to(root).as_posix(), file.read_bytes()
        whole.update(f"{name} {len(body)}\n".encode() + body)
    return whole.hexdigest()


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    if not (ROOT / ".git").exists():
        return ""
    try:
        return run(("git", "-C", str(ROOT), "rev-parse", "HEAD"), timeout_s=TIMEOUT_S).stdout.strip()
    except ReleaseError:
        return ""
