"""5.1 Ask how the API and the site are: status, database, Redis, version (guide 5.1, safety I17)."""

import logging
from collections.abc import Callable
from typing import Any

import httpx

from tasks.clients.web import Web, open_web, parsed
from tasks.errors import RemoteError
from tasks.models import Check, Evidence, ReleasePlan, Side
from tasks.probes import probe_headers, who
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.site_look import check_look, look_at_site
from tasks.site_values import api_base
from tasks.stage import stage
from tasks.waits import pause

log = logging.getLogger("greenflow.health")

OK = 200
Look = Callable[[], tuple[Check, ...]]


@stage("5.1 check the API's health", REPEATABLE)
def check_health(settings: Settings, plan: ReleasePlan, side: Side | None, expected_version: str) -> Evidence:
    """Check what the API says of itself, on one side or as the public gets it; the last of several looks counts."""
    name = who(plan, side)
    headers = probe_headers(settings, side)
    with open_web(settings.load_balancer.url, timeout_s=settings.health.timeout_s, headers=headers) as web:
        return Evidence(checks=_patiently(settings, lambda: _look_at_api(web, settings, name, expected_version)))


@stage("5.1 check the site", REPEATABLE)
def check_site(settings: Settings, plan: ReleasePlan) -> Evidence:
    """Check that the public site answers and is this release's; the last of several looks counts."""

    def look() -> tuple[Check, ...]:
        try:
            seen = look_at_site(settings.site.url, timeout_s=settings.health.timeout_s)
        except RemoteError as error:
            return (Check.of("site answers", ok=False, found=error, expected=OK),)
        return check_look(seen, name="site", commit=plan.commit, api_base=api_base(settings))

    return Evidence(checks=_patiently(settings, look))


def _patiently(settings: Settings, look: Look) -> tuple[Check, ...]:
    checks = look()
    for attempt in range(2, settings.health.attempts + 1):
        failed = Evidence(checks=checks).failed
        if not failed:
            break
        log.info("look %d of %d: %s", attempt - 1, settings.health.attempts, failed[0].line)
        pause(settings.health.poll_s)
        checks = look()
    return checks


def _look_at_api(web: Web, settings: Settings, name: str, version: str) -> tuple[Check, ...]:
    try:
        answer = web.ask("GET", settings.health.path, doing=sentence("ask the health of {name}", name=name))
    except RemoteError as error:
        return (Check.of(sentence("{name} answers", name=named(name)), ok=False, found=error, expected=OK),)
    return _read(answer, name, version)


def _read(answer: httpx.Response, name: str, version: str) -> tuple[Check, ...]:
    body = parsed(answer)
    told = body if isinstance(body, dict) else {}
    return (
        Check.of(
            sentence("{name} answers", name=named(name)),
            ok=answer.status_code == OK,
            found=answer.status_code,
            expected=OK,
        ),
        _same(sentence("{name} status", name=named(name)), told.get("status"), "ok"),
        _same(sentence("{name} database", name=named(name)), _status(told.get("database")), "ok"),
        _same(sentence("{name} redis", name=named(name)), _status(told.get("redis")), "ok"),
        _same(sentence("{name} version", name=named(name)), told.get("version"), version),
    )


def _status(part: Any) -> Any:
    """Read a dependency's state, which some versions tell as a word and some as an object with a status."""
    return part.get("status") if isinstance(part, dict) else part


def _same(name: str, found: Any, expected: str) -> Check:
    return Check.of(name, ok=found == expected, found="nothing" if found is None else found, expected=expected)
