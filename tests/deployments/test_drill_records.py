"""A drill goes on record when it came home, once, with the code it ran; the checklist counts it from there."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deployments.drill_records import Recorder
from deployments.rehearse import Rehearsed
from flows.core.record import Ending, ReleaseState
from flows.core.report import report_of
from tasks.chain import GENESIS, sealed
from tasks.checklist.drills import check_drills
from tasks.drills import read_drills, record_drill
from tasks.errors import GateRefused, PermanentError
from tasks.models import Event, Outcome
from tasks.product import Product, hash_of_flows, this_product
from tasks.settings import Settings
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import NOW, subject

US = this_product()


@pytest.fixture
def asking(new_settings: NewSettings) -> Settings:
    """An environment that asks for three drills, as production does."""
    return new_settings(CHECKLIST__DRILLS__NEEDED="3")


def drilled(name: str, ending: Ending = Ending.ROLLED_BACK) -> Rehearsed:
    """A drill as it is after its end: its report and its chain."""
    ended = Event(
        seq=1, release_id=name, kind="release.ended", at=NOW, epoch=1, writer="w", data={"ending": ending},
        previous=GENESIS,
    )  # fmt: skip
    state = ReleaseState(release_id=name, version="1.1.0", environment="rehearsal", ending=ending, reason="errors")
    code = 0 if ending is Ending.ROLLED_BACK else 3
    return Rehearsed(code, report_of(state), Path("report.html"), [], (sealed(ended),))


def recorder(settings: Settings, product: Product = US) -> Recorder:
    return Recorder(settings, product, "arn:aws:iam::300000000003:user/kim")


def found(settings: Settings, now: datetime = NOW) -> str:
    (check,) = check_drills(settings, subject(now=now))
    return f"{check.outcome}: {check.found} {check.note}"


def test_three_drills_of_these_very_flows_are_enough(asking: Settings) -> None:
    for name in ("one", "two"):
        assert recorder(asking).record(drilled(name), "errors-30") == f"drills/{name}.json"
    assert found(asking) == "failed: 2: one, two drill again: greenflow drill --record rehearsal"
    recorder(asking).record(drilled("three"), "errors-30")
    assert found(asking).startswith("passed: 3: ")


def test_what_is_on_record_says_how_it_went(asking: Settings) -> None:
    done = drilled("one")
    recorder(asking).record(done, "errors-30")
    (drill,) = read_drills(asking)
    assert (drill.ending, drill.fault, drill.product.flows_sha256) == ("rolled back", "errors-30", US.flows_sha256)
    assert (drill.events, drill.chain_sha256) == (1, done.events[-1].sha256)
    assert drill.recorded_by.endswith("user/kim")


@pytest.mark.parametrize("ending", [Ending.SHIPPED, Ending.REFUSED, Ending.STUCK, Ending.REJECTED])
def test_a_drill_that_did_not_come_home_is_refused(asking: Settings, ending: Ending) -> None:
    with pytest.raises(GateRefused, match=f"found a drill that ended {ending}, expected one that was rolled back"):
        recorder(asking).record(drilled("one", ending), "errors-30")
    assert read_drills(asking) == ()


def test_the_same_drill_counts_once_and_another_one_cannot_take_its_name(asking: Settings) -> None:
    for _ in range(3):
        recorder(asking).record(drilled("one"), "errors-30")
    assert found(asking).startswith("failed: 1: one")
    (drill,) = read_drills(asking)
    with pytest.raises(PermanentError, match="another one of that name is on record"):
        record_drill(asking, drill.model_copy(update={"chain_sha256": "f" * 64}))


def test_drills_of_other_flows_and_of_long_ago_do_not_count(asking: Settings) -> None:
    for name in ("one", "two", "three"):
        recorder(asking, US.model_copy(update={"flows_sha256": "0" * 64})).record(drilled(name), "errors-30")
    assert found(asking).startswith("failed: 0 3 more are of other flows than")
    for name in ("four", "five", "six"):
        recorder(asking).record(drilled(name), "errors-30")
    assert found(asking).startswith("passed")
    assert found(asking, NOW + timedelta(days=31)).startswith("failed: 0")


def test_an_environment_that_asks_for_none_says_so(new_settings: NewSettings) -> None:
    (check,) = check_drills(new_settings(), subject())
    assert check.outcome is Outcome.SKIPPED
    assert "this environment asks for none" in check.note


def test_the_product_changes_with_every_line_that_decides_or_acts_and_with_nothing_else(tmp_path: Path) -> None:
    for room in ("flows", "tasks", "deployments"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("1\n")
    before = hash_of_flows(tmp_path)
    (tmp_path / "deployments" / "a.py").write_text("2\n")
    (tmp_path / "flows" / "notes.txt").write_text("2\n")
    assert hash_of_flows(tmp_path) == before
    (tmp_path / "tasks" / "a.py").write_text("2\n")
    assert hash_of_flows(tmp_path) != before
    (tmp_path / "tasks" / "a.py").rename(tmp_path / "tasks" / "b.py")
    assert hash_of_flows(tmp_path) not in {before, hash_of_flows(tmp_path / "nowhere")}
