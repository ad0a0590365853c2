"""Scan a site passively with OWASP ZAP in a container (https://www.zaproxy.org/docs/docker/baseline-scan/)."""

import re
import shutil
from pathlib import Path
from typing import Final

from tasks.clients.shell import CommandFailedError, run
from tasks.errors import PermanentError, RemoteError
from tasks.models import Record
from tasks.sentences import sentence

ENGINES: Final = ("docker", "podman")
POLICY: Final = Path(__file__).parents[1] / "tools" / "zap"
RULE: Final = re.compile(r"^(FAIL-NEW|WARN-NEW): (.+) \[(\d+)\] x (\d+)")
TOTALS: Final = re.compile(r"^FAIL-NEW: \d+\t.*PASS: (\d+)")
FOUND_FAILURES, FOUND_WARNINGS = 1, 2
ENGINE_TIMEOUT_S: Final = 15


class Scan(Record):
    """Hold what a scan found, by the rules' names, and how many rules passed."""

    failed: tuple[str, ...]
    warned: tuple[str, ...]
    passed: int


def find_engine() -> tuple[str, str]:
    """Return a container engine that works, or an empty name and why there is none."""
    there = [name for name in ENGINES if shutil.which(name)]
    for name in there:
        try:
            run((name, "info"), timeout_s=ENGINE_TIMEOUT_S)
        except RemoteError:
            continue
        return name, ""
    if there:
        return "", f"{' and '.join(there)}: no engine answers"
    return "", f"no {' or '.join(ENGINES)}"


def fetch_image(engine: str, image: str, *, timeout_s: float) -> str:
    """Bring the scanner's image onto this machine unless it is there; return why that was not possible, or nothing."""
    try:
        run((engine, "image", "inspect", image), timeout_s=ENGINE_TIMEOUT_S)
    except RemoteError:
        return _pull(engine, image, timeout_s)
    return ""


def _pull(engine: str, image: str, timeout_s: float) -> str:
    try:
        run((engine, "pull", "--quiet", image), timeout_s=timeout_s)
    except CommandFailedError as error:
        return next((line.strip() for line in reversed(error.output.splitlines()) if line.strip()), str(error))
    except RemoteError as error:
        return str(error)
    return ""


def scan_site(engine: str, image: str, url: str, *, timeout_s: float) -> Scan:
    """Scan one site by the policy this product ships.

    The folder of the policy is where ZAP looks for the file that ``-c`` names; it needs to write nothing there.
    Raises PermanentError when the scan cannot be run or read, TransientError when it does not end in time.
    """
    command = (
        *(engine, "run", "--rm", "--network=host", "--volume", f"{POLICY}:/zap/wrk:ro", image),
        *("zap-baseline.py", "-t", url, "-c", "baseline.conf"),
    )
    try:
        return read_scan(run(command, timeout_s=timeout_s).stdout)
    except CommandFailedError as error:
        if error.code not in {FOUND_FAILURES, FOUND_WARNINGS}:
            raise
        return read_scan(error.output)


def read_scan(said: str) -> Scan:
    """Read what the scan printed; raises PermanentError when its totals are missing."""
    lines = said.splitlines()
    totals = next((found for line in lines if (found := TOTALS.match(line))), None)
    if totals is None:
        msg = sentence("could not read what ZAP found: its totals are missing")
        raise PermanentError(msg)
    rules = [found for line in lines if (found := RULE.match(line))]
    failed, warned = (
        tuple(f"{rule[2]} ({rule[4]} x)" for rule in rules if rule[1] == kind) for kind in ("FAIL-NEW", "WARN-NEW")
    )
    return Scan(failed=failed, warned=warned, passed=int(totals[1]))
