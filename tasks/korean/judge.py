"""Say in Korean what the judge and the rollout say."""

JUDGE = {
    "errors": "오류",
    "slower than 0.3 s": "0.3초보다 느림",
    "slower than 1 s": "1초보다 느림",
    "slower than 5 s": "5초보다 느림",
    "{name} (probes)": "{name} (프로브)",
    "no request": "요청 없음",
    "{what} {new} against {old}": "{what} {new}, 이전 버전은 {old}",
    "beyond {most:,} > {bound:,.4g}": "{most:,} 초과 > {bound:,.4g}",
    "{targets} unhealthy targets, {errors} connection errors against none, {needed} periods in a row": (
        "비정상 타깃 {targets}개, 연결 오류 {errors}건, 이전 버전은 없음, {needed}구간 연속"
    ),
    "{sides}, evidence {shown}": "{sides}, 증거 {shown}",
    "{counted} of {needed} periods": "{needed}구간 중 {counted}구간",
    "{what}: evidence of being worse {shown}": "{what}: 더 나쁘다는 증거 {shown}",
    "{what} {part} not proved below {rate}: evidence {proof:,.1f} < {needed:,.0f}": (
        "{what} {part}, {rate} 미만임이 입증되지 않음: 증거 {proof:,.1f} < {needed:,.0f}"
    ),
    "{sides}, goal < {goal}": "{sides}, 목표 < {goal}",
    "no complete metrics in the last {count} periods: {why}": "최근 {count}구간에 완전한 지표 없음: {why}",
    "{side}, over time": "{side}, 시간순",
    "evidence, over time": "증거, 시간순",
    "no verdict in {waited:,.0f} s, which counted {counted} periods": (
        "{waited:,.0f}초 동안 판정 없음, 그동안 센 구간 {counted}개"
    ),
    "the metrics tell of {found} requests on side {side}, where {answered} of our own were answered": (
        "지표에는 {side} 쪽 요청이 {found}건뿐인데, 응답받은 우리 프로브만 {answered}건"
    ),
    "The judge cannot vouch for this version; a yes goes on without it ({rule}).": (
        "판정기가 이 버전을 보증하지 못합니다. 승인하면 판정 없이 진행합니다 ({rule})."
    ),
    "no reason given": "이유가 적히지 않음",
    "the new side": "새 버전 쪽",
    "the old side": "이전 버전 쪽",
    "either side": "양쪽 모두",
    "no request on {side} in {count} finished periods": "끝난 {count}구간 동안 요청 없음: {side}",
    "{side} got 0 requests where {due:,.0f} were due at {weight} %": (
        "{side} 요청 0건, 가중치 {weight} %라면 {due:,.0f}건이어야 함"
    ),
    "{sides}, proved below {rate}: evidence {shown}": "{sides}, {rate} 미만임이 입증됨: 증거 {shown}",
    "both sides are beyond a hard limit": "양쪽 모두 한계를 넘음",
    "{seen} periods >= {bound} without a verdict": "판정 없이 {seen}구간 >= {bound}",
    "the balancer gives the candidate {found} %, expected {expected} %": (
        "로드 밸런서가 새 버전에 주는 트래픽 {found} %, 기대값 {expected} %"
    ),
    "kept at {weight} % by {who}": "{weight} % 유지, 결정: {who}",
    "approved by {who}": "승인: {who}",
    "rejected by {who}": "거절: {who}",
    "rolled back by {who}": "롤백: {who}",
    "nobody answered in time": "제시간에 아무도 답하지 않음",
    "the release was asked to stop": "릴리스가 중지 요청을 받음",
    "resumed without a recorded approval": "기록된 승인 없이 재개됨",
}
