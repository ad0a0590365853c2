"""Checklist: the very commit is fast enough on staging (guide: P95 < 300 ms, P99 < 1 s).

A pipeline's measurement counts when it is young and of this commit, good or bad; without one staging is measured now,
where the environment says how it is reached.
"""

import json
from typing import Any, NamedTuple

from tasks.api_load import load_api
from tasks.checklist.results import NoResultsError, age_check, commit_check, read_results
from tasks.checklist.subject import Subject
from tasks.checklist_settings import PerformanceResultsSettings
from tasks.clients.load import Load
from tasks.clients.web import open_web, parsed
from tasks.models import Check, Outcome
from tasks.sentences import sentence
from tasks.settings import Settings

NAME = "performance on staging"


class Told(NamedTuple):
    """Hold what a file of results says: its numbers, and whether it is of this version and young."""

    numbers: tuple[Check, ...]
    about: tuple[Check, ...]

    @property
    def counts(self) -> bool:
        """Tell whether it says anything of this version as it is now."""
        return all(check.outcome is Outcome.PASSED for check in self.about)


class Numbers(NamedTuple):
    """Hold what a load found; of several addresses the worst."""

    p97_5_ms: float
    p99_ms: float
    failed: int
    requests: int


def check_performance(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Read P97.5 as an upper bound of P95, P99, errors, and how many requests there were, or measure them."""
    wanted = settings.checklist.performance
    if wanted is None:
        why = sentence("{key} is not set: nobody knows where the results lie", key="checklist.performance")
        return (Check.skipped(NAME, why),)
    told = _read(settings, wanted, subject) if wanted.file else None
    if told and (told.counts or not wanted.staging_url):
        return (*told.numbers, *told.about)
    return _measure(settings, wanted, subject)


def _read(settings: Settings, wanted: PerformanceResultsSettings, subject: Subject) -> Told:
    """Read what ``autocannon --json`` has written; its ``--title`` may tell the commit.

    https://github.com/mcollina/autocannon#autocannonopts-cb.
    """
    try:
        results = read_results(settings, wanted, subject)
    except NoResultsError as error:
        return Told(
            (), (Check.of(NAME, ok=False, found=error, expected=sentence("autocannon's JSON of this version")),)
        )
    try:
        told = json.loads(results.body)
        numbers = _numbers_of(told)
    except (ValueError, KeyError, TypeError) as error:
        found = f"{results.where}: {type(error).__name__}: {error}"
        return Told((), (Check.of(NAME, ok=False, found=found, expected=sentence("JSON as autocannon writes it")),))
    commit = results.commit or str(told.get("title") or "")
    about = (age_check(NAME, results, wanted.max_age_h, subject.now), commit_check(NAME, commit, subject))
    return Told(_judge(wanted, numbers), about)


def _numbers_of(told: Any) -> Numbers:
    latency, requests = told["latency"], int(told["requests"]["total"])
    failed = sum(int(told[name]) for name in ("errors", "timeouts", "non2xx"))
    return Numbers(float(latency["p97_5"]), float(latency["p99"]), failed, requests)


def _measure(settings: Settings, wanted: PerformanceResultsSettings, subject: Subject) -> tuple[Check, ...]:
    """Load staging as long and as hard as production is loaded afterwards, when it runs this very version."""
    version = _version_check(settings, wanted.staging_url, subject)
    if version.outcome is not Outcome.PASSED:
        return (version,)
    worst = _worst(load_api(settings, wanted.staging_url, wanted.token))
    return (*_judge(wanted, worst, sentence("measured now at {url}", url=wanted.staging_url)), version)


def _worst(loads: tuple[Load, ...]) -> Numbers:
    return Numbers(
        max(load.p97_5_ms for load in loads),
        max(load.p99_ms for load in loads),
        sum(load.server_errors + load.unanswered for load in loads),
        sum(load.requests for load in loads),
    )


def _version_check(settings: Settings, url: str, subject: Subject) -> Check:
    with open_web(url, timeout_s=settings.health.timeout_s) as web:
        body = parsed(web.ask("GET", settings.health.path, doing="ask the health of staging"))
    found = body.get("version") if isinstance(body, dict) else None
    right = found == subject.version
    return Check.of("performance on staging: version", ok=right, found=found or "nothing", expected=subject.version)


def _judge(wanted: PerformanceResultsSettings, found: Numbers, where: str = "") -> tuple[Check, ...]:
    rate = found.failed / max(1, found.requests)
    return (
        _below("performance on staging: P97.5", found.p97_5_ms, wanted.p95_ms, where),
        _below("performance on staging: P99", found.p99_ms, wanted.p99_ms),
        Check.of(
            "performance on staging: errors",
            ok=rate <= wanted.error_rate,
            found=f"{found.failed} / {found.requests:,} ({rate:.2%})",
            expected=f"<= {wanted.error_rate:.2%}",
        ),
        Check.of(
            "performance on staging: requests",
            ok=found.requests >= wanted.least_requests,
            found=f"{found.requests:,}",
            expected=f">= {wanted.least_requests:,}",
        ),
    )


def _below(name: str, found_ms: float, bound_ms: float, note: str = "") -> Check:
    ok, expected = found_ms < bound_ms, f"< {bound_ms:g} ms"
    return Check.of(name, ok=ok, found=f"{found_ms:g} ms", expected=expected, note=note)
