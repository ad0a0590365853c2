"""The bars of the judge on a small sample of the benchmark; `make bench-judge` holds all of it against them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployments.bench import judge as command
from deployments.bench.bars import COMMON, DETECTION_P95, bars
from deployments.bench.broken import Broken, break_metrics
from deployments.bench.cells import Cell, all_cells
from deployments.bench.many import judge_many
from deployments.bench.measure import OURS, Found, Measured, Plan, measure
from deployments.bench.noise import KINDS
from deployments.bench.outcome import ROLLED_BACK, Outcome
from deployments.bench.page import marks, write_between_marks
from deployments.bench.rivals import RIVALS
from tasks.judge_policy import JudgePolicy

SEED = 7
UNBROKEN = Broken(1, {"no data": 0}, 0, 12.0)
GOOD = Found(1, 0, 0, 0, 1, 1, 2, 0)


def outcome_of(cell: Cell, releases: int) -> Outcome:
    return judge_many(cell.draw(releases, SEED), JudgePolicy(), answer_periods=cell.answer_periods)


def test_healthy_releases_are_not_rolled_back_by_the_noise_of_a_night() -> None:
    shares = {noise: outcome_of(Cell("healthy", noise, 10, 0.001), 100).share(ROLLED_BACK) for noise in KINDS}
    assert sum(shares.values()) / len(shares) <= 0.002
    assert max(shares[noise] for noise in COMMON) <= 0.005


@pytest.mark.parametrize(("fault", "rps", "periods"), DETECTION_P95)
def test_a_bad_candidate_is_rolled_back_in_time(fault: str, rps: float, periods: int) -> None:
    outcome = outcome_of(Cell("faulty", "iid", rps, 0.001, fault), 200)
    assert outcome.detection(0.95) <= periods


@pytest.mark.parametrize(("rps", "most"), [(0.5, 0.02), (2, 0.005), (10, 0.005)])
def test_candidates_with_one_percent_more_errors_are_not_given_all_of_the_traffic(rps: float, most: float) -> None:
    assert outcome_of(Cell("not to pass", "iid", rps, 0.001, "1.1 % errors"), 200).promoted_to_all.mean() <= most


@pytest.mark.parametrize(("rps", "base"), [(2, 0.001), (10, 0.0001), (50, 0.001)])
def test_clean_releases_are_promoted_within_thirty_periods_of_each_weight(rps: float, base: float) -> None:
    assert outcome_of(Cell("clean", "iid", rps, base), 200).promoted_within(30).mean() >= 0.99


def test_broken_metrics_move_nothing() -> None:
    broken = break_metrics(25, SEED)
    assert broken.moved == {"no data": 0, "not a number": 0, "silent API": 0, "partial periods": 0}
    assert broken.changed_by_order == 0
    assert broken.slowest_ms < 50


def test_every_judge_sees_the_same_cell_and_a_sample_is_replayed() -> None:
    measured = measure(Cell("faulty", "iid", 10, 0.001, "30 % errors"), Plan(releases=40, replays=3, seed=SEED))
    assert set(measured.found) == {OURS, *RIVALS}
    assert all(found.rolled_back == 1 for found in measured.found.values())
    assert (measured.replayed, measured.differing) == (3, 0)
    assert measured.found["Kayenta's Mann-Whitney"].detection_p50 == 15


def perfect() -> list[Measured]:
    names = (OURS, *RIVALS)
    return [Measured(cell, dict.fromkeys(names, GOOD), 1, 0) for cell in all_cells()]


def test_bars_hold_where_nothing_is_wrong() -> None:
    held = bars(perfect(), UNBROKEN)
    assert [bar.name for bar in held if not bar.holds] == []


@pytest.mark.parametrize(
    ("group", "worse", "name"),
    [
        ("healthy", {"rolled_back": 0.02}, "false rollbacks in the worst cell"),
        ("faulty", {"detection_p95": float("inf")}, "2 % errors at 10 rps"),
        ("not to pass", {"promoted_to_all": 0.03}, "the same at 0.5 rps"),
        ("clean", {"promoted_in_time": 0.98}, "clean releases"),
    ],
)
def test_a_bar_that_is_missed_fails(group: str, worse: dict[str, Any], name: str) -> None:
    measured = [
        replace(one, found=one.found | {OURS: replace(GOOD, **worse)}) if one.cell.group == group else one
        for one in perfect()
    ]
    assert [bar for bar in bars(measured, UNBROKEN) if bar.name.startswith(name) and not bar.holds]


def test_a_judge_that_differs_from_its_arrays_or_trusts_broken_metrics_fails() -> None:
    measured = [replace(perfect()[0], differing=1), *perfect()[1:]]
    failed = [bar.name for bar in bars(measured, Broken(1, {"no data": 1}, 1, 51)) if not bar.holds]
    assert len(failed) == 4


@pytest.mark.parametrize(("broken", "code"), [(UNBROKEN, 0), (replace(UNBROKEN, slowest_ms=51), 1)])
def test_the_command_writes_its_tables_and_says_by_its_exit_code_whether_all_holds(
    broken: Broken, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "measure_all", lambda *_: perfect())
    monkeypatch.setattr(command, "break_metrics", lambda *_: broken)
    begin, end = marks(command.MARK)
    page, readme = tmp_path / "new" / "judge.md", tmp_path / "README.md"
    readme.write_text(f"# Before\n{begin}\nold\n{end}\nafter\n")
    assert command.main(["--write", str(page), "--readme", str(readme)]) == code
    printed, written = capsys.readouterr().out, readme.read_text()
    assert f"{31 - 3 - code} of 28 bars hold" in printed
    assert "| **this judge** | 0.00 % (0.00 %) | 1 / 2 |" in printed
    assert "| iid, 1.1 % errors, old side 0.5 % |" in page.read_text()
    assert written.startswith(f"# Before\n{begin}\n")
    assert written.endswith(f"{end}\nafter\n")
    assert "old\n" not in written
    assert "Flagger" in written


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="found no"):
        write_between_marks(page, "bench-judge", "text")
    assert page.read_text() == "nothing"
