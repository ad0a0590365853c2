"""Free an environment whose release has died: ``greenflow unlock``."""

from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_of

Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
Reason = Annotated[str, Parameter(help="One sentence for the ledger.")]


def unlock(*, environment: Environment, reason: Reason) -> int:
    """End a dead release without touching anything, once its traffic is home; refused while its process lives."""
    from deployments.unlocking import break_lock  # noqa: PLC0415 - keeps `greenflow --help` quick

    print(break_lock(settings_of(environment), reason))  # noqa: T201 - a command prints
    return 0
