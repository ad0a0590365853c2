"""Every header, cookie and answer to a stranger that gives something away is refused by name."""

import pytest

from tasks.header_rules import Headers, api_rules, check_cookies, check_headers, check_sharing, site_rules
from tasks.models import Outcome

GOOD = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "server": "Vercel",
}
STRANGER = "https://stranger.example"


def failed(headers: Headers) -> list[str]:
    checks = check_headers("page", headers, site_rules(15_552_000))
    return [check.name for check in checks if check.outcome is Outcome.FAILED]


def test_a_page_in_order_passes() -> None:
    assert failed(GOOD) == []


@pytest.mark.parametrize("header", [name for name in GOOD if name not in {"server", "x-frame-options"}])
def test_each_missing_header_is_refused_by_its_name(header: str) -> None:
    assert failed({name: value for name, value in GOOD.items() if name != header}) == [f"{header} of the page"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("strict-transport-security", "max-age=300"),
        ("strict-transport-security", "includeSubDomains"),
        ("content-security-policy", "default-src *; frame-ancestors 'none'"),
        ("content-security-policy", "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("x-content-type-options", "sniff"),
        ("referrer-policy", "unsafe-url"),
        ("referrer-policy", "strict-origin, no-referrer-when-downgrade"),
    ],
)
def test_a_header_that_says_too_little_is_refused(header: str, value: str) -> None:
    assert failed(GOOD | {header: value}) == [f"{header} of the page"]


def test_frames_are_refused_by_either_header_and_by_neither_if_both_are_gone() -> None:
    policy = {"content-security-policy": "default-src 'self'"}
    assert failed(GOOD | policy) == []
    assert failed({name: value for name, value in GOOD.items() if name != "x-frame-options"}) == []
    assert failed(GOOD | policy | {"x-frame-options": "ALLOWALL"}) == ["x-frame-options of the page"]
    everybody = {"content-security-policy": "default-src 'self'; frame-ancestors *"}
    assert failed(GOOD | everybody) == ["x-frame-options of the page"]


@pytest.mark.parametrize("banner", [{"server": "nginx/1.25.3"}, {"x-powered-by": "Express"}])
def test_a_server_that_tells_its_version_is_refused(banner: Headers) -> None:
    assert failed({**GOOD, **banner}) == ["banners of the page"]


def test_the_api_needs_less_than_a_page() -> None:
    headers = {name: GOOD[name] for name in ("strict-transport-security", "x-content-type-options")}
    assert not [check for check in check_headers("API", headers, api_rules(1)) if check.outcome is Outcome.FAILED]


@pytest.mark.parametrize(
    ("cookie", "lacks"),
    [
        ("sid=secret-value; HttpOnly; SameSite=Lax", "sid without Secure"),
        ("sid=secret-value; Secure; SameSite=Strict", "sid without HttpOnly"),
        ("sid=secret-value; secure; httponly", "sid without SameSite"),
        ("sid=secret-value; Secure; HttpOnly; SameSite=None", "sid without SameSite"),
        ("sid=secret-value", "sid without Secure, HttpOnly, SameSite"),
        ("sid=Secure", "sid without Secure, HttpOnly, SameSite"),
    ],
)
def test_a_cookie_that_lacks_a_guard_is_named_without_its_value(cookie: str, lacks: str) -> None:
    check = check_cookies("API", [cookie, "ok=1; Path=/; Secure; HttpOnly; SameSite=Lax"])
    assert (check.outcome, check.found) == (Outcome.FAILED, lacks)


def test_guarded_cookies_and_none_at_all_pass() -> None:
    assert check_cookies("API", ["a=1; Secure; HttpOnly; SameSite=Lax"]).outcome is Outcome.PASSED
    assert check_cookies("API", []).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("origin", "credentials", "ok"),
    [
        ("*", "", True),
        ("", "true", True),
        ("https://greenflow.dev", "true", True),
        ("*", "true", False),
        (STRANGER, "true", False),
        ("null", "true", False),
        (STRANGER, "", True),
    ],
)
def test_a_stranger_never_reads_with_a_users_cookies(origin: str, credentials: str, ok: bool) -> None:  # noqa: FBT001 - a table's column
    headers = {"access-control-allow-origin": origin, "access-control-allow-credentials": credentials}
    assert (check_sharing("API", headers, STRANGER).outcome is Outcome.PASSED) is ok
