from datetime import UTC, datetime, timedelta

import pytest

from flows.core.asking import ask_text
from flows.core.gates import gate, insist
from flows.core.plan import name_release, plan_release, sentences, stable_side
from tasks.errors import GateRefused
from tasks.models import Ask, Check, Evidence, Live, Side, SideState, Weights

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ASK = Ask(
    nonce="0" * 32,
    release_id="1.1.0-x",
    environment="production",
    version="1.1.0",
    phase=0,
    number=1,
    from_weight=10,
    to_weight=50,
    digest="sha256:" + "0" * 64,
    requested_by="kim",
    allowed=("kim", "lee"),
    asked_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    summary=("errors 0/610 against 0/5,490",),
)


def side(name: Side, weight: int) -> SideState:
    return SideState(
        side=name,
        service=f"api-{name}",
        target_group_arn=f"arn:{name}",
        task_definition_arn="arn:td",
        image="repo@sha256:0",
        digest="sha256:0",
        desired_count=2,
        running_count=2,
        healthy_targets=2,
        weight=weight,
    )


def live(a: int) -> Live:
    return Live(weights=Weights(a=a, b=100 - a), a=side(Side.A, a), b=side(Side.B, 100 - a))


@pytest.mark.parametrize(("a", "stable"), [(100, Side.A), (0, Side.B)])
def test_the_stable_side_is_read_from_the_live_weights(a: int, stable: Side) -> None:
    assert stable_side(live(a)) is stable


def test_split_traffic_is_drift_and_stops_a_release() -> None:
    with pytest.raises(GateRefused, match="found a 90 % / b 10 %, expected 100 % on one side"):
        stable_side(live(90))


def test_the_plan_releases_to_the_idle_side_and_reads_like_a_sentence() -> None:
    plan = plan_release(
        release_id="1.1.0-x",
        version="1.1.0",
        environment="production",
        requested_by="kim",
        commit="0123456789",
        live=live(0),
        phases=(10, 50, 100),
    )
    assert (plan.stable, plan.candidate) == (Side.B, Side.A)
    assert "10 % -> 50 % -> 100 %" in " ".join(sentences(plan))


@pytest.mark.parametrize("phases", [(50, 10, 100), (10, 50), (10, 10, 100)])
def test_phases_that_do_not_rise_to_all_traffic_are_refused(phases: tuple[int, ...]) -> None:
    with pytest.raises(GateRefused, match="expected rising weights that end at 100"):
        plan_release(
            release_id="x",
            version="1.1.0",
            environment="p",
            requested_by="k",
            commit="c",
            live=live(100),
            phases=phases,
        )


def test_releases_sort_by_version_and_time() -> None:
    assert name_release("1.1.0", NOW, "ab12") == "1.1.0-20261121T030000-ab12"


def test_weights_that_do_not_sum_to_a_hundred_do_not_exist() -> None:
    with pytest.raises(ValueError, match="weights sum to 110, expected 100"):
        Weights(a=60, b=50)


def test_a_gate_with_one_failed_check_is_shut_and_says_both_numbers() -> None:
    good = Evidence(checks=(Check.of("x", ok=True, found=1, expected=1), Check.skipped("y", "off")))
    bad = Evidence(checks=(Check.of("bundle size", ok=False, found="612 kB", expected="< 500 kB"),))
    insist(gate("build", [good]))
    with pytest.raises(GateRefused, match="build refused: bundle size: found 612 kB, expected < 500 kB"):
        insist(gate("build", [good, bad]))


def test_the_question_says_from_where_to_where_and_what_silence_does() -> None:
    text = ask_text(ASK)
    assert "from 10 % to 50 % of production" in text
    assert "errors 0/610 against 0/5,490" in text
    assert "Silence until 04:00:00 UTC" in text
