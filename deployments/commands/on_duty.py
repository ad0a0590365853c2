"""Answer a release's roll call: ``greenflow on-duty``."""

from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_of

Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]


def on_duty(*, environment: Environment) -> int:
    """Say that you are on duty for the release that is calling its people."""
    from deployments.operate import be_on_duty  # noqa: PLC0415 - keeps `greenflow --help` quick

    print(be_on_duty(settings_of(environment)))  # noqa: T201 - the command line prints
    return 0
