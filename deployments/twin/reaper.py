"""Kill what a twin left behind: one small process that outlives its twin for a moment.

It runs as a script (`python -I -S reaper.py <twin id> <parent pid> <folder>`), so it imports the standard
library alone and starts fast. Its stdin is a pipe of which only the twin holds the other end: the end of that
file means that the twin has gone, however it went. Lines it reads: `+<session>` a child was started,
`-<session>` it is over, `end` the twin leaves of its own will.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

MARK = "GREENFLOW_TWIN_ID"
REAPER = "reaper"
"""The mark a reaper itself carries: another twin's reaper leaves it to its work."""

END = b"end"
"""A word instead of the pipe's end alone, which a fork of the twin would keep from its reaper."""

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a twin must not end its reaper."""

_PROC = Path("/proc")
_QUIET_SCANS = 2
_SCAN_PAUSE_S = 0.02
_PARENT_LOOK_S = 1.0
_PS_COLUMNS = 4


class Seen(NamedTuple):
    """A living process; where sessions cannot be told `session` is its process group. `mark` is its twin."""

    pid: int
    parent: int
    session: int
    mark: str | None


def survivors(twin_id: str, sessions: AbstractSet[int] = frozenset()) -> list[int]:
    """List the living processes of a twin: by mark, by session, and whatever descends from those.

    The mark alone would not do: the titles of PostgreSQL and Valkey overwrite it, and root in a container may
    not read another user's environment. Zombies and the calling process are left out.
    """
    table = _from_proc() if (_PROC / "self" / "environ").exists() else _from_ps()
    found = {seen.pid for seen in table if seen.mark == twin_id or seen.session in sessions}
    return sorted(_with_descendants(found, table) - {os.getpid()})


def sweep(twin_id: str, sessions: AbstractSet[int] = frozenset(), patience_s: float = 10.0) -> list[int]:
    """Kill a twin's processes until none is seen twice in a row; give back those that would not die."""
    deadline = time.monotonic() + patience_s
    quiet = 0
    # Whoever forks and ends while /proc is being read hides both itself and its child: two quiet scans.
    while quiet < _QUIET_SCANS and time.monotonic() < deadline:
        left = survivors(twin_id, sessions)
        quiet = 0 if left else quiet + 1
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        threading.Event().wait(_SCAN_PAUSE_S)
    return [] if quiet else survivors(twin_id, sessions)


def clean(twin_id: str, sessions: AbstractSet[int], folder: str) -> bool:
    """Kill a twin's processes, then remove its folder; False when something of it is left."""
    left = sweep(twin_id, sessions)
    shutil.rmtree(folder, ignore_errors=True)
    return not left and not Path(folder).exists()


def _with_descendants(found: AbstractSet[int], table: Iterable[Seen]) -> set[int]:
    family = set(found)
    grown = True
    while grown:
        children = {seen.pid for seen in table if seen.parent in family and seen.mark != REAPER}
        grown = not children <= family
        family |= children
    return family


def _from_proc() -> list[Seen]:
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [seen for pid in pids if (seen := _read_process(_PROC / str(pid), pid))]


def _read_process(folder: Path, pid: int) -> Seen | None:
    try:
        stat = (folder / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent, _group, session = stat.rpartition(")")[2].split()[:4]
    return None if state in "ZX" else Seen(pid, int(parent), int(session), _read_mark(folder / "environ"))


def _read_mark(environ: Path) -> str | None:
    try:
        entries = environ.read_bytes().split(b"\0")
    except OSError:
        return None
    prefix = f"{MARK}=".encode()
    return next((entry[len(prefix) :].decode(errors="replace") for entry in entries if entry.startswith(prefix)), None)


def _from_ps() -> list[Seen]:
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return [
        Seen(int(row[0]), int(row[1]), int(row[2]), mark=None)
        for row in rows
        if len(row) == _PS_COLUMNS and not row[3].startswith("Z")
    ]


def _listen(parent: int) -> set[int]:
    """Wait until the twin has gone; give back the sessions of its children that were not over by then."""
    sessions: set[int] = set()
    unread = b""
    while True:
        ready, _, _ = select.select([0], [], [], _PARENT_LOOK_S)
        if not ready:
            # A fork of the twin may hold the pipe open after the twin itself has died.
            if os.getppid() != parent:
                return sessions
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return sessions
        *lines, unread = (unread + chunk).split(b"\n")
        for line in lines:
            if line == END:
                return sessions
            change = sessions.add if line.startswith(b"+") else sessions.discard
            change(int(line[1:]))


def main(twin_id: str, parent: int, folder: str) -> int:
    """Wait for the twin's end, then kill its processes and remove its folder; 1 when something is left."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    return 0 if clean(twin_id, _listen(parent), folder) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
