"""`greenflow status`: who holds what, how far it is, what people are asked, and what comes next."""

import json
import sys
import threading
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from deployments.standing import Standing

Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
Json = Annotated[bool, Parameter(name="--json", help="Print what is known as JSON on stdout.")]

LOOK_EVERY_S = 1.0


def status(*, environment: Environment, watch: bool = False, as_json: Json = False) -> int:
    """Show who holds an environment, its release with weights and open asks, and what Prefect does next.

    Args:
        watch: Look again every second until Ctrl-C.
    """
    from rich.console import Console  # noqa: PLC0415 - keeps `greenflow --help` quick

    from deployments.endpoint import settings_of  # noqa: PLC0415
    from deployments.standing import Standing, shown  # noqa: PLC0415

    standing = Standing(settings_of(environment))
    if as_json:
        sys.stdout.write(f"{json.dumps(standing.look().model_dump(mode='json'))}\n")
        return 0
    console = Console(soft_wrap=True, highlight=False)
    if watch and console.is_terminal:
        _watch(standing, console)
    else:
        console.print(shown(standing.look(), standing.state))
    return 0


def _watch(standing: "Standing", console: "Console") -> None:
    from rich.live import Live  # noqa: PLC0415 - keeps `greenflow --help` quick

    from deployments.standing import shown  # noqa: PLC0415

    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(shown(standing.look(), standing.state), refresh=True)
            threading.Event().wait(LOOK_EVERY_S)
