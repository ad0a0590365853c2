"""Say in Korean what is found of the database, the cache, the backup, the migration and a restore."""

STORES = {
    # PostgreSQL and Redis
    "`greenflow infra plan` shows how to change it": "바꾸는 방법: `greenflow infra plan`",
    "on": "켜짐",
    "off": "꺼짐",
    "off: {key} asks for none; found {found}": "점검 안 함: {key} 설정이 요구하지 않음, 현재 {found}",
    "kept {days} days": "{days}일 보관",
    ">= {days} days": "{days}일 이상",
    "none named {name}": "{name} 이름으로 된 것 없음",
    "RDS in a second zone": "RDS 다중 AZ",
    "RDS deletion protection": "RDS 삭제 방지",
    "{window} UTC, which is {told}": "{window} UTC, 현지 시각 {told}",
    "outside of a release's {told}": "배포 시간 {told} 밖",
    "the next maintenance or any immediate change applies them, maybe in mid-release": (
        "다음 유지 관리나 즉시 변경 때 함께 적용됩니다. 배포 도중일 수도 있습니다"
    ),
    ">= {percent} % of {whole_gib} GiB": "{whole_gib} GiB의 {percent} % 이상",
    "no value in the last {minutes:g} min": "최근 {minutes:g}분 동안 값 없음",
    "lag of replica {replica}": "복제본 {replica} 지연",
    "no replication": "복제 없음",
    "primary": "주 서버",
    "replica, which takes no writes": "쓰기를 받지 않는 복제본",
    "{version}, a {role}": "{version}, {role}",
    ">= {oldest}, a primary": "{oldest} 이상, 주 서버",
    "database.url points to a replica": "database.url이 복제본을 가리킵니다",
    "streaming replica {name}": "스트리밍 복제본 {name}",
    "streaming, <= {lag_mb:g} MB and <= {lag_s:g} s behind": "스트리밍 중, 지연 {lag_mb:g} MB 이하, {lag_s:g}초 이하",
    "{state}, {behind_mb:.1f} MB and {late_s:.1f} s behind": "{state}, {behind_mb:.1f} MB, {late_s:.1f}초 지연",
    "ElastiCache automatic failover": "ElastiCache 자동 장애 조치",
    "ElastiCache encrypted at rest": "ElastiCache 저장 암호화",
    "ElastiCache encrypted in transit": "ElastiCache 전송 암호화",
    "only a new group can have it": "새 그룹에만 켤 수 있습니다",
    "clients move to rediss:// first, then the group requires it": (
        "클라이언트를 먼저 rediss://로 옮긴 뒤 그룹에서 필수로 바꾸세요"
    ),
    "cache URL": "캐시 URL",
    "no group to compare its {scheme}:// with": "{scheme}:// 주소와 비교할 그룹이 없음",
    "since its transit encryption is {state}": "전송 암호화: {state}",
    "{expected}://, {why}": "{expected}://, {why}",
    "cache.url points to a reader endpoint: sessions could not be written": (
        "cache.url이 읽기 전용 엔드포인트를 가리킵니다: 세션을 쓸 수 없습니다"
    ),
    "{used_mb:.1f} MB of an unknown whole": "{used_mb:.1f} MB, 전체 크기를 알 수 없음",
    "{percent:.0f} %, {used_mb:.1f} of {most_mb:.1f} MB": "{percent:.0f} %, {most_mb:.1f} MB 중 {used_mb:.1f} MB",
    "{per_h:.1f} an hour, {evicted} in {up_h:.1f} h": "시간당 {per_h:.1f}건, {up_h:.1f}시간 동안 {evicted}건",
    "<= {bound:g} an hour": "시간당 {bound:g}건 이하",
    "sessions are thrown away: users are logged out": "세션이 버려져 사용자가 로그아웃됩니다",
    # Backup
    "archive reads to its end": "덤프를 끝까지 읽음",
    "exit code {code}": "종료 코드 {code}",
    "not older than the server's {version}": "서버 버전 {version} 이상",
    "{size} bytes, sha256 {sha256}": "{size}바이트, sha256 {sha256}",
    "{tables} tables with {rows} rows": "테이블 {tables}개, {rows}행",
    "{summary}, each with its content hash": "{summary}, 모두 내용 해시 일치",
    "{wrong} of {of_all} tables differ": "테이블 {of_all}개 중 {wrong}개가 다름",
    "{name}: no such table": "{name}: 테이블 없음",
    "{name}: {rows} rows, hash {sha256}": "{name}: {rows}행, 해시 {sha256}",
    "{name} at {value}": "{name} 값 {value}",
    "{count} not behind": "{count}개 모두 뒤처지지 않음",
    "{count} {kind}": "{kind} {count}개",
    "tables": "테이블",
    "partitioned tables": "파티션 테이블",
    "indexes": "인덱스",
    "partitioned indexes": "파티션 인덱스",
    "views": "뷰",
    "materialized views": "구체화 뷰",
    "sequences": "시퀀스",
    "foreign tables": "외부 테이블",
    "types": "타입",
    "constraints": "제약 조건",
    "triggers": "트리거",
    "kept {days} days or longer, then removed": "{days}일 이상 보관한 뒤 삭제",
    "removed after {days} days": "{days}일 뒤 삭제",
    "bucket {bucket} has no rule that removes {prefix}/: every dump is kept and paid for until somebody adds one": (
        "버킷 {bucket}에 {prefix}/ 삭제 규칙이 없습니다: 규칙을 추가할 때까지 모든 덤프가 남아 비용이 듭니다"
    ),
    "parts of an upload that failed are not removed: add AbortIncompleteMultipartUpload": (
        "실패한 업로드 조각이 삭제되지 않습니다: AbortIncompleteMultipartUpload 규칙을 추가하세요"
    ),
    "{done_mib:.0f} MiB {doing} in {took_s:.0f} s, {speed_mib_s:.0f} MiB/s": (
        "{doing} {done_mib:.0f} MiB, {took_s:.0f}초, 초당 {speed_mib_s:.0f} MiB"
    ),
    "stored": "저장",
    "dumped": "덤프",
    "fetched back": "다시 가져옴",
    # Migration
    "the backup is not proven": "백업이 검증되지 않음",
    "none is pending": "대기 중인 마이그레이션 없음",
    "refused already: {name}": "이미 거부됨: {name}",
    "{count} pending: {names}": "대기 {count}개: {names}",
    "{file} is missing: only SQL that can be read can be judged": "{file} 파일 없음: 읽을 수 있는 SQL만 판단할 수 있음",
    "not known to be an expansion": "확장인지 알 수 없음",
    "it becomes part of a table in use": "사용 중인 테이블의 일부가 됨",
    "a unique index may refuse what the version in production writes": (
        "고유 인덱스는 프로덕션 버전의 쓰기를 거부할 수 있음"
    ),
    "without CONCURRENTLY it blocks every write to the table": "CONCURRENTLY 없이는 테이블의 모든 쓰기를 막음",
    "it changes data that the version in production uses": "프로덕션 버전이 쓰는 데이터를 바꿈",
    "of a table in use, only ADD COLUMN is known to be an expansion": "사용 중인 테이블에는 ADD COLUMN만 확장으로 인정",
    "a new column with {what} holds the table or refuses what is written today": (
        "{what} 열을 추가하면 테이블을 잠그거나 지금의 쓰기를 거부함"
    ),
    "NOT NULL without a constant DEFAULT": "상수 DEFAULT 없는 NOT NULL",
    "a DEFAULT that rewrites the table": "테이블을 다시 쓰는 DEFAULT",
    "migrations on the restored backup": "복원한 백업에서 마이그레이션 시험",
    "nothing of it was run on the live database": "운영 데이터베이스에서는 실행하지 않음",
    "{names} applied": "{names} 적용",
    "all applied in {took_s:g} s": "{took_s:g}초에 모두 적용",
    "rows after the tried migrations": "마이그레이션 시험 뒤 행 수",
    "{rows} rows": "{rows}행",
    "locks of the migrations on the restored data": "복원한 데이터에서 마이그레이션 잠금",
    "a migration runs outside of a transaction: its locks are not held to its end": (
        "트랜잭션 밖에서 실행되는 마이그레이션: 잠금이 끝까지 유지되지 않음"
    ),
    "writers kept away for {held_s:g} s: {said}": "쓰기 {held_s:g}초 막힘: {said}",
    "writers kept away for <= {limit_s:g} s": "쓰기 막힘 {limit_s:g}초 이하",
    "{name} {took_s:g} s with {locks}": "{name} {took_s:g}초, {locks}",
    "no lock on what was there": "기존 테이블 잠금 없음",
    "the old version on the tried schema": "시험한 스키마에서 이전 버전",
    "finds every table, column and value, and no new rule against its writes": (
        "모든 테이블, 열, 값이 있고 쓰기를 막는 새 규칙 없음"
    ),
    "every table, column and value as before, and no new rule against its writes": (
        "모든 테이블, 열, 값이 그대로이고 쓰기를 막는 새 규칙 없음"
    ),
    "{kind} lost its value {label}": "{kind} 값 {label} 없어짐",
    "{name} is gone": "{name} 없어짐",
    "{name} became {new}, was {old}": "{name} 타입 변경: {old}에서 {new}",
    "{name} became NOT NULL": "{name} NOT NULL로 바뀜",
    "{name} lost its default": "{name} 기본값 없어짐",
    "{name} is new, NOT NULL and without a default": "{name} 새 열인데 NOT NULL이고 기본값 없음",
    "{table} has a new {rule}": "{table} 새 규칙: {rule}",
    "migrations as the linter reads them": "마이그레이션 린트",
    "off: migration.lint names no linter": "꺼짐: migration.lint가 비어 있음",
    "nothing that locks or breaks": "잠그거나 깨뜨리는 것 없음",
    "nothing that locks a table in use or breaks the version in production": (
        "사용 중인 테이블을 잠그거나 프로덕션 버전을 깨뜨리는 것 없음"
    ),
    "tolerated: {rules}": "허용: {rules}",
    # Restore
    "dump as fetched": "가져온 덤프",
    "that of its proof": "백업 증명의 값",
    "restored instance": "복원한 인스턴스",
    "restored encrypted": "복원 암호화",
    "{name} at {address}": "{name}, 주소 {address}",
}
