"""A deployment's files are served as Vercel serves them."""

from collections.abc import Iterator

import httpx
import pytest

from deployments.twin.http_thread import HttpThread
from deployments.twin.vercel_files import Site, UnknownConfigurationError, header_rules, source_pattern

VERCEL_JSON = b"""{
  "headers": [
    {"source": "/(.*)", "headers": [{"key": "X-Content-Type-Options", "value": "nosniff"}]},
    {"source": "/assets/(.*)", "headers": [
      {"key": "Cache-Control", "value": "public, max-age=31536000, immutable"}
    ]}
  ]
}"""

FILES = {
    "index.html": b"<title>GreenFlow 1.1.0</title>",
    "assets/index-abc.js": b"console.log('0123abcd')",
    "vercel.json": VERCEL_JSON,
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HttpThread(Site(FILES), "site") as served:
        yield served.url


def test_assets_are_immutable_and_the_page_is_revalidated(url: str) -> None:
    asset, index = httpx.get(f"{url}/assets/index-abc.js"), httpx.get(url)
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"] == "application/javascript; charset=utf-8"
    assert index.headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert {asset.headers["x-content-type-options"], index.headers["x-content-type-options"]} == {"nosniff"}


def test_a_known_etag_is_answered_with_not_modified(url: str) -> None:
    first = httpx.get(url)
    again = httpx.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.get(url, headers={"if-none-match": '"other"'}).status_code == 200


def test_head_has_the_headers_and_no_body(url: str) -> None:
    answer = httpx.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(FILES["index.html"])


@pytest.mark.parametrize("path", ["nothing", "vercel.json", "../secrets", "assets/index-abc.js.map"])
def test_what_is_not_deployed_is_not_found(url: str, path: str) -> None:
    answer = httpx.get(f"{url}/{path}")
    assert (answer.status_code, answer.headers["x-vercel-error"]) == (404, "NOT_FOUND")


def test_writing_is_not_allowed(url: str) -> None:
    assert httpx.post(url).status_code == 405


@pytest.mark.parametrize(
    ("source", "path", "matches"),
    [
        ("/(.*)", "/", True),
        ("/(.*)", "/assets/a.js", True),
        ("/assets/(.*)", "/assets/a/b.js", True),
        ("/assets/(.*)", "/asset", False),
        ("/index.html", "/index.html", True),
        ("/index.html", "/indexXhtml", False),
        ("/docs/:page", "/docs/a", True),
        ("/docs/:page", "/docs/a/b", False),
        ("/docs/:page*", "/docs/a/b", True),
        (r"/(.*)\.js", "/a.js", True),
        (r"/(.*)\.js", "/aXjs", False),
    ],
)
def test_a_source_matches(source: str, path: str, *, matches: bool) -> None:
    assert bool(source_pattern(source).fullmatch(path)) is matches


def test_a_condition_the_stand_in_does_not_know_is_refused_and_not_ignored() -> None:
    with pytest.raises(UnknownConfigurationError, match=r"headers\.has"):
        header_rules(b'{"headers": [{"source": "/", "headers": [], "has": []}]}')
