"""Open the environment for what people do between releases: its lock, a chain of its own, a beginning and an end."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tasks.errors import LeaseLost, ReleaseError
from tasks.ledger import Ledger, note, open_ledger
from tasks.settings import Settings


@contextmanager
def open_operation(settings: Settings, kind: str, *, requested_by: str, reason: str = "") -> Iterator[Ledger]:
    """Own the environment for one operation; its effects are recorded under ``operations/<kind>-…``.

    Raises EnvironmentBusy while a release, or another operation, holds the environment.
    """
    operation_id = f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with open_ledger(settings, release_id=operation_id, version=kind, room="operations") as ledger:
        asked = {"version": kind, "environment": settings.name, "requested_by": requested_by, "reason": reason}
        note("operation.opened", asked)
        try:
            yield ledger
        except LeaseLost:
            raise
        except BaseException as error:
            why = str(error) if isinstance(error, ReleaseError) else type(error).__name__
            note("operation.ended", {"reason": f"ended without its end: {why}"})
            raise
        note("operation.ended", {"reason": "done"})
