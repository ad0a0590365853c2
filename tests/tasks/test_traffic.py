from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import GateRefused, PermanentError
from tasks.ledger import Ledger
from tasks.models import Check, Outcome, Weights
from tasks.series import Span, starts_of
from tasks.shares import check_share
from tasks.traffic import shift_traffic, weights_around
from tests.tasks.production import Production


def test_traffic_moves_when_the_candidate_has_its_targets(production: Production, release: Ledger) -> None:
    production.run("b", production.seeded.task_definition_arn, 2)
    proof = shift_traffic.fn(production.settings, production.plan, 10)
    assert proof.weights == Weights(a=90, b=10)
    assert not proof.failed
    assert production.weights() == {"a": 90, "b": 10}
    assert [event.data for event in release.events if event.kind == "traffic.shifted"] == [
        {"weights": {"a": 90, "b": 10}}
    ]


def test_no_traffic_goes_to_a_side_without_targets(
    new_production: Callable[..., Production], opened: Callable[[Production], Ledger]
) -> None:
    production = new_production(LOAD_BALANCER__READ_BACK_S="0.1")
    opened(production)
    with pytest.raises(GateRefused, match=r"healthy targets of side b for 10 %: found 0, expected >= 2"):
        shift_traffic.fn(production.settings, production.plan, 10)
    assert production.weights() == {"a": 100, "b": 0}


def test_a_phase_is_not_left_out(production: Production, release: Ledger) -> None:
    production.run("b", production.seeded.task_definition_arn, 2)
    with pytest.raises(PermanentError, match=r"found weights a 100 % / b 0 %, expected a 90 % / b 10 %"):
        shift_traffic.fn(production.settings, production.plan, 50)
    assert production.weights() == {"a": 100, "b": 0}


def test_a_weight_that_is_not_of_the_plan_is_refused(production: Production) -> None:
    with pytest.raises(PermanentError, match=r"found weight 25, expected one of the plan's 10, 50, 100"):
        weights_around(production.plan, 25)


@pytest.mark.parametrize(
    ("requests", "of_all", "weight", "outcome"),
    [
        (1000, 10_000, 10, Outcome.PASSED),
        (1149, 10_000, 10, Outcome.PASSED),
        (1151, 10_000, 10, Outcome.FAILED),
        (849, 10_000, 10, Outcome.FAILED),
        (0, 10_000, 10, Outcome.FAILED),
        (5000, 10_000, 10, Outcome.FAILED),
        (10_000, 10_000, 100, Outcome.PASSED),
        (9_901, 10_000, 100, Outcome.PASSED),
        (9_899, 10_000, 100, Outcome.FAILED),
        (0, 700, 0, Outcome.PASSED),
        (0, 0, 10, Outcome.SKIPPED),
        (0, 49, 10, Outcome.SKIPPED),
    ],
)
def test_the_measured_share_agrees_within_five_sigma(requests: int, of_all: int, weight: int, outcome: Outcome) -> None:
    assert check_share(requests, of_all, weight, sigma=5).outcome is outcome


def test_a_share_that_is_off_says_both_numbers() -> None:
    check: Check = check_share(5000, 10_000, 10, sigma=5)
    assert check.line.startswith("measured share at 10 %: found 50.00 % (5000 of 10000), expected 8.50 to 11.50 %")
    assert "sticky users" in check.note


@given(start_s=st.floats(0, 2e9), length_s=st.floats(0, 5000), period_s=st.sampled_from([1, 5, 60, 300]))
def test_a_period_is_in_a_span_only_whole(start_s: float, length_s: float, period_s: int) -> None:
    span = Span(start_s, start_s + length_s, period_s)
    starts = starts_of(span)
    assert all(start % period_s == 0 for start in starts)
    assert all(span.start_s <= start and start + period_s <= span.end_s for start in starts)
    assert len(starts) >= (span.end_s - span.start_s) // period_s - 1
