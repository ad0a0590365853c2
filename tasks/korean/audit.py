"""Say in Korean who did what, as the audit lists it."""

AUDIT = {
    "people": "사람",
    "the release": "릴리스",
    "the operation": "작업",
    "the guard": "가드",
    "aftercare": "배포 후 점검",
    "on duty": "대기 중",
    "audit refused: found no chain named {release} in {bucket}; list them: greenflow audit": (
        "감사 거부: {bucket}에 {release} 사슬이 없습니다. 목록: greenflow audit"
    ),
    "{environment} has seen no release yet: found none in {bucket}": "{environment}: {bucket}에 아직 릴리스가 없음",
    "asked for release {version}": "릴리스 {version} 요청",
    "overrode the checklist: {why}": "체크리스트를 무시하고 진행: {why}",
    "{what}: {about} ({door})": "{what}: {about} ({door})",
    "{what}: {about} ({door}): {why}": "{what}: {about} ({door}): {why}",
    "the restore of {name}": "{name} 복원",
    "{version} from {before} % to {after} %": "{version}, {before} %에서 {after} %로",
    "changed {what} {key}": "변경: {what} {key}",
    "began {kind}: {why}": "{kind} 시작: {why}",
    "began {kind}": "{kind} 시작",
    "ended: {why}": "끝남: {why}",
    "brought the traffic home: {why}": "트래픽을 되돌림: {why}",
    "took over from {owner}": "{owner}에게서 이어받음",
    "unlocked it: {why}": "잠금을 해제함: {why}",
    "looked again after {after}": "{after} 뒤 다시 점검",
    "saw a change by somebody else: {what}": "다른 사람의 변경을 발견: {what}",
    "put a drill of {version} with {fault} on record: {ending}": "훈련 기록: {version}, 결함 {fault}, 결과 {ending}",
}
