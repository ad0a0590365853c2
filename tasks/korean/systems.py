"""Say in Korean what is checked of the checklist, the stores, the numbers afterwards; without a line it is English."""

SYSTEMS = {
    "known": "확인 가능",
    "one": "하나",
    "available": "사용 가능",
    "bundle size": "번들 크기",
    "no request in as long a time a week before: nothing to compare with": (
        "일주일 전 같은 시간에 요청이 없어 비교할 수 없음"
    ),
    "scheduled": "예약됨",
    "requests to judge by": "판단할 요청",
    "checklist.audit.projects is empty: nothing is audited": "checklist.audit.projects가 비어 있음: 감사 대상 없음",
    "checklist.drills.needed is 0: this environment asks for none": (
        "checklist.drills.needed가 0: 이 환경은 요구하지 않음"
    ),
    "checklist.e2e is not set: nobody knows where the results lie": "checklist.e2e가 없음: 결과 위치를 알 수 없음",
    "checklist.performance is not set: nobody knows where the results lie": (
        "checklist.performance가 없음: 결과 위치를 알 수 없음"
    ),
    "checklist.staging is not set: nobody knows what staging runs": (
        "checklist.staging이 없음: 스테이징 상태를 알 수 없음"
    ),
    "checklist.window is not set: a release may begin at any time": "checklist.window가 없음: 언제든 시작할 수 있음",
    "checklist.window.holidays is empty: this environment has none": "checklist.window.holidays가 비어 있음: 휴일 없음",
    "people are asked": "사람에게 물음",
    "this release has no thread in Slack": "이 릴리스에는 Slack 스레드가 없음",
    "4.1 check the database": "4.1 데이터베이스 점검",
    "PostgreSQL server": "PostgreSQL 서버",
    "RDS instance": "RDS 인스턴스",
    "RDS engine": "RDS 엔진",
    "RDS automatic backups": "RDS 자동 백업",
    "RDS backup window": "RDS 백업 시간대",
    "RDS changes that wait": "대기 중인 RDS 변경",
    "RDS encrypted at rest": "RDS 저장 암호화",
    "RDS free storage": "RDS 남은 저장 공간",
    "correct rds.instance": "rds.instance를 고치세요",
    "grant pg_monitor to us": "pg_monitor 권한을 주세요",
    "none streams from this server, and rds.replicas expects none": "복제하는 곳 없음, rds.replicas도 기대하지 않음",
    "nothing we may see": "볼 수 있는 것 없음",
    "off: rds.instance names none": "꺼짐: rds.instance가 비어 있음",
    "streaming replicas": "스트리밍 복제본",
    "4.2 check the cache": "4.2 캐시 점검",
    "ElastiCache engine": "ElastiCache 엔진",
    "ElastiCache group": "ElastiCache 그룹",
    "ElastiCache nodes": "ElastiCache 노드",
    "ElastiCache snapshots": "ElastiCache 스냅샷",
    "Redis answers": "Redis 응답",
    "Redis evictions": "Redis 제거",
    "Redis memory": "Redis 메모리",
    "Redis role": "Redis 역할",
    "off: elasticache.replication_group names none": "꺼짐: elasticache.replication_group이 비어 있음",
    "off: elasticache.transit_encryption asks for none": "꺼짐: elasticache.transit_encryption이 요구하지 않음",
    "off: aftercare.cost is false; a question costs 0.01 USD": "꺼짐: aftercare.cost가 false, 조회 한 번에 0.01 USD",
}
