"""5.3 Look at headers, cookies, sharing and TLS everywhere, and scan where a container can run (guide 5.3)."""

import logging
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

import httpx

from tasks.clients.tls import old_protocols, read_certificate
from tasks.clients.web import open_web
from tasks.clients.zap import fetch_image, find_engine, scan_site
from tasks.errors import PermanentError, RemoteError
from tasks.header_rules import Rule, api_rules, check_cookies, check_headers, check_sharing, site_rules
from tasks.models import Check, Evidence
from tasks.probes import probe_headers
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.security")

SITE, API = "public site", "public API"
HTTPS_PORT = 443


@stage("5.3 look at the security", REPEATABLE)
def look_at_security(settings: Settings) -> Evidence:
    """Check headers, cookies, sharing and TLS of what the public gets, then let ZAP scan the site.

    What is not as it should be is a failed check. Raises TransientError when a server is not reached.
    """
    return Evidence(checks=(*check_security(settings), check_zap(settings)))


def check_security(settings: Settings) -> tuple[Check, ...]:
    """Check the site's page and the API's paths; raises TransientError when a server is not reached."""
    least_s = settings.security.least_hsts_s
    page = _answer_checks(settings, (SITE, settings.site.url, "/"), site_rules(least_s))
    paths = settings.security.api_paths
    api = [
        check
        for path in paths
        for check in _answer_checks(settings, (API, settings.load_balancer.url, path), api_rules(least_s))
    ]
    hosts = {SITE: settings.site.url, API: settings.load_balancer.url}
    tls = [check for who, url in hosts.items() for check in _tls_checks(settings, who, urlsplit(url))]
    return (*page, *api, *tls)


def _answer_checks(settings: Settings, asked: tuple[str, str, str], rules: tuple[Rule, ...]) -> tuple[Check, ...]:
    who, address, path = asked
    answer = _ask(settings, address, path)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return (
        *check_headers(who, headers, rules),
        check_cookies(who, answer.headers.get_list("set-cookie")),
        check_sharing(who, headers, settings.security.foreign_origin),
    )


def _ask(settings: Settings, address: str, path: str) -> httpx.Response:
    """Get an answer as a script of another site would ask for it."""
    headers = {**probe_headers(settings, None), "origin": settings.security.foreign_origin}
    with open_web(address, timeout_s=settings.security.timeout_s, headers=headers) as web:
        return web.ask("GET", path, doing=sentence("look at the headers of {path}", path=path))


def _tls_checks(settings: Settings, who: str, address: SplitResult) -> tuple[Check, ...]:
    name = sentence("TLS of the {who}", who=named(who))
    if address.scheme != "https":
        return (Check.skipped(name, sentence("{url} is no https address", url=address.geturl())),)
    host, port = address.hostname or "", address.port or HTTPS_PORT
    return (_certificate_check(settings, name, host, port), _protocol_check(settings, who, host, port))


def _certificate_check(settings: Settings, name: str, host: str, port: int) -> Check:
    least = settings.site.certificate_days
    expected = sentence("valid chain and host, at least {days} days, TLS 1.2 or newer", days=least)
    try:
        shown = read_certificate(host, port, timeout_s=settings.security.timeout_s)
    except PermanentError as error:
        return Check.of(name, ok=False, found=error, expected=expected)
    days = shown.days_left(datetime.now(UTC))
    found = sentence("{days} days, by {issuer}, {protocol}", days=days, issuer=shown.issuer, protocol=shown.protocol)
    return Check.of(name, ok=days >= least, found=found, expected=expected)


def _protocol_check(settings: Settings, who: str, host: str, port: int) -> Check:
    old = old_protocols(host, port, timeout_s=settings.security.timeout_s)
    found, nothing = " + ".join(old), sentence("nothing before TLS 1.2")
    name = sentence("old protocols of the {who}", who=named(who))
    return Check.of(name, ok=not old, found=found or nothing, expected=nothing)


def check_zap(settings: Settings) -> Check:
    """Scan the site; a scanner that cannot run here is a skip with its reason, what it finds is a failure."""
    name = named("ZAP baseline scan")
    if not settings.security.zap:
        return Check.skipped(name, sentence("off in this environment: {key} is false", key="security.zap"))
    engine, why = find_engine()
    if not engine:
        return Check.skipped(name, sentence("nothing was scanned: no container can run here: {why}", why=why))
    image, timeout_s = settings.security.zap_image, settings.security.zap_timeout_s
    if why := fetch_image(engine, image, timeout_s=timeout_s):
        untried = sentence(
            "nothing was scanned: {engine} could not fetch {image}: {why}", engine=engine, image=image, why=why
        )
        return Check.skipped(name, untried)
    log.info("scanning %s with ZAP in %s", settings.site.url, engine)
    try:
        scan = scan_site(engine, image, settings.site.url, timeout_s=timeout_s)
    except RemoteError as error:
        return Check.skipped(
            name, sentence("nothing was scanned: the scanner did not run: {why}", why=str(error).splitlines()[0])
        )
    clean = sentence("nothing wrong")
    told = sentence("{count} rules passed, warnings: {warned}", count=scan.passed, warned=", ".join(scan.warned) or "-")
    return Check.of(name, ok=not scan.failed, found=", ".join(scan.failed) or clean, expected=clean, note=told)
