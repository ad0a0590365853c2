import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.twin.load_balancer_bench import BenchControl
from deployments.twin.processes import Processes, free_port
from flows.core.judge import Verdict, judge
from tasks.counts import Counts
from tasks.metrics import PhaseWindow
from tasks.models import ReleasePlan, Side
from tasks.prober import Prober, Sample
from tasks.settings import load_settings
from tests.deployments.twin.data_plane import Target, group, load_balancer, rule, wait_until

START = 1_763_872_000
GOOD, BAD = Sample(failed=False, took_s=0.01), Sample(failed=True, took_s=0.01)


@pytest.fixture
def plan() -> ReleasePlan:
    return ReleasePlan(
        release_id="1.1.0-test",
        version="1.1.0",
        environment="rehearsal",
        requested_by="tests",
        commit="0" * 40,
        stable=Side.A,
        candidate=Side.B,
        phases=(10, 50, 100),
    )


@pytest.fixture
def prober(plan: ReleasePlan) -> Prober:
    return Prober(load_settings("rehearsal"), plan)


def test_probes_are_counted_by_the_second_in_which_they_ended(prober: Prober) -> None:
    prober.note(Side.B, START + 0.9, GOOD)
    prober.note(Side.B, START + 1.1, Sample(failed=True, took_s=1.5))
    assert prober.counts(Side.B, START, 1) == Counts(requests=1)
    assert prober.counts(Side.B, START, 2) == Counts(requests=2, failed=1, slow_300ms=1, slow_1s=1)
    assert prober.counts(Side.A, START, 2) == Counts()


def test_only_whole_periods_that_are_over_are_rows(prober: Prober) -> None:
    windows = [
        PhaseWindow(phase=0, began_s=START + 0.4, ended_s=START + 3.5),
        PhaseWindow(phase=1, began_s=START + 3.6),
    ]
    rows = prober.rows(windows, START + 6.5)
    assert [(row.start - START, row.phase, row.complete) for row in rows] == [
        (1, 0, True),
        (2, 0, True),
        (4, 1, True),
        (5, 1, True),
    ]


def test_three_failures_in_ten_call_a_release_back_within_seconds_of_probing(prober: Prober) -> None:
    for tenth in range(80):
        prober.note(Side.A, START + tenth / 10, GOOD)
        prober.note(Side.B, START + tenth / 10, BAD if tenth % 10 < 3 else GOOD)
    rows = prober.rows([PhaseWindow(phase=0, began_s=START)], START + 8)
    judged = judge(rows, 0, load_settings("rehearsal").judge_policy)
    assert judged.verdict is Verdict.ROLL_BACK


def test_probes_that_fail_on_both_sides_call_nothing_back(prober: Prober) -> None:
    for tenth in range(80):
        for side in Side:
            prober.note(side, START + tenth / 10, BAD if tenth % 10 < 3 else GOOD)
    rows = prober.rows([PhaseWindow(phase=0, began_s=START)], START + 8)
    assert judge(rows, 0, load_settings("rehearsal").judge_policy).verdict is not Verdict.ROLL_BACK


@pytest.fixture
def target() -> Iterator[Target]:
    with Target("a").listening() as target:
        yield target


@pytest.fixture
def url(tmp_path: Path, target: Target) -> Iterator[str]:
    """A load balancer whose side a answers and whose side b is refused by its machine."""
    control = BenchControl()
    with control.listening() as control_url, Processes() as processes:
        closed = free_port()
        groups = group("a", ("127.0.0.1", target.port, "healthy")) | group("b", ("127.0.0.1", closed, "healthy"))
        version = control.set_routes([rule(1, side="a", a=1), rule(2, side="b", b=1), rule(a=100, b=0)], groups)
        with load_balancer(processes, tmp_path, control, control_url) as plane:
            wait_until(lambda: control.acknowledged == version)
            yield plane.url


def test_both_sides_are_probed_through_the_test_header_whatever_their_weight(
    url: str, target: Target, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENFLOW_LOAD_BALANCER__URL", url)
    monkeypatch.setenv("GREENFLOW_PROBE__EVERY_S", "0.05")
    began_s = time.time()
    with Prober(load_settings("rehearsal"), plan) as prober:
        wait_until(lambda: min(prober.counts(side, began_s, 30).requests for side in Side) >= 5)
    good, bad = (prober.counts(side, began_s, 30) for side in Side)
    assert good.failed == 0
    assert bad.failed == bad.requests
    # Each carries the mark by which it is kept out of business data, and nobody's credentials.
    probed = [headers for path, headers, _ in target.seen if path == "/api/v2/order/bids"]
    assert len(probed) >= 5
    assert all(headers["x-greenflow-probe"] == "1" and "authorization" not in headers for headers in probed)


def test_no_probe_is_sent_where_none_is_wanted(url: str, plan: ReleasePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENFLOW_LOAD_BALANCER__URL", url)
    monkeypatch.setenv("GREENFLOW_PROBE__EVERY_S", "0")
    began_s = time.time()
    with Prober(load_settings("rehearsal"), plan) as prober:
        time.sleep(0.3)
    assert prober.counts(Side.A, began_s, 30) == Counts()
