"""`greenflow serve`: everything a team needs, on one machine."""

import signal
from typing import Any

from deployments.serving.wanted import Wanted


def serve(*, wanted: Wanted) -> int:
    """Run the Prefect server, its deployments, a worker, the approvals service and the guard until Ctrl-C.

    Each of them is started again when it ends. A rehearsal brings the twin, and nothing of it is left at the end.
    """
    from rich.console import Console  # noqa: PLC0415 - keeps `greenflow --help` quick

    from deployments.serving.serve import serve as run  # noqa: PLC0415 - starts a whole production

    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts what is in the background deaf to Ctrl-C
        signal.signal(number, _as_ctrl_c)
    return run(wanted, Console(soft_wrap=True, highlight=False))


def _as_ctrl_c(*_: Any) -> None:
    raise KeyboardInterrupt
