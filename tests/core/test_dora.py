"""The four figures count what users met, by table."""

from datetime import timedelta

import pytest

from flows.core.dora import Dora, dora, dora_rows
from flows.core.record import ReleaseState
from tasks.models import Answer
from tests.core.release_told import START, refused, rejected, rolled_back, shipped, stuck

END = START + timedelta(days=1)


def called_back() -> ReleaseState:
    """Tell a release that a person rolled back, not only declined."""
    state = rejected()
    (nonce,) = state.asks
    answer = Answer(nonce=nonce, decision="roll_back", by="U0LEE", door="slack", at=START)
    return state.model_copy(update={"answers": {nonce: answer}})


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], (0, 0, 0)),
        ([shipped()], (1, 1, 0)),
        ([shipped(), rolled_back()], (2, 1, 1)),
        ([refused()], (0, 0, 0)),  # no user met it
        ([rejected()], (1, 0, 0)),  # people declined a version that was well
        ([called_back()], (1, 0, 1)),
        ([stuck()], (1, 0, 1)),
    ],
)
def test_a_change_has_failed_when_it_met_users_and_had_to_come_home(
    states: list[ReleaseState], expected: tuple[int, int, int]
) -> None:
    found = dora(states, until=END, days=28)
    assert (found.reached, found.shipped, found.failed) == expected


def test_only_the_days_asked_for_count() -> None:
    assert dora([shipped()], until=END, days=28).shipped == 1
    assert dora([shipped()], until=END + timedelta(days=28), days=28).shipped == 0


def test_lead_time_runs_from_the_commit_to_all_of_the_traffic() -> None:
    state = shipped().model_copy(update={"committed_at": START - timedelta(hours=5)})
    assert state.ended_at
    lead_s = dora([state, shipped()], until=END, days=28).lead_s
    assert lead_s == (state.ended_at - START).total_seconds() + 5 * 3600


def test_time_to_restore_runs_from_the_first_user_to_traffic_at_home() -> None:
    state = rolled_back()
    begun, home = state.shifts[0].at, state.shifts[-1].at
    assert dora([state], until=END, days=28).restore_s == (home - begun).total_seconds()
    assert dora([stuck()], until=END, days=28).restore_s is None


def test_the_figures_say_what_they_rest_on() -> None:
    told = dict(dora_rows(Dora(days=28, reached=4, shipped=3, failed=1, lead_s=7260, restore_s=None)))
    assert told == {
        "deployment frequency": "0.8 a week (3 shipped in 28 days)",
        "lead time for changes": "2 h 01 min (median, from the commit to all of the traffic)",
        "change failure rate": "25 % (1 of 4 releases that met users)",
        "time to restore": "nothing to tell it by",
    }
