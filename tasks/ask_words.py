"""Hold what a question, its answer and a release's message say, in Korean and English."""

from collections.abc import Mapping
from types import MappingProxyType

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "question": "GreenFlow {version} to {environment}: move traffic from {before} % to {after} %?",
            "keep": "GreenFlow {version} to {environment}: keep it at {after} % of the traffic?",
            "asked": "Release {release}, asked for by {by}. Answer by {until:%Y-%m-%d %H:%M:%S} UTC; silence is a no.",
            "image": "Image {digest}",
            "commit": "Commit {commit}",
            "quorum": "{need} different people have to say yes; one no is enough.",
            "votes": "{have} of {need} have said yes: {who}",
            "approve": "Approve",
            "reject": "Reject",
            "roll_back": "Roll back",
            "roll_back_now": "Roll back now",
            "run": "Open the run",
            "sure_title": "Are you sure?",
            "sure_approve": "{version} goes to {after} % of {environment}'s traffic.",
            "sure_roll_back": "All traffic of {environment} goes back to the version before {version}.",
            "sure_roll_back_now": "Release {release} brings all its traffic home and ends.",
            "yes": "Yes",
            "no": "No",
            "why_title": "Reject {version}",
            "why_label": "Why? One sentence for the report",
            "why_submit": "Reject",
            "why_close": "Back",
            "closed": "{what} by {who} at {at:%Y-%m-%d %H:%M:%S} UTC ({door})",
            "done_approve": "Approved",
            "done_reject": "Rejected",
            "done_roll_back": "Rollback asked for",
            "done_expired": "Expired, which is a no,",
            "done_interrupted": "Interrupted, which is a no,",
            "done_unverified": "Resumed without a verified person",
            "roll_call": "GreenFlow {version} goes to {environment}: who is on duty?",
            "roll_call_asked": (
                "Release {release}, asked for by {by}. {need} different people have to be there by "
                "{until:%Y-%m-%d %H:%M:%S} UTC; without them it ends before any user meets it."
            ),
            "on_duty": "I am on duty",
            "present": "{have} of {need} are on duty: {who}",
            "roll_call_missed": "{have} of {need} people answered in time: the release does not go on.",
            "roll_call_gave_up": "The release ended before everybody had answered.",
        },
        "ko": {
            "question": "GreenFlow {version} → {environment}: 트래픽을 {before} %에서 {after} %로 옮길까요?",
            "keep": "GreenFlow {version} → {environment}: 트래픽 {after} %를 유지할까요?",
            "asked": "릴리스 {release}, 요청자 {by}. {until:%Y-%m-%d %H:%M:%S} UTC까지 답이 없으면 거절입니다.",
            "image": "이미지 {digest}",
            "commit": "커밋 {commit}",
            "quorum": "서로 다른 {need}명이 승인해야 합니다. 거절은 한 명으로 충분합니다.",
            "votes": "{need}명 중 {have}명 승인: {who}",
            "approve": "승인",
            "reject": "거절",
            "roll_back": "롤백",
            "roll_back_now": "지금 롤백",
            "run": "실행 화면 열기",
            "sure_title": "확인해 주세요",
            "sure_approve": "{environment} 트래픽의 {after} %가 {version}(으)로 갑니다.",
            "sure_roll_back": "{environment}의 모든 트래픽이 {version} 이전 버전으로 돌아갑니다.",
            "sure_roll_back_now": "릴리스 {release}의 트래픽을 모두 되돌리고 끝냅니다.",
            "yes": "예",
            "no": "아니요",
            "why_title": "{version} 거절",
            "why_label": "이유는 무엇인가요? 보고서에 남길 한 문장",
            "why_submit": "거절",
            "why_close": "돌아가기",
            "closed": "{what} · {who} · {at:%Y-%m-%d %H:%M:%S} UTC ({door})",
            "done_approve": "승인됨",
            "done_reject": "거절됨",
            "done_roll_back": "롤백 요청됨",
            "done_expired": "시간 만료(거절)",
            "done_interrupted": "중단됨(거절)",
            "done_unverified": "확인되지 않은 사람이 재개함",
            "roll_call": "GreenFlow {version} → {environment} 배포를 시작합니다: 누가 대기 중인가요?",
            "roll_call_asked": (
                "릴리스 {release}, 요청자 {by}. {until:%Y-%m-%d %H:%M:%S} UTC까지 서로 다른 {need}명이 필요합니다. "
                "모이지 않으면 사용자에게 닿기 전에 끝냅니다."
            ),
            "on_duty": "대기 중입니다",
            "present": "{need}명 중 {have}명 대기 중: {who}",
            "roll_call_missed": "제시간에 {need}명 중 {have}명만 답했습니다. 릴리스는 더 진행하지 않습니다.",
            "roll_call_gave_up": "모두 답하기 전에 릴리스가 끝났습니다.",
        },
    }
)
