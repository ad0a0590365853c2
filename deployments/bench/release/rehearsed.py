"""Time ``make rehearse`` as a newcomer meets it: a fresh clone with empty caches, then once more."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
CACHES = ("UV_CACHE_DIR", "npm_config_cache", "XDG_CACHE_HOME", "PIP_CACHE_DIR")


def cold_and_warm() -> tuple[float, float]:
    """Return the seconds of the first and of the second ``make rehearse``; raises CalledProcessError if one fails."""
    with tempfile.TemporaryDirectory(prefix="greenflow-cold-") as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)  # noqa: S607 git of the desk
        kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        environment = {**kept, **{name: str(Path(folder, name)) for name in CACHES}}
        return _timed(clone, environment), _timed(clone, environment)


def _timed(clone: Path, environment: dict[str, str]) -> float:
    began_s = time.monotonic()
    subprocess.run(["make", "rehearse"], check=True, cwd=clone, env=environment, stdout=subprocess.DEVNULL)  # noqa: S607 make of the desk
    return time.monotonic() - began_s
