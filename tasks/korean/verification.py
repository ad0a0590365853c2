"""Say in Korean what is verified of the new version, and what watches it (guide, step 5 and monitoring)."""

VERIFICATION = {
    # Stages
    "5.2 prepare the load test": "5.2 부하 시험 준비",
    "5.2 measure the performance": "5.2 성능 측정",
    "5.3 look at the security": "5.3 보안 점검",
    "monitoring: keep the alarms": "모니터링: 알람 유지",
    "monitoring: the alarms watch the new side": "모니터링: 새 쪽을 보는 알람",
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
        "여기에 {browser} 없음: 설치하거나 {key}에 지정하세요"
    ),
    # Security
    "{header} of the {who}": "{who}의 {header}",
    "no such header": "헤더 없음",
    "cookies of the {who}": "{who}의 쿠키",
    "{count} cookies in order": "쿠키 {count}개 이상 없음",
    "answers of the {who} to strangers": "낯선 출처에 대한 {who}의 응답",
    "never with a user's cookies": "사용자 쿠키와 함께는 안 됨",
    "banners of the {who}": "{who}의 배너",
    "no version and no product": "버전과 제품명 없음",
    "TLS of the {who}": "{who}의 TLS",
    "old protocols of the {who}": "{who}의 옛 프로토콜",
    "nothing before TLS 1.2": "TLS 1.2 미만 없음",
    "{url} is no https address": "{url} 주소는 https가 아님",
    "valid chain and host, at least {days} days, TLS 1.2 or newer": "올바른 체인과 호스트, {days}일 이상, TLS 1.2 이상",
    "{days} days, by {issuer}, {protocol}": "{days}일 남음, {issuer} 발급, {protocol}",
    "ZAP baseline scan": "ZAP 기본 점검",
    "nothing was scanned: no container can run here: {why}": "점검하지 않음: 여기서 컨테이너를 실행할 수 없음: {why}",
    "nothing was scanned: {engine} could not fetch {image}: {why}": (
        "점검하지 않음: {engine}이(가) {image} 이미지를 가져오지 못함: {why}"
    ),
    "nothing was scanned: the scanner did not run: {why}": "점검하지 않음: 스캐너가 실행되지 않음: {why}",
    "{count} rules passed, warnings: {warned}": "규칙 {count}개 통과, 경고: {warned}",
    # Sentry and analytics
    "Sentry release": "Sentry 릴리스",
    "Sentry source maps": "Sentry 소스맵",
    "Sentry deploy": "Sentry 배포",
    "Sentry knows it": "Sentry에 있음",
    "{count} source maps": "소스맵 {count}개",
    "nothing is decided by it": "이것으로 아무것도 결정되지 않음",
    "off: this environment has no section [{section}]": "꺼짐: 이 환경에 [{section}] 절이 없음",
    "the build made no hidden source maps: see build.build": "빌드가 숨긴 소스맵을 만들지 않음: build.build 참조",
    "Sentry: {count} new issues in {version}": "Sentry: {version}의 새 이슈 {count}건",
    "Sentry did not answer: how many new issues {version} has is not known": (
        "Sentry 응답 없음: {version}의 새 이슈 수를 알 수 없음"
    ),
    "analytics take events": "분석 도구가 이벤트를 받음",
    "the site names the analytics property": "사이트에 분석 속성 ID가 있음",
    "nothing wrong": "이상 없음",
    # Alarms
    "alarm {name}": "알람 {name}",
    "there was none": "없었음",
    "changed: {what}": "변경: {what}",
    "unchanged": "변경 없음",
    "as the settings say": "설정대로",
    "calls people": "사람을 부름",
    "calls people, data within {time}": "사람을 부르고 {time} 안의 데이터가 있음",
    "no data of {metric} within {time}": "{time} 안에 {metric} 데이터 없음",
    "{state}, data {time} ago": "{state}, {time} 전 데이터",
    "no such alarm": "알람 없음",
    "an alarm that calls nobody": "아무도 부르지 않는 알람",
    "`greenflow alarms --apply` sets it": "`greenflow alarms --apply`로 설정하세요",
    "side {side} carries no traffic, so there is nothing to watch": "{side} 쪽은 트래픽이 없어 볼 것이 없음",
    "people hear {topic}": "{topic} 구독자",
    "{count} confirmed subscriptions": "확인된 구독 {count}개",
}
