"""Say in Korean what happened in a release, and what to do after it."""

STORY = {
    "asked for by {who}": "요청자 {who}",
    "operation ended: {why}": "작업 종료: {why}",
    "went on after a restart": "재시작 후 이어서 진행",
    "planned: side {side} gets {version}": "계획: {side} 쪽에 {version} 배포",
    "{stage} failed: {cause}": "{stage} 실패: {cause}",
    "traffic read back: {weights}": "트래픽 확인: {weights}",
    "asked people: {before} % -> {after} %?": "사람에게 질문: {before} % -> {after} %?",
    "{what} by {who} ({door})": "{what}: {who} ({door})",
    "asked who is on duty: {needed} people are needed": "대기자 호출: {needed}명 필요",
    "on duty: {who}": "대기자: {who}",
    "bringing traffic home": "트래픽을 되돌리는 중",
    "left to people: {what}": "사람이 할 일로 남음: {what}",
    "taken over from {owner}, which died": "종료된 {owner}에게서 이어받음",
    "{who} asked for the way back: {why}": "{who} 님이 되돌리기를 요청함: {why}",
    "traffic at {weight} %": "트래픽 {weight} %",
    "the release's process died and asks anew": "릴리스 프로세스가 종료되어 다시 질문함",
    "the process was asked to stop": "프로세스가 중지 요청을 받음",
    "an unexpected {error}, see the log": "예상하지 못한 오류 {error}, 로그를 확인하세요",
    "could not {doing}: {why}": "{doing} 실패: {why}",
    "put the site back": "사이트 되돌리기",
    "drop the restored database": "복원해 본 데이터베이스 지우기",
    "remove the test tenant that a user's journey left: DELETE {path}": (
        "사용자 여정이 남긴 시험 테넌트를 지우세요: DELETE {path}"
    ),
    "retire the candidate": "새 버전 태스크 정리",
    "give autoscaling back": "오토스케일링 되돌리기",
    "record the blocked way back": "막힌 되돌리기 기록",
    "Traffic is home ({weights}) after {took_s:.1f} s: {why}": (
        "트래픽 복귀 완료({weights}), {took_s:.1f}초 걸림: {why}"
    ),
    "A PERSON MUST ACT NOW: {why}\n{commands}": "지금 사람이 조치해야 합니다: {why}\n{commands}",
    "{version} carries 100 % of {environment}: {why}": (
        "{version} 버전이 {environment} 트래픽의 100 %를 처리합니다: {why}"
    ),
    "release {version} ({commit}) to {environment} as {release}": (
        "릴리스 {version} ({commit}) → {environment}, 이름 {release}"
    ),
    "side {stable} stays stable, side {new} gets the new version": "{stable} 쪽은 그대로, {new} 쪽에 새 버전",
    "traffic {weights} %, with a person's yes between the weights": "트래픽 {weights} %, 단계마다 사람의 승인",
    "{weight} % needs {tasks} tasks: {why}": "{weight} %에는 태스크 {tasks}개 필요: {why}",
    "never fewer than {least}": "최소 {least}개",
    "{weight} % of the {tasks} tasks that serve now": "지금 처리 중인 태스크 {tasks}개의 {weight} %",
    "{weight} % of {requests_s:.0f} requests/s and {headroom:.0f} % more, {per_task_s:g} a task": (
        "초당 요청 {requests_s:.0f}건의 {weight} %에 여유 {headroom:.0f} %를 더하고, 태스크 하나가 {per_task_s:g}건"
    ),
    "Move {version} from {before} % to {after} % of {environment}'s traffic?": (
        "{environment} 트래픽에서 {version} 비율을 {before} %에서 {after} %로 옮길까요?"
    ),
    "Keep {version} at {before} % of {environment}'s traffic?": (
        "{environment} 트래픽에서 {version} 비율 {before} %를 유지할까요?"
    ),
    "Silence until {until} brings the traffic home.": "{until}까지 답이 없으면 트래픽을 되돌립니다.",
    "{gate} refused: {checks}": "{gate} 거부: {checks}",
    "{gate} refused": "{gate} 거부",
    "traffic gate refused: found {weights}, expected 100 % on one side; "
    "a release or a person left it split: bring it home with `greenflow rollback`": (
        "트래픽 게이트 거부: 현재 {weights}, 한쪽이 100 %여야 합니다. "
        "릴리스나 사람이 나뉜 채로 남겼습니다. 되돌리려면: `greenflow rollback`"
    ),
    "By hand, since the release could not: {what}": "릴리스가 하지 못했으니 직접 하세요: {what}",
    "Say that you are on duty before {until} UTC: {needed} people are needed.": (
        "{until} UTC 전에 대기 중이라고 알려 주세요. {needed}명이 필요합니다."
    ),
    "Answer the open ask, {before} % -> {after} %, before {until} UTC: silence brings the traffic home.": (
        "열린 질문({before} % -> {after} %)에 {until} UTC 전에 답하세요. 답이 없으면 트래픽을 되돌립니다."
    ),
    "what it was before": "이전 상태",
    "Bring the traffic home now: run the first command, then the second until it shows {home}.": (
        "지금 트래픽을 되돌리세요: 첫 번째 명령을 실행하고, 두 번째 명령이 {home} 상태를 보일 때까지 반복하세요."
    ),
    "Leave the tasks of {version} running until the weights are read back at home.": (
        "가중치가 되돌아온 것을 확인할 때까지 {version} 태스크를 그대로 두세요."
    ),
    "Tell the channel when it is done, and by whom: this release can no longer write it down.": (
        "끝나면 누가 했는지 채널에 알려 주세요. 이 릴리스는 더 이상 기록할 수 없습니다."
    ),
    "Cure what the failed check below names.": "아래 실패한 점검이 가리키는 것을 고치세요.",
    "Nothing is on fire: users are on {version}. Find the cause before the next try.": (
        "급한 일은 없습니다. 사용자는 {version} 버전을 쓰고 있습니다. 다시 시도하기 전에 원인을 찾으세요."
    ),
    "Release the cure under a new version; a version that was rolled back stays rolled back.": (
        "고친 것은 새 버전으로 릴리스하세요. 롤백된 버전은 롤백된 채로 둡니다."
    ),
    "Ask whoever called it back, then try again.": "되돌린 사람에게 이유를 묻고 다시 시도하세요.",
    "Look at errors and latency again after an hour, a day and a week.": (
        "1시간, 하루, 일주일 뒤에 오류와 지연 시간을 다시 보세요."
    ),
    "Should it turn out bad later, release what ran before: {version}, tag {tag}.": (
        "나중에 문제가 드러나면 이전 버전을 릴리스하세요: {version}, 태그 {tag}."
    ),
    "Remove what only {version} needed of the schema in a later release, never in this one.": (
        "{version} 버전만 쓰던 스키마는 이번이 아니라 다음 릴리스에서 제거하세요."
    ),
    "Leave the schema as it is: it was only expanded, and {version} has proved that it works on it.": (
        "스키마는 그대로 두세요. 확장만 되었고, {version} 버전이 그 위에서 동작함을 확인했습니다."
    ),
    "Then start again.": "그다음 다시 시작하세요.",
    "the version before": "이전 버전",
}
