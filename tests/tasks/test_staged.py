"""A release without a version takes what staging runs, by table."""

import pytest

from tasks.models import Live, Side, SideState, Weights
from tasks.staged import propose

OLD, NEW = ("sha256:" + letter * 64 for letter in "ab")


def side(which: Side, digest: str, weight: int) -> SideState:
    return SideState(
        side=which,
        service=f"greenflow-api-{which}",
        target_group_arn=f"arn:{which}",
        task_definition_arn="arn:task:1",
        image="image",
        digest=digest,
        desired_count=2,
        running_count=2,
        healthy_targets=2,
        weight=weight,
    )


PRODUCTION = Live(weights=Weights(a=100, b=0), a=side(Side.A, OLD, 100), b=side(Side.B, NEW, 0))


@pytest.mark.parametrize(
    ("digest", "version", "why"),
    [
        (NEW, "1.4.0", "staging runs 1.4.0"),
        ("", "1.4.0", "staging runs 1.4.0"),  # no image of that tag: the checklist says so
        (OLD, "", "nothing new: production runs 1.4.0 like staging"),
    ],
)
def test_what_staging_runs_is_released_unless_users_meet_it_already(digest: str, version: str, why: str) -> None:
    assert propose("1.4.0", digest, PRODUCTION, "production") == (version, why)
