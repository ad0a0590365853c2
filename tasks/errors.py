"""Name every way a release can end or fail.

    ReleaseError
      SettingsError          the settings are wrong; nothing was touched
      EnvironmentBusy        another release holds this environment, or the window is closed; nothing was touched
      GateRefused            everything works, and the answer is no; never retried
      RemoteError            another system failed
        TransientError       another try may help
        PermanentError       another try will not help
        UnknownOutcome       it may or may not have happened: look before trying again
      LeaseLost              somebody else owns this environment now; touch nothing
      Interrupted            a person or the machine asked this process to stop
      RolledBack             the release did not ship; production is as it was before
      RollbackFailed         the way back is blocked; a person must act now

Wording: ``could not <do what>: <cause>`` and ``<gate> refused: <found>, expected <bound>``, both with their units,
then what a person can do. Each class knows the exit code of the command that ends with it.
"""

from typing import ClassVar

from tasks.models import Check


class ReleaseError(Exception):
    """Be the root of everything this product raises on purpose."""

    exit_code: ClassVar[int] = 1


class SettingsError(ReleaseError):
    """Say what is wrong in the settings, one line a key."""

    exit_code = 2


class EnvironmentBusy(ReleaseError):
    """Refuse to start: somebody holds the environment, or now is not the time."""

    exit_code = 6


class GateRefused(ReleaseError):
    """Say no, with the checks that failed; a gate is never retried."""

    exit_code = 3

    def __init__(self, message: str, *, gate: str = "", checks: tuple[Check, ...] = ()) -> None:
        super().__init__(message)
        self.gate = gate
        self.checks = checks


class RemoteError(ReleaseError):
    """Report that another system failed."""


class TransientError(RemoteError):
    """Report a failure that another try may cure."""


class PermanentError(RemoteError):
    """Report a failure that another try will not cure."""


class UnknownOutcome(RemoteError):
    """Report a call that may or may not have happened: look before trying again."""


class LeaseLost(ReleaseError):
    """Stop at once: somebody else owns this environment now."""

    exit_code = 6


class Interrupted(ReleaseError):
    """Report that this process was asked to stop."""


class RolledBack(ReleaseError):
    """End a release that did not ship; production is observed to be as it was before."""

    exit_code = 3

    def __init__(self, message: str, *, by_people: bool = False) -> None:
        super().__init__(message)
        self.by_people = by_people

    @property
    def code(self) -> int:
        """Give 4 when people said no (or nothing), 3 when the release was bad."""
        return 4 if self.by_people else self.exit_code


class RollbackFailed(ReleaseError):
    """Call a person: the way back is blocked; carries the exact commands that bring traffic home."""

    exit_code = 5

    def __init__(self, message: str, *, commands: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.commands = commands
