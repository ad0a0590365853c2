import pytest

from flows.core.bars import bar, canary_table, evidence_share
from flows.core.judge import Judgement, Verdict, judge
from flows.core.progress import rollout_percent
from flows.core.rollout import Rollout, State
from tasks.judge_policy import JudgePolicy
from tests.core.judge_rows import row

POLICY = JudgePolicy()
PHASES = (10, 50, 100)


def judged(*errors: int, phase: int = 0) -> Judgement:
    return judge([row(place, phase=phase, new=failed) for place, failed in enumerate(errors)], phase, POLICY)


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, "····"), (1, "████"), (0.5, "██··"), (0.001, "▏···"), (7, "████"), (-1, "····"), (0.625, "██▌·")],
)
def test_a_bar_is_as_long_as_its_share(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_evidence_is_drawn_on_the_scale_on_which_it_grows() -> None:
    assert evidence_share(1, 200) == 0
    assert evidence_share(200, 200) == 1
    assert evidence_share(0.3, 200) == 0
    assert evidence_share(14.14, 200) == pytest.approx(0.5, abs=0.001)


def test_the_canary_table_has_both_sides_the_limits_and_the_evidence() -> None:
    found = judged(0, 0, 4)
    rows = canary_table([found], (found.new, found.old), POLICY, ("1.1.0", "1.0.0"))
    assert [line["side"] for line in rows[:4]] == ["1.1.0", "1.0.0", "limit", "evidence of being worse"]
    assert all(line.keys() == rows[0].keys() for line in rows)
    assert "4/180 (2.2 %)" in rows[0]["errors"]
    assert rows[0]["errors"].startswith("█")
    assert rows[2]["errors"] == "< 1.0 %"
    assert rows[3]["errors"].endswith("of 200")


def test_the_canary_table_draws_how_it_came_to_its_verdict_and_when() -> None:
    errors = (0, 0, 4, 4, 4, 4)
    looks = [judged(*errors[: seen + 1]) for seen in range(len(errors))]
    decided = [look.verdict for look in looks].index(Verdict.ROLL_BACK)
    new, old, evidence = canary_table(looks, (looks[-1].new, looks[-1].old), POLICY, ("1.1.0", "1.0.0"))[4:]
    assert [line["side"] for line in (new, old, evidence)] == [
        "1.1.0, over time",
        "1.0.0, over time",
        "evidence, over time",
    ]
    assert new["errors"].startswith("▁▁")
    assert new["errors"].replace("┃", "")[-1] == "█"
    assert old["errors"].replace("┃", "") == "▁" * len(looks)
    assert {line["errors"].index("┃") for line in (new, old, evidence)} == {decided + 1}
    assert evidence["slower than 5 s"] == ""


def test_a_canary_that_waits_has_no_verdict_drawn_and_a_long_one_shows_its_end() -> None:
    looks = [judged(0)] * 60
    rows = canary_table(looks, (looks[-1].new, looks[-1].old), POLICY, ("1.1.0", "1.0.0"))
    assert rows[4]["errors"] == "▁" * 40


@pytest.mark.parametrize(
    ("state", "phase", "errors", "percent"),
    [
        (State.BAKING, 0, (), 0),
        (State.BAKING, 0, (0,) * 6, 10.7),
        (State.ASKING, 0, (0,) * 15, 26.7),
        (State.SHIPPED, 2, (), 100),
    ],
)
def test_progress_follows_weights_and_bakes(state: State, phase: int, errors: tuple[int, ...], percent: float) -> None:
    rollout = Rollout(phases=PHASES, state=state, phase=phase)
    assert rollout_percent(rollout, judged(*errors, phase=phase)) == percent


def test_a_phase_that_begins_counts_the_phases_before() -> None:
    assert rollout_percent(Rollout(phases=PHASES, state=State.SHIFTING, phase=1)) == pytest.approx(33.3)
