"""CloudWatch's metric math, as far as the twin knows it."""

import pytest

from deployments.twin.aws_calls import AwsError
from deployments.twin.aws_metric_math import Series, compute

PERIODS = (0, 60, 120)
SERIES: dict[str, Series] = {"requests": {0: 100.0, 60: 10.0}, "failed": {0: 3.0}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("requests", {0: 100, 60: 10}),
        ("failed / requests", {0: 0.03}),
        ("FILL(failed, 0) / requests", {0: 0.03, 60: 0}),
        ("FILL(requests, 0)", {0: 100, 60: 10, 120: 0}),
        ("100 * failed / FILL(requests, 0)", {0: 3}),
        ("-failed + 5", {0: 2}),
        ("requests > 50", {0: 1, 60: 0}),
        ("IF(requests >= 20, 100 * FILL(failed, 0) / requests, 0)", {0: 3, 60: 0}),
        ("IF(FILL(requests, 0) >= 20, failed, 7)", {0: 3, 60: 7, 120: 7}),
        ("FILL(failed, 0) / FILL(requests, 0)", {0: 0.03, 60: 0}),
    ],
)
def test_an_expression_has_a_value_where_all_it_needs_is_there(expression: str, expected: Series) -> None:
    assert compute(expression, SERIES, PERIODS) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("requests +", "no expression"),
        ("unknown / requests", "does not know unknown"),
        ("RATE(requests)", "does not know RATE"),
        ("FILL(requests)", "FILL with 1 arguments"),
        ("FILL(1, 2)", "fills a time series"),
        ("1 + 1", "not a time series"),
    ],
)
def test_what_it_cannot_compute_it_refuses(expression: str, why: str) -> None:
    with pytest.raises(AwsError, match=why):
        compute(expression, SERIES, PERIODS)
