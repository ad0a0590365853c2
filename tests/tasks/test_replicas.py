"""As many replicas follow as the environment says, and none is far behind, before a release and after it alike."""

import pytest

from tasks.data_settings import RdsSettings
from tasks.models import Outcome
from tasks.replicas import Replica, judge_replicas

ONE = RdsSettings(replicas=1, replica_lag_s=10)
WELL = Replica("reader", "streaming", 0, 0.4)


@pytest.mark.parametrize(
    ("replica", "found"),
    [
        (Replica("reader", "streaming", 1_000, 11), "streaming, 0.0 MB and 11.0 s behind"),
        (Replica("reader", "streaming", 65_000_000, None), "streaming, 65.0 MB and 0.0 s behind"),
        (Replica("reader", "catchup", 0, 0), "catchup, 0.0 MB and 0.0 s behind"),
        (Replica("reader", None, None, None), "nothing we may see"),
    ],
)
def test_a_replica_that_is_behind_is_refused_with_both_numbers(replica: Replica, found: str) -> None:
    assert all(check.outcome is Outcome.PASSED for check in judge_replicas([WELL], ONE))
    (check,) = (each for each in judge_replicas([replica], ONE) if each.outcome is Outcome.FAILED)
    assert check.name == "streaming replica reader"
    assert check.found == found
    assert check.expected == "streaming, <= 64 MB and <= 10 s behind"


def test_fewer_replicas_than_expected_are_refused_although_each_of_them_is_well() -> None:
    failed = [check.line for check in judge_replicas([WELL], RdsSettings(replicas=2)) if check.outcome == "failed"]
    assert failed == ["streaming replicas: found 1, expected >= 2"]
    (none,) = judge_replicas([], ONE)
    assert none.line == "streaming replicas: found 0, expected >= 1"


def test_where_none_is_expected_and_none_streams_the_check_is_skipped() -> None:
    (check,) = judge_replicas([], RdsSettings())
    assert (check.outcome, check.note) == (
        "skipped",
        "none streams from this server, and rds.replicas expects none",
    )
