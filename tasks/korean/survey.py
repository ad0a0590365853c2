"""Say in Korean what `greenflow init` looks at, where that fails."""

SURVEY = {
    "look at the load balancers": "로드 밸런서 조회",
    "look at the services": "서비스 조회",
    "look at the databases": "데이터베이스 조회",
    "look at the caches": "캐시 조회",
    "look at the buckets": "버킷 조회",
    "look at the topics": "SNS 주제 조회",
    "look at the names of the secrets": "보안 암호 이름 조회",
    "list the Vercel projects": "Vercel 프로젝트 목록 조회",
    "list the domains of {name}": "{name} 도메인 목록 조회",
}
