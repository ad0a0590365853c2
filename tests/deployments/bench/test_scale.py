"""What the scale is measured on is what releases leave behind, and its table says when a goal is missed."""

import pytest

from deployments.bench.scale.__main__ import _command, _waits
from deployments.bench.scale.finished import NAME, Waited, fill
from deployments.bench.scale.ground import prepared
from deployments.bench.scale.waiting import Answered, Cost, spread
from deployments.standing import Standing
from flows.core.record import Ending
from tasks.settings import load_settings


def test_a_ledger_of_finished_releases_reads_as_releases_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with prepared([NAME]):
        events = fill(3)
        standing = Standing(load_settings(NAME))
        stand = standing.look()
    assert events % 3 == 0
    assert events // 3 > 150
    assert (stand.ending, stand.is_held, stand.weights) == (Ending.SHIPPED, False, "a 0 % / b 100 %")
    assert len(standing.state.stages) == 49


@pytest.mark.parametrize(("took_s", "word"), [(0.99, "holds"), (1.0, "MISSED")])
def test_a_command_that_takes_a_second_misses_its_goal(took_s: float, word: str) -> None:
    assert _command(Waited("status", took_s), 1000)[1:] == (f"{took_s:.2f} s", "< 1 s", word)


def test_a_release_that_hears_late_misses_its_goal() -> None:
    cost = Cost(server_mib=300, postgres_mib=100, server_cores=0.5, postgres_cores=0.25)
    rows = _waits(200, cost, Answered(one_by_one_s=(1, 6, 7), at_once_s=(8, 9)))
    assert [row[-1] for row in rows] == ["", "", "MISSED", ""]
    assert rows[0][1] == "300 MiB, 0.50 cores"


def test_a_spread_names_its_slowest() -> None:
    assert spread([3, 1, 2]) == "2.00 s, p95 3.00 s, slowest 3.00 s"
