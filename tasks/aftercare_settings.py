"""Hold when a release is looked at again, and what is well then (guide, "after the deployment")."""

from typing import Annotated

from pydantic import Field

from tasks.aftercare_models import After
from tasks.section import Section

Later = Annotated[float, Field(gt=0, le=30 * 86_400)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class AftercareSettings(Section):
    """Say when a release is looked at again, and what is well then.

    ``hour_s``, ``day_s`` and ``week_s`` are how long the guide's 1 h, 24 h and 1 week last: seconds on the twin. Rates
    are fractions of the requests: 5 % slower than 300 ms is a P95 of 300 ms, 1 % slower than 1 s a P99 of 1 s.
    A trend is worse when both ``worse_ratio`` and ``worse_p_value`` say so. ``cost`` switches its
    check on; ``rows_lost_max`` is what a table may lose of the rows its backup had.
    """

    hour_s: Later = 3600
    day_s: Later = 86_400
    week_s: Later = 7 * 86_400
    error_rate_max: Fraction = 0.001
    slow_300ms_max: Fraction = 0.05
    slow_1s_max: Fraction = 0.01
    worse_ratio: Annotated[float, Field(ge=1)] = 1.5
    worse_p_value: Fraction = 0.001
    rows_lost_max: Fraction = 0.1
    count_exactly_below: Annotated[int, Field(ge=0)] = 1_000_000
    cost: bool = False
    cost_growth_max: Annotated[float, Field(ge=1)] = 1.3
    dora_days: Annotated[int, Field(ge=1, le=365)] = 30

    def lasts_s(self, after: After) -> float:
        """Return how long after the release a look is due, in seconds."""
        return {After.HOUR: self.hour_s, After.DAY: self.day_s, After.WEEK: self.week_s}[after]
