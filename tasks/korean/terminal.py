"""Say in Korean what commands show at a terminal: the checklist, a rehearsal, the data stores, a restore."""

TERMINAL = {
    # The checklist
    "{version} ({commit}) for {environment}: {word} ({counted})": (
        "{environment}의 {version} ({commit}): {word} ({counted})"
    ),
    "{word}: a release would be refused": "{word}: 지금 릴리스하면 거부됩니다",
    "What every release rests on": "모든 릴리스의 바탕",
    "What must be done before": "미리 끝낼 일",
    "What could go wrong": "잘못될 수 있는 것",
    "the ground: account, buckets, secrets, rule": "바탕: 계정, 버킷, 비밀 값, 규칙",
    "tools, databases and Redis are within reach": "도구, 데이터베이스, Redis 접근",
    "production is as it was left": "프로덕션 상태 유지",
    "stable on staging": "스테이징 안정 운영",
    "E2E tests": "E2E 테스트",
    "rollback tested": "롤백 테스트",
    "monitoring": "모니터링",
    "the hour": "배포 시각",
    "cache": "캐시",
    # A rehearsal
    "release {version} to {environment}": "릴리스 {version} → {environment}",
    "{stage}: done in {took}": "{stage}: 완료, {took}",
    "traffic: not touched": "트래픽: 바뀌지 않음",
    "traffic": "트래픽",
    "bake": "관찰",
    "users": "사용자",
    "ASK": "질문",
    "{counted}/{needed} periods, judge: {verdict}; new {new}; old {old}": (
        "구간 {counted}/{needed}, 판정: {verdict}; 새 버전 {new}; 이전 버전 {old}"
    ),
    "{failed}/{requests} failed, {slow} slower than 0.3 s": "실패 {failed}/{requests}, 0.3초 초과 {slow}",
    "{before} % -> {after} %? silence until {until} comes home": (
        "{before} % -> {after} %? {until}까지 답이 없으면 트래픽을 되돌립니다"
    ),
    "answer in Slack, in the Prefect UI, or with: greenflow approve | reject": (
        "Slack이나 Prefect UI에서, 또는 명령으로 답하세요: greenflow approve | reject"
    ),
    "{failed} of {requests} requests failed, p95 {p95_ms:.0f} ms": (
        "요청 {requests}건 중 {failed}건 실패, p95 {p95_ms:.0f} ms"
    ),
    "{new} against {old}": "새 버전 {new}, 이전 버전 {old}",
    "{sides}, evidence {bar} {found:,.4g} of {bound:g}": "{sides}, 증거 {bar} {bound:g} 중 {found:,.4g}",
    "weights {asked}, measured {measured} % of {total:,} requests": (
        "가중치 {asked}, 측정 {measured} % (요청 {total:,}건)"
    ),
    "way home": "복귀",
    "load balancer": "로드 밸런서",
    "next": "다음 할 일",
    "report": "보고서",
    "log": "로그",
    # The data stores
    "{resource}: {name} {today} -> {wanted}": "{resource}: {name} {today} -> {wanted}",
    "{told} ({why})": "{told} ({why})",
    "by hand": "직접",
    "by hand: {how}": "직접 할 일: {how}",
    "change": "변경",
    "{sign}  {line}": "{sign}  {line}",
    "create it from your own template, or correct rds.instance": "사내 템플릿으로 만들거나 rds.instance를 고치세요",
    "copy a snapshot with a key, restore it as a new instance, move to that one": (
        "스냅샷을 키로 암호화해 복사하고, 새 인스턴스로 복원한 뒤 옮기세요"
    ),
    "a copy is made beside it, which costs some latency": "옆에 복사본을 두므로 지연이 조금 늘어납니다",
    "{nodes} nodes {node_type} of {engine}, with failover, encryption and snapshots": (
        "{engine} {node_type} 노드 {nodes}개, 장애 조치와 암호화와 스냅샷 포함"
    ),
    "a new group costs money from now on": "새 그룹은 지금부터 비용이 듭니다",
    "create a new group from a snapshot with it, move to that one": "스냅샷에서 암호화된 새 그룹을 만들어 옮기세요",
    "let clients speak rediss:// first (mode preferred), then require it": (
        "먼저 클라이언트가 rediss://를 쓰게 하고(preferred 모드) 그다음 필수로 바꾸세요"
    ),
    "replicas are added and cost money from now on": "복제본이 늘어나 지금부터 비용이 듭니다",
    "dumps kept {days} days, unfinished uploads removed": "덤프 {days}일 보관, 끝나지 않은 업로드 삭제",
    "without {missing}": "{missing} 없음",
    "of what is stored from now on": "지금부터 저장하는 것만",
    "skipped  {key} names none, so nothing of it is compared": "건너뜀  {key} 값이 비어 있어 비교하지 않습니다",
    "waiting  {waiting}: any change of the database now would apply it as well": (
        "대기  {waiting}: 지금 데이터베이스를 바꾸면 함께 적용됩니다"
    ),
    "{environment} is as its settings want it": "{environment}: 설정대로입니다",
    "changed and read back: {count}; left to people: {left}": "변경하고 확인함: {count}건, 사람이 할 일: {left}건",
    # A restore
    "from {key}, {size_mb:.1f} MB, {tables} tables with {rows} rows": (
        "{key}에서, {size_mb:.1f} MB, 테이블 {tables}개 {rows}행"
    ),
    "{name} as it was at {at} UTC ({there})": "{at} UTC({there})의 {name}",
    "a new instance costs money from now on": "새 인스턴스는 지금부터 비용이 듭니다",
    "asking for a yes of another person: in Slack, or greenflow approve": (
        "다른 사람의 승인을 기다립니다: Slack, 또는 greenflow approve"
    ),
    "{name} is there; the live database and all traffic are as they were. What you do next:": (
        "{name} 복원을 마쳤습니다. 운영 데이터베이스와 트래픽은 그대로입니다. 다음 할 일:"
    ),
    "look at it: {command}": "확인: {command}",
    "look at it: the database {name} on the same server holds the rows of {time}": (
        "확인: 같은 서버의 데이터베이스 {name}에 {time} 시점의 행이 있습니다"
    ),
    "compare it with what users wrote since then; what only the live database has is not in it": (
        "그 뒤에 사용자가 쓴 내용과 비교하세요. 운영 데이터베이스에만 있는 것은 들어 있지 않습니다"
    ),
    "to use it: name {name} in the secret {secret} and release again, or copy rows back": (
        "사용: 비밀 값 {secret}에 {name} 이름을 넣고 다시 릴리스하거나, 필요한 행을 복사하세요"
    ),
    "to use it: put its address into the secret {secret} and release again": (
        "사용: 비밀 값 {secret}에 주소를 넣고 다시 릴리스하세요"
    ),
    "it has the live instance's users and passwords; its parameter group is the default one: compare both": (
        "사용자와 암호는 운영 인스턴스와 같고 파라미터 그룹은 기본값입니다: 둘을 비교하세요"
    ),
    "to let it go: {command}": "삭제: {command}",
    "to let it go: switch off its deletion protection, then delete {name}": "삭제: 삭제 방지를 끈 뒤 {name} 삭제",
    "nothing was restored: {why}": "복원하지 않음: {why}",
    "restored, and not the same: {found}; look at it before anybody uses it": (
        "복원했으나 다름: {found}. 사용하기 전에 확인하세요"
    ),
}
