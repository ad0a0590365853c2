"""Hold how late a run may begin (guide, "risk assessment")."""

from typing import Annotated

from pydantic import Field

from tasks.section import Section


class ScheduleSettings(Section):
    """Say how late a run may begin: more than ``late_s`` seconds after it was due, the quiet hour may be over."""

    late_s: Annotated[float, Field(gt=0, le=86_400)] = 900
