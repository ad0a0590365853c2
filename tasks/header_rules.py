"""Hold the headers and cookies of an answer against a baseline (guide 5.3; OWASP Secure Headers Project)."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from tasks.models import Check
from tasks.sentences import joined, named, sentence

MAX_AGE: Final = re.compile(r"\bmax-age=\"?(\d+)", re.IGNORECASE)
NUMBERED: Final = re.compile(r"\d")
BANNERS: Final = ("server", "x-powered-by", "x-aspnet-version", "x-generator")
SCRIPTS: Final = ("script-src", "default-src")
LOOSE_SCRIPTS: Final = frozenset({"*", "'unsafe-inline'", "'unsafe-eval'", "http:", "https:"})
CAREFUL_REFERRERS: Final = frozenset(
    {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin", "origin-when-cross-origin"}
)

Headers = Mapping[str, str]
"""The headers of one answer by their names in lower case."""


class Rule(NamedTuple):
    """Say what one header must tell; ``holds`` looks at all headers, since two of them may say the same."""

    header: str
    expected: str
    holds: Callable[[Headers], bool]


def site_rules(least_hsts_s: int) -> tuple[Rule, ...]:
    """List what a page must say to a browser."""
    return (
        *api_rules(least_hsts_s),
        Rule("content-security-policy", named("script sources named, none of them loose"), _names_scripts),
        Rule("x-frame-options", named("DENY or SAMEORIGIN, or frame-ancestors in the policy"), _refuses_frames),
        Rule("referrer-policy", named("one that keeps paths from strangers"), _careful_referrer),
    )


def api_rules(least_hsts_s: int) -> tuple[Rule, ...]:
    """List what every answer must say to a browser."""
    return (
        Rule("strict-transport-security", f"max-age >= {least_hsts_s}", lambda headers: _age(headers) >= least_hsts_s),
        Rule(
            "x-content-type-options", "nosniff", lambda headers: _said(headers, "x-content-type-options") == "nosniff"
        ),
    )


def check_headers(who: str, headers: Headers, rules: Sequence[Rule]) -> tuple[Check, ...]:
    """Check one answer against its rules, and that it does not tell which version of what answers."""
    checks = (
        Check.of(
            sentence("{header} of the {who}", header=rule.header, who=named(who)),
            ok=rule.holds(headers),
            found=headers.get(rule.header) or sentence("no such header"),
            expected=rule.expected,
        )
        for rule in rules
    )
    return (*checks, _no_banner(who, headers))


def check_cookies(who: str, set_cookies: Sequence[str]) -> Check:
    """Check that every cookie keeps to https, away from scripts and from other sites; values are not told."""
    wrong = {name: lacks for name, lacks in map(_lacking, set_cookies) if lacks}
    told = (sentence("{name} without {lacks}", name=name, lacks=", ".join(lacks)) for name, lacks in wrong.items())
    found = joined(", ", told)
    count = sentence("{count} cookies in order", count=len(set_cookies))
    expected = "Secure, HttpOnly, SameSite=Lax|Strict"
    return Check.of(
        sentence("cookies of the {who}", who=named(who)), ok=not wrong, found=found or count, expected=expected
    )


def check_sharing(who: str, headers: Headers, stranger: str) -> Check:
    """Check that another site's scripts do not get answers with a user's cookies; ``stranger`` asked for one."""
    allowed = _said(headers, "access-control-allow-origin")
    trusted = _said(headers, "access-control-allow-credentials") == "true"
    told = f"access-control-allow-origin: {allowed or '-'}, access-control-allow-credentials: {str(trusted).lower()}"
    return Check.of(
        sentence("answers of the {who} to strangers", who=named(who)),
        ok=not (trusted and allowed in {"*", stranger.lower(), "null"}),
        found=told,
        expected=sentence("never with a user's cookies"),
    )


def _no_banner(who: str, headers: Headers) -> Check:
    told = MappingProxyType({name: headers[name] for name in BANNERS if name in headers})
    loud = {name: value for name, value in told.items() if name != "server" or NUMBERED.search(value)}
    return Check.of(
        sentence("banners of the {who}", who=named(who)),
        ok=not loud,
        found="; ".join(f"{name}: {value}" for name, value in loud.items()) or sentence("none"),
        expected=sentence("no version and no product"),
    )


def _lacking(set_cookie: str) -> tuple[str, list[str]]:
    """Return a cookie's name and the guards it lacks."""
    pair, *attributes = (part.strip() for part in set_cookie.split(";"))
    given = dict.fromkeys((attribute.lower().replace(" ", "") for attribute in attributes), True)
    same_site = any(f"samesite={kind}" in given for kind in ("lax", "strict"))
    guards = {"Secure": "secure" in given, "HttpOnly": "httponly" in given, "SameSite": same_site}
    return pair.partition("=")[0], [name for name, there in guards.items() if not there]


def _said(headers: Headers, name: str) -> str:
    return headers.get(name, "").strip().lower()


def _age(headers: Headers) -> int:
    found = MAX_AGE.search(_said(headers, "strict-transport-security"))
    return int(found[1]) if found else -1


def _policy(headers: Headers) -> dict[str, list[str]]:
    directives = (part.split() for part in _said(headers, "content-security-policy").split(";"))
    return {words[0]: words[1:] for words in directives if words}


def _names_scripts(headers: Headers) -> bool:
    policy = _policy(headers)
    sources = next((policy[name] for name in SCRIPTS if name in policy), None)
    return sources is not None and not LOOSE_SCRIPTS & set(sources)


def _refuses_frames(headers: Headers) -> bool:
    ancestors = _policy(headers).get("frame-ancestors")
    if ancestors is not None:
        return "*" not in ancestors
    return _said(headers, "x-frame-options") in {"deny", "sameorigin"}


def _careful_referrer(headers: Headers) -> bool:
    # Where several are listed, a browser takes the last one it knows.
    return _said(headers, "referrer-policy").rpartition(",")[2].strip() in CAREFUL_REFERRERS
