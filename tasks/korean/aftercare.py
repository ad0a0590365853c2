"""Say in Korean what is found when a release is looked at again; the boxes are the guide's own lines."""

AFTERCARE = {
    "box": "항목",
    "the site is reached": "프론트엔드 접근 확인",
    "the API answers": "백엔드 API 응답 확인",
    "error rate < 0.1 %": "에러율 < 0.1% 확인",
    "response times are normal": "성능 메트릭 정상 확인",
    "everything works": "모든 기능 작동 확인",
    "the database is in sync": "데이터베이스 동기화 확인",
    "people are asked how it feels": "사용자 피드백 수집",
    "cost": "비용 모니터링",
    "no alarm rings": "알람 없음 확인",
    "a week of response times": "장기 성능 메트릭 분석",
    "nothing unexpected": "예상치 못한 문제 확인",
    "what could be better": "최적화 기회 식별",
    "error rate": "에러율",
    "alarms": "알람",
    "rows kept": "행이 유지됨",
    "rows move": "행이 변함",
    "feedback": "피드백",
    "trend": "추세",
    "slowest stages": "가장 오래 걸린 단계",
    "Aftercare {after}: {version} is well on {environment}, {passed} of {boxes} boxes ticked": (
        "배포 후 점검 {after}: {environment}의 {version} 정상, 항목 {boxes}개 중 {passed}개 확인"
    ),
    "Aftercare {after}: {version} is NOT well on {environment}: {failed} of {boxes} boxes failed": (
        "배포 후 점검 {after}: {environment}의 {version} 이상 있음, 항목 {boxes}개 중 {failed}개 실패"
    ),
    "To go back, release the version before it: {command}": "되돌리려면 이전 버전을 배포하세요: {command}",
    "{outcome}: {box}": "{outcome}: {box}",
    "Retrospective of {release}: a draft for the meeting": "{release} 회고: 회의용 초안",
    "How does {version} feel to you and to users? Please answer in this thread: what works, what does not. "
    "Whatever is written here goes into the retrospective.": (
        "{version} 사용해 보니 어떤가요? 사용자 반응은요? 이 스레드에 답해 주세요: 잘 되는 것, 안 되는 것. "
        "여기에 적힌 내용은 회고에 들어갑니다."
    ),
    "nothing new: {here} runs {version} like staging": (
        "새로 배포할 것 없음: {here}도 스테이징과 같은 {version} 사용 중"
    ),
    "staging runs {version}": "스테이징은 {version} 사용 중",
    "start refused: due at {due}, {found:.0f} min ago > {bound:.0f} min; the quiet hour may be over: start it anew "
    "by hand, or wait for the next time": (
        "시작 거부: 예정 {due}, {found:.0f}분 지남 > {bound:.0f}분. 트래픽이 적은 시간이 지났을 수 있음: "
        "직접 다시 시작하거나 다음 일정을 기다리세요"
    ),
    "after: what users met": "배포 후: 사용자가 겪은 것",
    "after: alarms": "배포 후: 알람",
    "after: database": "배포 후: 데이터베이스",
    "after: cost": "배포 후: 비용",
    "after: ask for feedback": "배포 후: 피드백 요청",
    "after: gather feedback": "배포 후: 피드백 수집",
    "after: schedule the aftercare": "배포 후: 점검 예약",
    # What a look finds
    "{after} after the release": "배포 {after} 뒤",
    "aftercare {after}": "배포 후 점검 {after}",
    "{due} UTC, run {name}": "{due} UTC, 실행 {name}",
    "look by hand then: {command}": "그때 직접 점검하세요: {command}",
    "this Prefect server has no deployment {deployment}; look by hand then: {command}": (
        "이 Prefect 서버에 {deployment} 배포가 없습니다. 그때 직접 점검하세요: {command}"
    ),
    "{count} alarms, none ringing": "알람 {count}개, 울리는 것 없음",
    "without data: {names}": "데이터 없음: {names}",
    "{new:,.2f} USD a day since": "배포 후 하루 {new:,.2f} USD",
    "at most {ratio:g} x {old:,.2f} USD a day before": "배포 전 하루 {old:,.2f} USD의 {ratio:g}배 이하",
    "Cost Explorer knows {before} days before the release and {since} whole days since; it is up to a day late": (
        "Cost Explorer 자료: 배포 전 {before}일, 배포 후 {since}일. 하루까지 늦을 수 있음"
    ),
    "this release's ledger knows no backup to compare with": "이 릴리스의 원장에 비교할 백업이 없음",
    "{tables} tables, {rows:,} rows": "테이블 {tables}개, {rows:,}행",
    "every table of the backup, none with {percent:g} % fewer rows": (
        "백업의 모든 테이블이 있고, 행이 {percent:g} % 넘게 준 것 없음"
    ),
    "{count} tables changed": "테이블 {count}개 변함",
    "at least 1": "1개 이상",
    "Slack did not take the question": "Slack이 질문을 받지 않음",
    "asked in the thread ({ts})": "스레드에서 질문함({ts})",
    "{count} messages of {people} people": "{people}명의 메시지 {count}건",
    "whatever people wrote": "사람들이 쓴 내용",
    "no request from {since} to {until} UTC": "{since}부터 {until} UTC까지 요청 없음",
    "{events:,} of {requests:,} {what} ({percent:.3g} %)": "{requests:,}건 중 {what} {events:,}건({percent:.3g} %)",
    "slower than 300 ms": "300 ms 초과",
    "less than {percent:.3g} %": "{percent:.3g} % 미만",
    "worst period {worst_ms:.0f} ms": "가장 느린 구간 {worst_ms:.0f} ms",
    "trend of requests {what}": "추세: {what} 요청",
    "{percent:.3g} % of {requests:,}": "{requests:,}건의 {percent:.3g} %",
    "at most {ratio:g} x {percent:.3g} % of {requests:,} a week before, or chance": (
        "일주일 전 {requests:,}건의 {percent:.3g} %에서 {ratio:g}배 이하, 또는 우연의 범위"
    ),
    "{stage} {took}": "{stage} {took}",
    "no stage": "단계 없음",
    "{stages}; people were waited for {waited}": "{stages}; 사람을 기다린 시간 {waited}",
    "{version} took its place at {at} UTC (release {release})": (
        "{at} UTC에 {version} 버전으로 바뀜(릴리스 {release})"
    ),
    "release {release} is under way; look again when it has ended": (
        "릴리스 {release} 진행 중: 끝난 뒤 다시 점검하세요"
    ),
}
