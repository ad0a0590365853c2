"""Hold the guide's headings and boxes, and what of this product answers each; a test walks the list.

An answer is named by its kind and the name people see: ``row:`` of the checklist, ``stage:`` and ``flow:`` as Prefect
and the report show them, ``command:`` of `greenflow`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tasks.checklist.rows import Row
from tasks.models import Record

ROW_TITLES: Mapping[Row, str] = MappingProxyType(
    {
        Row.GROUND: "the ground: account, buckets, secrets, rule",
        Row.REACH: "tools, databases and Redis are within reach",
        Row.DRIFT: "production is as it was left",
        Row.STAGING: "stable on staging",
        Row.E2E: "E2E tests",
        Row.PERFORMANCE: "performance on staging",
        Row.AUDIT: "npm audit",
        Row.DATABASE: "database",
        Row.CACHE: "cache",
        Row.MIGRATION: "migration tested",
        Row.DRILLS: "rollback tested",
        Row.MONITORING: "monitoring",
        Row.RECOVERY: "disaster recovery",
        Row.TRAINING: "team training",
        Row.WINDOW: "the hour",
        Row.DUTY: "people on duty",
        Row.CHANNEL: "Slack channel",
    }
)


class Box(Record):
    """Hold one box or heading of the guide in its own words, and the names of what answers it."""

    text: str
    answers: tuple[str, ...]


class Section(Record):
    """Hold one heading of the guide with the boxes under it; a heading may be answered by its boxes alone."""

    heading: str
    answers: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


def _box(text: str, *answers: str) -> Box:
    return Box(text=text, answers=answers)


def _section(heading: str, *answers: str, boxes: tuple[Box, ...] = ()) -> Section:
    return Section(heading=heading, answers=answers, boxes=boxes)


REQUIRED = _section(
    "필수 완료 항목",
    boxes=(
        _box("스테이징 배포 24시간 이상 안정적 운영", "row:staging"),
        _box("E2E 테스트 100% 통과", "row:e2e"),
        _box("성능 테스트: P95 < 300ms, P99 < 1s", "row:performance"),
        _box("보안 감사: npm audit 통과, OWASP 체크 완료", "row:audit", "stage:5.3 look at the security"),
        _box("데이터 마이그레이션 테스트 완료", "row:migration", "stage:4.3 prepare the migration"),
        _box("롤백 계획 수립 및 테스트", "row:drills", "stage:1.4 record the restore point"),
        _box("모니터링 및 알림 설정 완료", "row:monitoring"),
        _box("재해 복구 계획 수립", "row:recovery"),
        _box("팀 교육: 배포 및 운영 절차 숙지", "row:training"),
    ),
)
RISKS = _section(
    "위험 평가",
    boxes=(
        _box("배포 일시 선정: 트래픽 저점 시간대 (예: 토요일 오전 3시)", "row:window"),
        _box("배포 담당자: 3명 이상 대기", "row:duty", "stage:0 roll call of the people on duty"),
        _box("커뮤니케이션: Slack #greenflow-production 채널 활성화", "row:channel"),
        _box("롤백 테스트: 실제 배포 전 3회 이상 시뮬레이션", "row:drills", "command:drill"),
    ),
)
GROUND = _section("준비 상태", "row:ground", "row:reach", "row:drift")
"""What the guide takes for granted and every release rests on."""
DATA_STORES = _section("Step 4: 데이터베이스 및 캐시 설정", "row:database", "row:cache")

SECTIONS: tuple[Section, ...] = (
    _section("개요", "flow:release"),
    _section("프로덕션 배포 사전 체크리스트", "command:verify"),
    REQUIRED,
    RISKS,
    _section("배포 체계", "row:staging", "flow:release"),
    _section("Step 1: 최종 검증 및 준비", "flow:release"),
    _section("1.1 빌드 최종 검증", "stage:1.1 and 1.2 build the site"),
    _section("1.2 환경 변수 확인", "stage:1.1 and 1.2 build the site"),
    _section("1.3 데이터베이스 백업", "stage:1.3 back up the database"),
    _section("1.4 롤백 계획 수립", "stage:1.4 record the restore point"),
    _section("Step 2: 프론트엔드 프로덕션 배포", "flow:release"),
    _section("2.1 Vercel 프로덕션 배포", "stage:2.1 stage the site", "stage:2.2 and 2.3 give the site the domain"),
    _section("2.2 도메인 최종 설정", "stage:2.2 and 2.3 give the site the domain"),
    _section("2.3 CDN 캐시 설정", "stage:2.2 and 2.3 give the site the domain"),
    _section("Step 3: 백엔드 프로덕션 배포", "flow:release"),
    _section("3.1 Docker 이미지 프로덕션 빌드", "stage:3.1 prove the image"),
    _section("3.2 ECS 작업 정의 업데이트 (프로덕션)", "stage:3.3 deploy to the idle side"),
    _section("3.3 ECS 서비스 업데이트 (블루-그린 배포)", "stage:3.3 deploy to the idle side"),
    _section("3.4 트래픽 점진적 이동 (카나리 배포)", "stage:3.4 shift traffic"),
    DATA_STORES,
    _section("4.1 프로덕션 PostgreSQL", "stage:4.1 check the database"),
    _section("4.2 프로덕션 Redis (ElastiCache)", "stage:4.2 check the cache"),
    _section("4.3 데이터베이스 마이그레이션", "stage:4.3 migrate the database"),
    _section("Step 5: 프로덕션 검증", "flow:release"),
    _section("5.1 헬스 체크", "stage:5.1 check the API's health", "stage:5.1 check the site"),
    _section("5.2 성능 테스트", "stage:5.2 prepare the load test", "stage:5.2 measure the performance"),
    _section("5.3 보안 테스트", "stage:5.3 look at the security"),
    _section("5.4 실제 사용자 테스트", "stage:5.4 try a user's journey"),
    _section("모니터링 및 알림 설정", "row:monitoring"),
    _section(
        "CloudWatch 알람",
        "row:monitoring",
        "stage:monitoring: keep the alarms",
        "stage:monitoring: the alarms watch the new side",
    ),
    _section(
        "Sentry 설정", "stage:monitoring: tell Sentry of the release", "stage:monitoring: tell Sentry of the deploy"
    ),
    _section("Google Analytics 설정", "stage:monitoring: try the analytics"),
    _section("배포 후 절차", "flow:aftercare", "stage:after: schedule the aftercare"),
    _section(
        "1시간 이내 (긴급 모니터링)",
        boxes=(
            _box("프론트엔드 접근 확인", "stage:5.1 check the site"),
            _box("백엔드 API 응답 확인", "stage:5.1 check the API's health"),
            _box("에러율 < 0.1% 확인", "stage:after: what users met"),
            _box("성능 메트릭 정상 확인", "stage:after: what users met"),
        ),
    ),
    _section(
        "24시간 이내",
        boxes=(
            _box("모든 기능 작동 확인", "stage:5.4 try a user's journey"),
            _box("데이터베이스 동기화 확인", "stage:after: database"),
            _box("사용자 피드백 수집", "stage:after: ask for feedback", "stage:after: gather feedback"),
            _box("비용 모니터링", "stage:after: cost"),
        ),
    ),
    _section(
        "1주일 이내",
        boxes=(
            _box("장기 성능 메트릭 분석", "stage:after: what users met"),
            _box("예상치 못한 문제 확인", "stage:after: alarms"),
            _box("최적화 기회 식별", "flow:aftercare"),
        ),
    ),
    _section("긴급 롤백 절차", "flow:rollback"),
    _section("즉시 롤백이 필요한 경우", "flow:release", "command:rollback"),
    _section("롤백 실행", "flow:rollback", "command:rollback"),
    _section(
        "최종 체크리스트",
        boxes=(
            _box("스테이징 24시간 안정성 확인", "row:staging"),
            _box("E2E 테스트 100% 통과", "row:e2e"),
            _box("보안 감사 통과", "row:audit"),
            _box("데이터 백업 완료", "stage:1.3 back up the database"),
            _box("롤백 계획 수립", "stage:1.4 record the restore point"),
            _box("팀 준비 완료", "row:training", "row:duty", "stage:0 roll call of the people on duty"),
            _box("모니터링 활성화", "row:monitoring"),
            _box("Slack 채널 활성화", "row:channel"),
            _box("담당자 대기", "stage:0 roll call of the people on duty"),
            _box("1단계: 프론트엔드 배포", "stage:2.1 stage the site"),
            _box("1단계: 검증", "stage:5.1 check the site"),
            _box("2단계: 백엔드 배포", "stage:3.3 deploy to the idle side"),
            _box("2단계: 검증", "stage:5.1 check the API's health"),
            _box("3단계: 데이터베이스 마이그레이션", "stage:4.3 migrate the database"),
            _box("3단계: 검증", "stage:5.4 try a user's journey"),
            _box("1시간 긴급 모니터링", "flow:aftercare"),
            _box("24시간 안정성 확인", "flow:aftercare"),
            _box("1주일 성능 분석", "flow:aftercare"),
            _box("회고 회의 (배운 점 정리)", "flow:aftercare"),
        ),
    ),
)
