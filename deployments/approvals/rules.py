"""Read an environment's rules as they are now: an approver removed from its file decides nothing from then on."""

import threading
import time
from collections.abc import Sequence

from tasks.approval_policy import ApprovalSettings
from tasks.approvers import Circle, people_behind
from tasks.settings import Settings, environment_file, load_settings

GROUPS_FRESH_S = 5.0
"""How old a look at Slack's groups may be: fifty who click at once are one look, since Slack allows few a minute."""


class Rules:
    """Hold one environment's approval rules, and read them again whenever its file has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.name
        self._approval = settings.approval
        self._file = environment_file(settings.name)
        self._stamp = self._stamp_of_file()
        self._reading = threading.Lock()
        self._circles: dict[tuple[str, ...], tuple[float, ApprovalSettings, Circle]] = {}
        self._looking = threading.Lock()

    def now(self) -> ApprovalSettings:
        """Return the rules; raises SettingsError when the file is wrong, since then nobody knows who may decide."""
        with self._reading:
            stamp = self._stamp_of_file()
            if stamp != self._stamp:
                self._approval = load_settings(self._name).approval
                self._stamp = stamp
            return self._approval

    def behind(self, names: Sequence[str]) -> Circle:
        """Return who is behind names now, groups included; raises SettingsError like ``now``."""
        rules, key = self.now(), tuple(names)
        with self._looking:
            seen = self._circles.get(key)
            if seen is None or seen[1] is not rules or time.monotonic() - seen[0] > GROUPS_FRESH_S:
                circle = people_behind(self._settings.model_copy(update={"approval": rules}), key)
                seen = self._circles[key] = (time.monotonic(), rules, circle)
            return seen[2]

    def _stamp_of_file(self) -> tuple[int, int, int]:
        try:
            found = self._file.stat()
        except OSError:
            return (0, 0, 0)  # a file that is gone is a change, and reading it says what is wrong
        return (found.st_mtime_ns, found.st_size, found.st_ino)
