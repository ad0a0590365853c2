"""How many tasks a share of the traffic needs is computed from what is carried now."""

import time
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import current_load
from tasks.capacity import CapacityPolicy, need_for, needs_of
from tasks.current_load import load_of
from tasks.errors import TransientError
from tasks.live import observe_live
from tasks.models import Load, Side
from tasks.series import Query, Span
from tasks.service import phase_checks
from tests.tasks.production import Production

BY_TASKS = CapacityPolicy(least=2, headroom=0.2)
BY_REQUESTS = CapacityPolicy(least=2, headroom=0.2, per_task_s=100)


@pytest.mark.parametrize(
    ("serving", "weight", "tasks", "why"),
    [
        (2, 10, 2, "never fewer than 2"),
        (10, 10, 2, "never fewer than 2"),
        (10, 50, 5, "50 % of the 10 tasks that serve now"),
        (11, 50, 6, "50 % of the 11 tasks that serve now"),
        (10, 100, 10, "100 % of the 10 tasks that serve now"),
    ],
)
def test_without_a_load_test_the_tasks_that_serve_are_the_measure(
    serving: int, weight: int, tasks: int, why: str
) -> None:
    need = need_for(weight, Load(tasks=serving), BY_TASKS)
    assert (need.tasks, need.why) == (tasks, why)


@pytest.mark.parametrize(("weight", "tasks"), [(10, 2), (50, 6), (100, 12)])
def test_with_one_the_measured_load_and_headroom_are(weight: int, tasks: int) -> None:
    need = need_for(weight, Load(tasks=4, requests_s=1000), BY_REQUESTS)
    assert need.tasks == tasks
    assert weight == 10 or need.why == f"{weight} % of 1000 requests/s and 20 % more, 100 a task"


def test_a_load_nobody_could_read_falls_back_to_the_tasks() -> None:
    assert need_for(100, Load(tasks=4), BY_REQUESTS).tasks == 4


@given(
    serving=st.integers(0, 200),
    requests_s=st.none() | st.floats(0, 1e5),
    phases=st.lists(st.integers(1, 100), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_more_traffic_never_needs_fewer_tasks(serving: int, requests_s: float | None, phases: list[int]) -> None:
    needs = [need.tasks for need in needs_of(tuple(phases), Load(tasks=serving, requests_s=requests_s), BY_REQUESTS)]
    assert needs == sorted(needs)
    assert min(needs) >= 2


def test_a_candidate_too_small_for_a_phase_is_a_failed_check_with_the_reason() -> None:
    needs = needs_of((10, 50, 100), Load(tasks=4, requests_s=1000), BY_REQUESTS)
    last = phase_checks(needs, healthy_targets=6)[-1]
    assert [check.outcome for check in phase_checks(needs, healthy_targets=6)] == ["passed", "passed", "failed"]
    assert last.line == (
        "tasks for 100 % of the traffic: found 6, expected >= 12 (100 % of 1000 requests/s and 20 % more, 100 a task)"
    )


def test_the_busiest_period_of_both_sides_together_is_the_load(
    new_production: Callable[..., Production], monkeypatch: pytest.MonkeyPatch
) -> None:
    production = new_production(SERVICE__REQUESTS_PER_TASK_S="50")

    def series(_: object, queries: list[Query], span: Span) -> Mapping[Query, Mapping[int, float]]:
        assert span.end_s <= time.time()
        start = int(span.start_s)
        return {queries[0]: {start: 90.0, start + 1: 20.0}, queries[1]: {start: 30.0, start + 1: 10.0}}

    monkeypatch.setattr(current_load, "read_series", series)
    load = load_of(production.settings, observe_live(production.settings), Side.A)
    assert load == Load(tasks=2, requests_s=120.0)


def test_metrics_that_cannot_be_read_leave_the_tasks_as_the_measure(
    new_production: Callable[..., Production], monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise TransientError("could not read metrics")

    monkeypatch.setattr(current_load, "read_series", silent)
    production = new_production(SERVICE__REQUESTS_PER_TASK_S="50")
    assert load_of(production.settings, observe_live(production.settings), Side.A) == Load(tasks=2)
