"""Say in Korean what is verified of the new version, and what watches it (guide, step 5 and monitoring)."""

VERIFICATION = {
    # Stages
    "5.2 prepare the load test": "5.2 부하 시험 준비",
    "5.2 measure the performance": "5.2 성능 측정",
    "5.3 look at the security": "5.3 보안 점검",
    "monitoring: keep the alarms": "모니터링: 경보 유지",
    "monitoring: the alarms watch the new side": "모니터링: 새 쪽을 보는 경보",
    "monitoring: tell Sentry of the release": "모니터링: Sentry에 릴리스 알림",
    "monitoring: tell Sentry of the deploy": "모니터링: Sentry에 배포 알림",
    "monitoring: try the analytics": "모니터링: 분석 도구 점검",
    # Performance
    "tools of the load test": "부하 시험 도구",
    "{requests} requests, P50 {p50} ms, slowest {max} ms": "요청 {requests}건, P50 {p50} ms, 최대 {max} ms",
    "{bad} of {requests}: {server} of 5xx, {lost} without an answer": (
        "{requests}건 중 {bad}건: 5xx {server}건, 무응답 {lost}건"
    ),
    "P97.5 of {url}, which P95 cannot exceed": "{url}의 P97.5 (P95의 상한)",
    "P99 of {url}": "{url}의 P99",
    "errors of {url}": "{url}의 오류",
    "requests to {url}": "{url} 요청 수",
    "Lighthouse performance": "Lighthouse 성능",
    "Lighthouse accessibility": "Lighthouse 접근성",
    "largest contentful paint": "최대 콘텐츠 표시 시간(LCP)",
    "total blocking time": "총 차단 시간(TBT)",
    "layout shift": "레이아웃 이동(CLS)",
    "page weight": "페이지 크기",
    "off in this environment: {key} is false": "이 환경에서는 꺼져 있음: {key} = false",
    "there is no {browser} here: install it, or name one in {key}": (
        "여기에 {browser} 없음: 설치하거나 {key}에 지정하십시오"
    ),
    # Alarms
    "alarm {name}": "경보 {name}",
    "there was none": "없었음",
    "changed: {what}": "변경: {what}",
    "unchanged": "변경 없음",
    "as the settings say": "설정대로",
    "calls people": "사람을 부름",
    "calls people, data within {time}": "사람을 부르고 {time} 안의 데이터가 있음",
    "no data of {metric} within {time}": "{time} 안에 {metric} 데이터 없음",
    "{state}, data {time} ago": "{state}, {time} 전 데이터",
    "no such alarm": "경보 없음",
    "an alarm that calls nobody": "아무도 부르지 않는 경보",
    "the next release sets it": "다음 릴리스가 설정합니다",
    "side {side} carries no traffic, so there is nothing to watch": "{side} 쪽은 트래픽이 없어 볼 것이 없음",
    "people hear {topic}": "{topic} 구독자",
    "{count} confirmed subscriptions": "확인된 구독 {count}개",
}
