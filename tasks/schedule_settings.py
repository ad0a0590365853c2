"""Hold what a release that nobody started by hand takes, and how late it may begin (guide, "risk assessment")."""

from typing import Annotated

from pydantic import Field

from tasks.section import Section


class ScheduleSettings(Section):
    """Say what a release without a version releases, and how late a run may begin.

    ``takes_from`` is the environment whose version is taken once it has run there for ``proved_s`` seconds; empty
    takes nothing. A run that begins more than ``late_s`` seconds after it was due is refused: the quiet hour is over.
    """

    takes_from: str = ""
    proved_s: Annotated[float, Field(ge=0, le=30 * 86_400)] = 86_400
    late_s: Annotated[float, Field(gt=0, le=86_400)] = 900
