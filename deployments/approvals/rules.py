"""Read an environment's rules as they are now: an approver removed from its file decides nothing from then on."""

import threading

from tasks.approval_policy import ApprovalSettings
from tasks.settings import Settings, environment_file, load_settings


class Rules:
    """Hold one environment's approval rules, and read them again whenever its file has changed."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.name
        self._approval = settings.approval
        self._file = environment_file(settings.name)
        self._stamp = self._stamp_of_file()
        self._reading = threading.Lock()

    def now(self) -> ApprovalSettings:
        """Return the rules; raises SettingsError when the file is wrong, since then nobody knows who may decide."""
        with self._reading:
            stamp = self._stamp_of_file()
            if stamp != self._stamp:
                self._approval = load_settings(self._name).approval
                self._stamp = stamp
            return self._approval

    def _stamp_of_file(self) -> tuple[int, int, int]:
        try:
            found = self._file.stat()
        except OSError:
            return (0, 0, 0)  # a file that is gone is a change, and reading it says what is wrong
        return (found.st_mtime_ns, found.st_size, found.st_ino)
