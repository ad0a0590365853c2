"""Say in Korean what the guard tells people, and how a release was asked to stop."""

GUARD = {
    "The process of release {release} died ({owner}). The guard brought the traffic home ({weights}) and stays with it "
    "for {watch}. To go on before that: {resume}. After that the release is over.": (
        "릴리스 {release}의 프로세스가 종료되었습니다({owner}). 가드가 트래픽을 되돌렸고"
        "({weights}) {watch} 동안 지켜봅니다."
        " 그 전에 이어서 하려면: {resume}. 그 뒤에는 릴리스가 끝납니다."
    ),
    "The process of release {release} died ({owner}) after it had passed at 100 %. The traffic stays there "
    "({weights}); the guard changes nothing. Finish it within {watch}: {resume}.": (
        "릴리스 {release}의 프로세스가 100 % 통과 뒤에 종료되었습니다({owner}). 트래픽은 그대로이고"
        "({weights}) 가드는 아무것도 바꾸지 않습니다. {watch} 안에 마무리하세요: {resume}."
    ),
    "The process of release {release} died ({owner}) before it moved any traffic. To go on within {watch}: {resume}. "
    "After that the release is over.": (
        "릴리스 {release}의 프로세스가 트래픽을 옮기기 전에 종료되었습니다({owner}). "
        "{watch} 안에 이어서 하려면: {resume}. 그 뒤에는 릴리스가 끝납니다."
    ),
    "The traffic of {environment} had left home again: found {found}, expected {expected}. A late request of release "
    "{release} is the likely cause; the guard brought it back.": (
        "{environment} 트래픽이 다시 움직였습니다: 발견 {found}, 기대 {expected}. "
        "릴리스 {release}의 늦은 요청으로 보이며, 가드가 되돌렸습니다."
    ),
    "its process died ({owner}) and nobody started it again": "프로세스가 종료되었고({owner}) 다시 시작되지 않음",
    "Somebody changed {environment}; nothing was overwritten. {what}": (
        "누군가 {environment} 환경을 바꿨습니다. 덮어쓰지 않았습니다. {what}"
    ),
    "{environment} is as expected again. It is over: {what}": "{environment} 환경이 다시 정상입니다. 해소됨: {what}",
    "the guard came: {what}": "가드가 이어받음: {what}",
    "traffic is home": "트래픽 복귀",
    "traffic stays at 100 %": "트래픽은 100 % 유지",
    "no traffic had moved": "트래픽은 움직이지 않았음",
    "the guard brought traffic back from {found}": "가드가 트래픽을 되돌림, 이전 {found}",
    "taken over from the guard by {owner}": "가드에게서 {owner} 쪽이 이어받음",
    "the release's process died": "릴리스 프로세스가 종료됨",
    "asked to stop by {signal}": "{signal} 신호로 중지 요청을 받음",
    "cancelled in the Prefect UI": "Prefect UI에서 취소됨",
    "unlocked by {who}: {why}": "{who} 님이 잠금을 해제함: {why}",
    "let the old side go": "이전 쪽 태스크 정리",
    "close an open ask": "열린 질문 닫기",
    "give the site of this version the domain": "이 버전의 사이트에 도메인 연결",
    "verify the release as users see it, then scale the old side down": "사용자 관점에서 확인한 뒤 이전 쪽 축소",
}
