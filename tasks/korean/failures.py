"""Say in Korean why something failed or was refused, and what a person can do about it."""

FAILURES = {
    # Any system
    "could not {doing}: no connection": "{doing} 실패: 연결할 수 없음",
    "could not {doing}: no connection to {endpoint}": "{doing} 실패: {endpoint} 연결할 수 없음",
    "could not {doing}: no connection to {where}": "{doing} 실패: {where} 연결할 수 없음",
    "could not {doing}: no connection to the Prefect server": "{doing} 실패: Prefect 서버에 연결할 수 없음",
    "could not {doing}: Prefect answered {status}": "{doing} 실패: Prefect 응답 {status}",
    "could not {doing}: the answer was lost": "{doing} 실패: 응답을 받지 못함",
    "could not {doing}: the answer was lost ({kind})": "{doing} 실패: 응답을 받지 못함({kind})",
    "could not {doing}: the answer of {where} was lost ({kind})": "{doing} 실패: {where} 응답을 받지 못함({kind})",
    "could not {doing}: no AWS credentials; sign in or set AWS_PROFILE": (
        "{doing} 실패: AWS 자격 증명 없음. 로그인하거나 AWS_PROFILE을 설정하세요"
    ),
    "could not {doing}: {why}; sign in again, or renew the credentials": (
        "{doing} 실패: {why}. 다시 로그인하거나 자격 증명을 갱신하세요"
    ),
    "could not {doing}: {why}; compare the role's policy with: greenflow iam --environment NAME": (
        "{doing} 실패: {why}. 역할의 정책을 비교하세요: greenflow iam --environment NAME"
    ),
    "could not {doing}: {why}; this machine's clock may be off: set it by NTP": (
        "{doing} 실패: {why}. 이 머신의 시계가 틀렸을 수 있습니다: NTP로 맞추세요"
    ),
    "could not {doing}: {why} at {where}; make room on this machine, or set TMPDIR": (
        "{doing} 실패: {where}에서 {why}. 이 머신에 공간을 만들거나 TMPDIR을 설정하세요"
    ),
    "finish {stage}": "{stage} 마치기",
    "make a folder for the release": "릴리스 폴더 만들기",
    "take up role {role} for the way home": "되돌리기용 역할 {role} 넘겨받기",
    "ask AWS for the time": "AWS에 시각 묻기",
    "could not {doing}: found an answer of {kind}, expected a JSON object": (
        "{doing} 실패: 응답 형식 {kind}, 기대값 JSON 객체"
    ),
    "could not {doing}: found an answer of {kind}, expected a list": "{doing} 실패: 응답 형식 {kind}, 기대값 목록",
    "could not {doing}: it did not end within {limit_s:g} s{tail}": (
        "{doing} 실패: {limit_s:g}초 안에 끝나지 않음{tail}"
    ),
    "could not {doing}: it ended with {ending}{tail}": "{doing} 실패: {ending}{tail}",
    "could not {doing}: no TLS 1.2 or newer: {reason}": "{doing} 실패: TLS 1.2 이상이 아님: {reason}",
    "could not {doing}: {code}; Slack asks to wait": "{doing} 실패: {code}. Slack이 기다리라고 합니다",
    "could not {doing}: {status_code} and an answer that is not Slack's": (
        "{doing} 실패: {status_code}, Slack의 응답이 아님"
    ),
    "too many requests": "요청이 너무 많음",
    "the server": "서버",
    "signal {number}": "시그널 {number}",
    "no words": "설명 없음",
    "could not see {what} within {deadline_s:g} s{last}": "{what}: {deadline_s:g}초 안에 확인하지 못함{last}",
    "; last seen: {what}": "; 마지막 상태: {what}",
    "{kind} was called and is not seen to have happened: {error}": "{kind} 호출했으나 결과를 확인하지 못함: {error}",
    "could not run {name}: there is no such program on PATH; {advice}": "{name} 실행 실패: PATH에 없음. {advice}",
    "could not run {program} in {cwd}: {why}": "{cwd}에서 {program} 실행 실패: {why}",
    "could not ask {host} for {protocol}: {why}": "{host}에 {protocol} 확인 실패: {why}",
    "could not read {where}: {why}": "{where} 읽기 실패: {why}",
    "drift: found {what} on {found}, expected {expected}; somebody else put it there": (
        "드리프트: {what} 현재 {found}, 기대값 {expected}. 다른 사람이 붙인 것입니다"
    ),
    # The ledger
    "the ledger's chain is broken {where}": "원장의 사슬이 끊김, {where}",
    "at event {place} ({kind}): {why}": "이벤트 {place}번({kind}): {why}",
    "found event {found}, expected event {expected}": "현재 이벤트 {found}번, 기대값 {expected}번",
    "found it to follow {found}…, expected {expected}…": "앞 이벤트 {found}…, 기대값 {expected}…",
    "found hash {found}…, expected {expected}…": "해시 {found}…, 기대값 {expected}…",
    "could not write {key} to the ledger: the answer was empty": "원장에 {key} 쓰기 실패: 빈 응답",
    "event {seq} of release {release} was written by another process; touching nothing": (
        "릴리스 {release}의 이벤트 {seq}번을 다른 프로세스가 썼습니다. 아무것도 건드리지 않습니다"
    ),
    "no release is open here: call this inside tasks.ledger.open_ledger": "열린 릴리스가 없음",
    "{key} was written by somebody else": "{key} 기록은 다른 쪽이 이미 썼음",
    "the lease on {environment} ran out and could not be renewed": "{environment} 임대가 끝났고 갱신하지 못함",
    "the lease on {environment} could not be renewed": "{environment} 임대를 갱신하지 못함",
    "could not record drill {release}: another one of that name is on record": (
        "훈련 {release} 기록 실패: 같은 이름의 기록이 이미 있음"
    ),
    "the drill failed: {verdict}; expected it to come home by itself": (
        "훈련 실패: {verdict}. 스스로 되돌아왔어야 합니다"
    ),
    "no restore point is recorded: nothing was touched": "기록된 복원 지점 없음: 아무것도 바뀌지 않음",
    "aftercare refused: {release}: found {found}, expected one that shipped": (
        "배포 후 점검 거부: {release}: 현재 {found}, 완료된 릴리스여야 합니다"
    ),
    "a release that is {ending}": "상태가 {ending}인 릴리스",
    "no such release in {environment}": "{environment}에 그런 릴리스 없음",
    "plan refused: found phases {phases}, expected rising weights that end at {whole}": (
        "계획 거부: 현재 단계 {phases}, {whole}까지 커지는 가중치여야 합니다"
    ),
    # Source, build, site
    "could not git {verb}: {why}": "git {verb} 실패: {why}",
    "could not clone tag {tag}: found commit {found}, expected {commit}; was the tag moved just now?": (
        "태그 {tag} 복제 실패: 현재 커밋 {found}, 기대값 {commit}. 방금 태그를 옮겼습니까?"
    ),
    "could not find the tag {tag} in {repository}; push it, or release another version": (
        "{repository}에서 태그 {tag} 찾기 실패. 태그를 푸시하거나 다른 버전을 릴리스하세요"
    ),
    "could not use the tag {tag}: expected letters, digits, '.', '_', '-' and '/'": (
        "태그 {tag} 사용 불가: 글자, 숫자, '.', '_', '-', '/'만 쓸 수 있습니다"
    ),
    "could not use the commit {commit}: expected 40 hexadecimal digits": (
        "커밋 {commit} 사용 불가: 16진수 40자리여야 합니다"
    ),
    "could not find the built site: {name}/index.html is missing; check build.output_directory": (
        "빌드한 사이트 없음: {name}/index.html이 없습니다. build.output_directory를 확인하세요"
    ),
    "could not stage the site: {deployment} ended as {state}: {why}": (
        "사이트 스테이징 실패: {deployment} 상태 {state}: {why}"
    ),
    "site refused: found {told}, expected {recorded} to keep the domain until we promote {ours}; somebody else "
    "promoted or rolled back at Vercel since this release began, nothing was overwritten: ask them": (
        "사이트 거부: 현재 {told}, {ours} 승격 전까지 도메인은 {recorded} 그대로여야 합니다. "
        "릴리스가 시작된 뒤 누군가 Vercel에서 승격하거나 되돌렸습니다. 덮어쓰지 않았으니 확인하세요"
    ),
    "site refused: found a rolling release of {deployment} at {percent} %, expected none but ours; somebody else is "
    "rolling out at Vercel, nothing was overwritten: ask them": (
        "사이트 거부: 다른 롤링 릴리스 {deployment} {percent} % 진행 중. "
        "누군가 Vercel에서 배포하고 있습니다. 덮어쓰지 않았으니 확인하세요"
    ),
    "{seen} is still queued at Vercel after {limit_s:g} s and may take the domain later; when it has, run: vercel "
    "rollback {recorded}": (
        "{seen}: {limit_s:g}초 뒤에도 Vercel 대기열에 있어 나중에 도메인을 가져갈 수 있습니다. "
        "그러면 실행하세요: vercel rollback {recorded}"
    ),
    "could not audit {url}: {found}": "{url} 점검 실패: {found}",
    "could not read what autocannon measured: {kind}; it said {stdout}": (
        "autocannon 결과 읽기 실패: {kind}, 출력 {stdout}"
    ),
    "could not read what ZAP found: its totals are missing": "ZAP 결과 읽기 실패: 합계가 없음",
    "could not install {name} in {parent}: {why}; set performance.tools to a folder": (
        "{parent}에 {name} 설치 실패: {why}. performance.tools에 폴더를 지정하세요"
    ),
    "could not tell the age of {netloc}{path}: found no Last-Modified header, expected one": (
        "{netloc}{path} 작성 시각을 알 수 없음: Last-Modified 헤더 없음"
    ),
    "an audit without its parts: {kind}: {error}": "내용이 빠진 점검 결과: {kind}: {error}",
    "no JSON: {said}": "JSON 아님: {said}",
    "no audit: {why}": "점검 결과 없음: {why}",
    # Image and service
    "could not build the image: found neither docker nor podman on PATH, expected one; install one, name it in "
    'image.builder, or set image.source = "promote"': (
        "이미지 빌드 실패: PATH에 docker도 podman도 없습니다. "
        '설치하거나 image.builder에 지정하거나 image.source = "promote"로 설정하세요'
    ),
    "could not build image {version}: found that tag on commit {revision}, expected {commit}; a tag is never moved: "
    "release another version": (
        "이미지 {version} 빌드 거부: 그 태그의 커밋은 {revision}, 기대값 {commit}. "
        "태그는 옮기지 않습니다. 다른 버전을 릴리스하세요"
    ),
    "could not learn the digest of {name}: found {found}, expected sha256:...": (
        "{name} 다이제스트 확인 실패: 현재 {found}, 기대값 sha256:..."
    ),
    "could not sign in to the registry: the answer was empty": "레지스트리 로그인 실패: 빈 응답",
    "could not find image {repository}:{version}: found no such tag, expected the image that staging ran; push it "
    "under its version, or release another one": (
        "이미지 {repository}:{version} 없음: "
        "스테이징에서 실행한 이미지를 그 버전으로 푸시하거나 다른 버전을 릴리스하세요"
    ),
    "could not look for image {tag} in {repository}: the answer named neither image nor failure": (
        "{repository}에서 이미지 {tag} 찾기 실패: 응답에 이미지도 오류도 없음"
    ),
    "could not look for image {tag} in {repository}: {cause}": "{repository}에서 이미지 {tag} 찾기 실패: {cause}",
    "could not read repository {repository}: the answer was empty": "저장소 {repository} 읽기 실패: 빈 응답",
    "could not read the manifest of image {image}: it is no JSON object": (
        "이미지 {image} 매니페스트 읽기 실패: JSON 객체가 아님"
    ),
    "could not tag image {digest}: it is gone from {repository}": "이미지 {digest} 태그 실패: {repository}에서 없어짐",
    "could not read service {name}: the answer was empty": "서비스 {name} 읽기 실패: 빈 응답",
    "could not read service {name} in cluster {cluster}: found status {status}, expected ACTIVE": (
        "클러스터 {cluster}의 서비스 {name} 읽기 실패: 현재 상태 {status}, 기대값 ACTIVE"
    ),
    "could not find the primary deployment of service {name}": "서비스 {name} 기본 배포를 찾지 못함",
    "could not find container {container} in {arn}: found {names}; set service.container": (
        "{arn}에 컨테이너 {container} 없음: 있는 것은 {names}. service.container를 설정하세요"
    ),
    "service {service} refused: {reasons}; expected our deployment COMPLETED with all targets healthy": (
        "서비스 {service} 거부: {reasons}. 우리 배포가 COMPLETED이고 모든 대상이 정상이어야 합니다"
    ),
    "our deployment is gone and {definition} runs: the circuit breaker or a person replaced it": (
        "우리 배포가 없어지고 {definition} 실행 중: 회로 차단기나 사람이 바꿈"
    ),
    "FAILED: {why}": "FAILED: {why}",
    "our deployment is {status} now: {why}": "우리 배포 상태 {status}: {why}",
    "ECS rolled it back or somebody replaced it": "ECS가 되돌렸거나 누군가 바꿈",
    "{count} of its tasks failed": "태스크 {count}개 실패",
    "{state}, {running} of {desired} running, {pending} pending, {healthy} healthy": (
        "{state}, {desired}개 중 실행 {running}개, 대기 {pending}개, 정상 {healthy}개"
    ),
    "task definition refused: found {told} in plain text, expected none; put the values into Secrets Manager and "
    "name them under `secrets`": (
        "태스크 정의 거부: {told} 값이 평문입니다. Secrets Manager에 넣고 `secrets`에 이름을 적으세요"
    ),
    "drift: found image {image} in {arn} of release {release}, expected {image_uri}": (
        "드리프트: 릴리스 {release}의 {arn} 이미지 {image}, 기대값 {image_uri}"
    ),
    "drift: found {pulled} digests of {image} running on side {side}, expected 1; deploy it anew, pinned": (
        "드리프트: {side} 쪽에서 {image} 다이제스트 {pulled}개 실행 중, 기대값 1개. 다이제스트로 고정해 다시 배포하세요"
    ),
    "drift: found task definition {definition} on service {name}, expected {wanted}; somebody else deployed there, "
    "nothing was overwritten: ask them, then start again": (
        "드리프트: 서비스 {name} 태스크 정의 {definition}, 기대값 {wanted}. "
        "누군가 배포했습니다. 덮어쓰지 않았으니 확인한 뒤 다시 시작하세요"
    ),
    # Traffic
    "could not shift traffic: found weight {weight}, expected one of the plan's {phases}": (
        "트래픽 이동 거부: 가중치 {weight}, 계획의 {phases} 중 하나여야 합니다"
    ),
    "capacity refused: {checks}; traffic stays where it is": "용량 거부: {checks}. 트래픽은 그대로 둡니다",
    "could not read listener rule {arn}: found {rules} rules in the answer, expected 1": (
        "리스너 규칙 {arn} 읽기 실패: 응답의 규칙 {rules}개, 기대값 1개"
    ),
    "no target group": "대상 그룹 없음",
    "drift: found {told} in the listener rule, expected {wanted} with weights that sum to {whole}; somebody changed "
    "it: bring it back by hand, then start again": (
        "드리프트: 리스너 규칙 현재 {told}, 기대값 {wanted}, 가중치 합 {whole}. "
        "누군가 바꿨습니다. 직접 되돌린 뒤 다시 시작하세요"
    ),
    "drift: found weights {found}, expected {expected}; somebody else moved traffic, nothing was overwritten: ask "
    "them, or bring it home with `greenflow rollback`": (
        "드리프트: 현재 가중치 {found}, 기대값 {expected}. 누군가 트래픽을 옮겼습니다. "
        "덮어쓰지 않았으니 확인하거나 `greenflow rollback`으로 되돌리세요"
    ),
    "restore point refused: found weights {weights}, expected {whole} % on side {stable}; a release or a person left "
    "traffic split: bring it home with `greenflow rollback`": (
        "복원 지점 거부: 현재 가중치 {weights}, {stable} 쪽이 {whole} %여야 합니다. "
        "트래픽이 나뉜 채 남아 있습니다. `greenflow rollback`으로 되돌리세요"
    ),
    "could not bring traffic home within {budget_s:g} s: {trouble}; a person must do it now: sign in to account "
    "{account_id}, run the first command, then the second until it shows {weights}": (
        "{budget_s:g}초 안에 트래픽을 되돌리지 못함: {trouble}. 지금 사람이 해야 합니다: 계정 {account_id}에 로그인해 "
        "첫 번째 명령을 실행하고, 두 번째 명령이 {weights} 상태를 보일 때까지 반복하세요"
    ),
    "nothing was tried": "시도한 것 없음",
    "could not give side {side} its {wanted} tasks back: {why}; traffic stays where it is; a person brings it home by "
    "these commands, each when the one before has ended well": (
        "{side} 쪽 태스크 {wanted}개 되돌리기 실패: {why}. 트래픽은 그대로 둡니다. "
        "사람이 다음 명령을 차례로, 앞 명령이 잘 끝난 뒤에 실행해 되돌리세요"
    ),
    "{why}; side {side} has {count} tasks again and keeps the new definition until the next release": (
        "{why}. {side} 쪽은 다시 태스크 {count}개이고 다음 릴리스까지 새 정의를 유지합니다"
    ),
    "could not retire side {side}: found weights {found}, expected {home}; bring traffic home first": (
        "{side} 쪽 정리 거부: 현재 가중치 {found}, 기대값 {home}. 먼저 트래픽을 되돌리세요"
    ),
    "could not read metrics: found {count} queries, expected <= {most}": (
        "지표 읽기 실패: 질의 {count}개, {most}개 이하여야 합니다"
    ),
    "could not read metrics: found {metric} {stat} of {value}, expected a number >= 0": (
        "지표 읽기 실패: {metric} {stat} 값 {value}, 0 이상이어야 합니다"
    ),
    "could not read metrics whole: AWS says {told}": "지표를 다 읽지 못함: AWS 응답 {told}",
    "could not read metrics whole: {partial} of {states} series are not complete ({shown})": (
        "지표를 다 읽지 못함: 계열 {states}개 중 {partial}개 불완전({shown})"
    ),
    # Data stores
    "could not back up the database: found pg_dump {client}, expected {major} or newer for the server's {server}; "
    "install that client, or set database.tools": (
        "백업 실패: pg_dump {client}, 서버 {server}에는 {major} 이상이 필요합니다. "
        "설치하거나 database.tools를 설정하세요"
    ),
    "could not name a scratch database: {name} is a database in use; change database.scratch_prefix": (
        "임시 데이터베이스 이름 거부: {name} 이름은 사용 중입니다. database.scratch_prefix를 바꾸세요"
    ),
    "could not unpack {key}: {error}": "{key} 압축 풀기 실패: {error}",
    "could not store {key}: found more than {most} parts of {part_mb} MiB, expected no more; raise backup.part_mb": (
        "{key} 저장 실패: {part_mb} MiB 조각이 {most}개를 넘습니다. backup.part_mb를 늘리세요"
    ),
    "could not read the version of {name}: found {said}": "{name} 버전 읽기 실패: {said}",
    "restore refused: found no proof of {key} in the ledger of {name}, expected a dump that a release has restored "
    "and compared; the release's report names its key: {prefix}/RELEASE/TIME.dump": (
        "복원 거부: {name} 원장에 {key} 증명이 없습니다. 릴리스가 복원해 비교한 덤프만 씁니다. "
        "키는 릴리스 보고서에 있습니다: {prefix}/RELEASE/TIME.dump"
    ),
    "restore refused: found {found} under {key}, expected {expected}; nothing was restored": (
        "복원 거부: {key} 현재 {found}, 기대값 {expected}. 복원하지 않았습니다"
    ),
    "could not read the migration status: found {said}, expected JSON with applied and pending": (
        "마이그레이션 상태 읽기 실패: {said}, applied와 pending이 있는 JSON이어야 합니다"
    ),
    "could not read the linter's answer: found {said}, expected squawk's JSON": (
        "린트 결과 읽기 실패: {said}, squawk의 JSON이어야 합니다"
    ),
    "could not migrate the database: no lock within {limit_s:g} s": (
        "마이그레이션 실패: {limit_s:g}초 안에 잠금을 얻지 못함"
    ),
    "could not migrate the database: {attempts} attempts each waited {limit_s:g} s for a lock, {said}; then release "
    "again": "마이그레이션 실패: 잠금을 {limit_s:g}초씩 {attempts}번 기다림, {said}. 그다음 다시 릴리스하세요",
    "could not try the migration {said}": "마이그레이션 시험 실패: {said}",
    "what it left is not known: {error}; ask for the status before anything else": (
        "남은 상태를 알 수 없음: {error}. 먼저 마이그레이션 상태를 확인하세요"
    ),
    "applied of it: {done}; still pending: {left}; what was applied only expands, the version in production goes on "
    "working: correct the migration, then release again; revert nothing": (
        "적용됨: {done}, 남음: {left}. 적용된 것은 확장뿐이라 프로덕션 버전은 계속 동작합니다. "
        "마이그레이션을 고쳐 다시 릴리스하세요. 되돌리지 마세요"
    ),
    "nobody was seen to hold it; look for long transactions in pg_stat_activity": (
        "잡고 있는 쪽이 보이지 않음. pg_stat_activity에서 긴 트랜잭션을 확인하세요"
    ),
    "held by {who}; wait for its end, or end it by: {command}": (
        "잡고 있는 쪽 {who}. 끝나기를 기다리거나 끝내세요: {command}"
    ),
    "infra apply refused: found {waiting} waiting for a maintenance window of {instance}, expected nothing: any "
    "change now would apply it as well; wait for it, or say --with-waiting": (
        "infra apply 거부: {instance}에 유지 관리를 기다리는 변경 {waiting}. 지금 바꾸면 함께 적용됩니다. "
        "기다리거나 --with-waiting을 붙이세요"
    ),
    # Slack
    "slack.{name}_id: found {found}, expected {expected}; the token belongs to another {name}": (
        "slack.{name}_id: 현재 {found}, 기대값 {expected}. 토큰이 다른 {name}의 것입니다"
    ),
    "could not change {key}: its message is gone": "{key} 바꾸기 실패: 메시지가 없어짐",
    "could not answer a click: its address is not Slack's": "클릭 응답 실패: Slack의 주소가 아님",
    "could not answer a click: no answer ({kind})": "클릭 응답 실패: 응답 없음({kind})",
    "could not answer a click: {status_code}": "클릭 응답 실패: {status_code}",
}
