"""The guide's boxes, a trend that is no chance, and the retrospective's draft."""

from datetime import timedelta

import pytest
from markdown_it import MarkdownIt

from flows.core.aftercare import (
    BOXES,
    Look,
    check_chances,
    check_trend,
    look_text,
    outcome_of,
    replaced_by,
    tick,
    topics_of,
)
from flows.core.dora import dora
from flows.core.report import report_of
from flows.core.retrospective import retrospective
from tasks.aftercare_models import After, Box, TrafficSeen
from tasks.aftercare_settings import AftercareSettings
from tasks.counts import Counts
from tasks.models import Check, Outcome
from tasks.sentences import in_language, named
from tests.core.release_told import RELEASE, START, rolled_back, shipped

POLICY = AftercareSettings()
GOOD = Check.of("API answers", ok=True, found=200, expected=200)
BAD = Check.of("error rate", ok=False, found="31 of 10,000 failed (0.31 %)", expected="less than 0.1 %")
OFF = Check.skipped("cost", "off: aftercare.cost is false")


def seen(now: Counts, before: Counts) -> TrafficSeen:
    return TrafficSeen(since=START, until=START + timedelta(hours=1), now=now, before=before)


def look(after: After = After.HOUR, **found: Check) -> Look:
    checks = {topic: (found.get(topic, GOOD),) for topic in topics_of(after)}
    return Look(
        release_id=RELEASE,
        version="1.1.0",
        environment="production",
        after=after,
        at=START + timedelta(hours=1),
        boxes=tick(after, checks),
    )


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [((GOOD,), "passed"), ((GOOD, OFF), "passed"), ((GOOD, BAD, OFF), "failed"), ((OFF,), "skipped")],
)
def test_a_box_is_as_its_worst_answer(checks: tuple[Check, ...], outcome: str) -> None:
    assert outcome_of(Box(name="a box", checks=checks)) is Outcome(outcome)


MANY = Counts(requests=100_000, failed=20)


@pytest.mark.parametrize(
    ("now", "before", "worse"),
    [
        (MANY, MANY, False),
        (Counts(requests=100_000, failed=80), MANY, True),
        (Counts(requests=100_000, failed=26), MANY, False),  # more, and not much more
        (Counts(requests=500, failed=1), MANY, False),  # ten times the rate, by one request
        (Counts(requests=100_000, slow_1s=90), Counts(requests=100_000, slow_1s=20), True),
    ],
)
def test_a_trend_is_worse_when_it_is_much_worse_and_no_chance(now: Counts, before: Counts, worse: bool) -> None:  # noqa: FBT001
    checks = check_trend(seen(now, before), POLICY)
    assert any(check.outcome is Outcome.FAILED for check in checks) is worse


def test_without_a_week_before_there_is_no_trend() -> None:
    (check,) = check_trend(seen(MANY, Counts()), POLICY)
    assert check.outcome is Outcome.SKIPPED


def test_every_box_of_the_guide_after_the_deployment_is_there() -> None:
    boxes = {in_language(named(box.name), "ko") for after in After for box in BOXES[after]}
    assert {
        "프론트엔드 접근 확인",
        "백엔드 API 응답 확인",
        "에러율 < 0.1% 확인",
        "성능 메트릭 정상 확인",
        "모든 기능 작동 확인",
        "데이터베이스 동기화 확인",
        "사용자 피드백 수집",
        "비용 모니터링",
        "장기 성능 메트릭 분석",
        "예상치 못한 문제 확인",
        "최적화 기회 식별",
    } <= boxes


def test_people_read_what_is_wrong_and_how_to_go_back() -> None:
    text = look_text(look(errors=BAD), "1.0.0")
    lines = text.splitlines()
    assert lines[0] == "Aftercare 1h: 1.1.0 is NOT well on production: 1 of 5 boxes failed"
    assert f"✗ failed: error rate < 0.1 %: {BAD.line}" in lines
    assert lines[-1].endswith("greenflow release 1.0.0 --environment production")
    korean = in_language(text, "ko").splitlines()
    assert korean[0] == "배포 후 점검 1h: production의 1.1.0 이상 있음, 항목 5개 중 1개 실패"
    assert korean[3].startswith("✗ 실패: 에러율 < 0.1% 확인: 에러율")


def test_a_release_that_another_one_replaced_is_not_asked_about() -> None:
    ours = shipped()
    later = ours.model_copy(update={"release_id": "1.2.0-x", "version": "1.2.0", "ended_at": START + timedelta(days=1)})
    assert replaced_by(ours, [ours], "") == ""
    assert replaced_by(ours, [ours, later], "").startswith("1.2.0 took its place at 2026-11-22 03:00 UTC")
    assert replaced_by(ours, [rolled_back()], "") == ""
    assert "1.3.0-y is under way" in replaced_by(ours, [ours], "1.3.0-y")


def test_the_retrospective_tells_how_who_how_long_and_what_failed() -> None:
    report = report_of(rolled_back())
    looks = [look(errors=BAD), look(After.DAY, cost=OFF)]
    figures = dora([shipped(), rolled_back()], until=START + timedelta(days=8), days=28)
    text = retrospective(report, looks, figures, [("U0LEE", "the map is <b>slow</b>")])
    assert "| change failure rate | 50 % (1 of 2 releases that met users) |" in text
    assert "U0LEE: the map is \\<b>slow\\</b>" in text
    assert "1h after: error rate: found 31 of 10,000 failed (0.31 %), expected less than 0.1 %" in text
    assert "could not put the site back: Vercel is away" in text
    assert "회고 회의" in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert not [token for token in tokens if token.type == "html_block"]


def test_the_slowest_stages_are_the_chances() -> None:
    (check,) = check_chances(report_of(shipped()))
    assert "1.3 back up the database" in check.found
