"""Gather what several processes write into one log, every line with the time and the name of who wrote it."""

import logging
import os
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST_BYTES = 20_000_000
KEPT_FILES = 5
LAST_WORDS = 15


class Written:
    """Read what a process has newly written to its own log; that file is emptied before it grows large."""

    def __init__(self, file: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._file = file
        self._largest_bytes = largest_bytes
        self._read_bytes = file.stat().st_size if file.exists() else 0

    def lines(self) -> list[str]:
        """Return the whole lines that are new."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as log:
            log.seek(self._read_bytes)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        if self._read_bytes > self._largest_bytes:
            os.truncate(self._file, 0)  # its writer appends, so it goes on at the beginning
            self._read_bytes = 0
        return whole.decode(errors="replace").splitlines()


class OneLog:
    """Write lines to one file with the name of their writer, and remember each one's last words."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = RotatingFileHandler(file, maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        self._file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._last: dict[str, deque[str]] = {}

    def write(self, name: str, line: str) -> None:
        """Write one line."""
        self._file.handle(logging.makeLogRecord({"msg": f"{name} | {line}"}))
        self._last.setdefault(name, deque(maxlen=LAST_WORDS)).append(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def last_words(self, name: str) -> str:
        """Return what somebody wrote last."""
        return "\n".join(self._last.get(name, ()))
