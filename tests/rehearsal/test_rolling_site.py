"""A site that follows the API's weights by Vercel's rolling release: out with them, and home with them."""

from collections.abc import Sequence

import pytest

from flows.core.record import Ending
from tests.rehearsal.conftest import Ended, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(240)]

ROLLING = {"GREENFLOW_SITE__ROLLING": "true"}


def asked_of_vercel(stage: Stage, since: int) -> Sequence[str]:
    """List what was changed of who sees which site, in its order, by the last word of each call's path."""
    verbs = ("start", "approve-stage", "complete", "promote", "rollback")
    paths = [call.path for call in stage.twin.vercel.calls[since:] if call.method == "POST"]
    return [verb for path in paths for verb in verbs if f"/{verb}" in path]


def rolled_to(ended: Ended) -> list[str]:
    return [name for name in ended.state.stages if name.startswith("2.1 roll")]


def test_a_rolling_site_follows_the_api_through_every_weight_and_gets_the_domain_at_the_end(stage: Stage) -> None:
    before, since = stage.twin.vercel.current, len(stage.twin.vercel.calls)
    ended = stage.release(**ROLLING)
    assert ended.code == 0, ended.said
    assert ended.report.ending is Ending.SHIPPED
    assert rolled_to(ended) == ["2.1 roll the site out to 10 %", "2.1 roll the site out to 50 %"]
    assert asked_of_vercel(stage, since) == ["start", "approve-stage", "complete"]
    assert stage.twin.vercel.current is not before
    assert ended.failed == 0
    assert not stage.held_back()


def test_a_rolling_site_comes_home_with_the_traffic(stage: Stage) -> None:
    before, weights, since = stage.twin.vercel.current, stage.weights(), len(stage.twin.vercel.calls)
    ended = stage.release("errors-30", **ROLLING)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.ROLLED_BACK
    assert asked_of_vercel(stage, since) == ["start", "rollback"]
    assert stage.twin.vercel.current is before
    assert stage.weights() == weights
    assert not ended.report.left_over
    assert not stage.held_back()
