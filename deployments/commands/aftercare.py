"""`greenflow aftercare`: look again at a release by hand, as its scheduled runs do."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]


def aftercare(*, environment: Environment, release: str, after: Literal["1h", "24h", "7d"]) -> int:
    """Look again at a release that has shipped; a release schedules this by itself where Prefect knows how.

    Args:
        release: The release's id, such as 1.4.0-20261121T030000-beef.
        after: Which of the guide's three looks; 7d drafts the retrospective.
    """
    from deployments.endpoint import settings_of  # noqa: PLC0415 - keeps `greenflow --help` quick

    settings_of(environment)
    sys.stderr.write("starting Prefect, which takes a few seconds\n")
    from deployments.run_flow import main  # noqa: PLC0415 - imports Prefect

    return main(["aftercare", "--environment", environment, "--release", release, "--after", after])
