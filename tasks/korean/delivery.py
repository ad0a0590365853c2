"""Say in Korean what is found of the build, the site, the image, the tasks and the traffic of a release."""

DELIVERY = {
    # Build and site
    "commit in the bundle": "번들의 커밋",
    "API base in the bundle": "번들의 API 주소",
    "a reference to one": "소스맵을 가리키는 주석",
    "at most {bound:g} kB": "{bound:g} kB 이하",
    "{gzip_kb:.1f} kB with gzip, {files} files, without source maps": (
        "gzip {gzip_kb:.1f} kB, 파일 {files}개, 소스맵 제외"
    ),
    "{deployment} has the domain": "도메인은 {deployment}",
    "{deployment} keeps it": "계속 {deployment}",
    "{url} is no public https address": "{url} 주소는 공개 https가 아님",
    "not bound; bound are {bound}": "연결 안 됨, 연결된 도메인: {bound}",
    "no domain": "도메인 없음",
    "valid chain and host, at least {days} days": "올바른 체인과 호스트, {days}일 이상",
    "Vercel renews by itself while the domain's DNS points to it: look there first": (
        "도메인의 DNS가 Vercel을 가리키면 자동 갱신됩니다: DNS부터 확인하세요"
    ),
    "site answers": "사이트 응답",
    "{count} assets immutable": "자산 {count}개 모두 immutable",
    "no Cache-Control": "Cache-Control 없음",
    "rolling release": "롤링 릴리스",
    "{deployment} is rolling out": "{deployment} 진행 중",
    "nobody else's": "다른 사람의 것이 아님",
    # Image and journey
    "image version": "이미지 버전",
    "image revision": "이미지 리비전",
    "the manifest carries no {annotation}": "매니페스트에 {annotation} 없음",
    "register": "회원 가입",
    "log in": "로그인",
    "bid": "입찰",
    "read the bid back": "입찰 다시 읽기",
    "journey removed": "여정 데이터 삭제",
    "{status} by {version}": "{status}, 응답 버전 {version}",
    "an unnamed version": "알 수 없음",
    "{total_ms:.0f} ms in all": "모두 {total_ms:.0f} ms",
    "at most {bound:.0f} ms": "{bound:.0f} ms 이하",
    # Tasks and traffic
    "{running} running, {healthy} healthy": "실행 {running}개, 정상 {healthy}개",
    "task definition to come home to": "되돌아갈 태스크 정의",
    "somebody deregistered it: register it anew and deploy that, then release again": (
        "누군가 등록을 해제했습니다: 다시 등록해 배포한 뒤 릴리스하세요"
    ),
    "healthy targets at home": "복귀할 쪽의 정상 대상",
    "measured share at {weight} %": "{weight} %에서 측정한 비율",
    "{count} requests are too few to tell": "요청 {count}건은 판단하기에 너무 적음",
    "{percent:.2f} % ({requests} of {of_all})": "{percent:.2f} % ({of_all}건 중 {requests}건)",
    "{low:.2f} to {high:.2f} %": "{low:.2f}~{high:.2f} %",
    "sticky users, or another rule before this one, go by something else than the weights": (
        "고정 세션이나 앞선 다른 규칙 때문에 가중치대로 나뉘지 않습니다"
    ),
    "{name} without {lacks}": "{name}: {lacks} 없음",
}
