"""Checklist: the very commit is fast enough on staging, as autocannon has found (guide: P95 < 300 ms, P99 < 1 s)."""

import json
from typing import Any

from tasks.checklist.results import NoResultsError, age_check, commit_check, read_results
from tasks.checklist.subject import Subject
from tasks.checklist_settings import PerformanceResultsSettings
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import Settings

NAME = "performance on staging"


def check_performance(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Read what ``autocannon --json`` has written: P97.5 as an upper bound of P95, P99, errors, how many requests.

    https://github.com/mcollina/autocannon#autocannonopts-cb. Its ``--title`` may tell the commit.
    """
    wanted = settings.checklist.performance
    if wanted is None:
        why = sentence("{key} is not set: nobody knows where the results lie", key="checklist.performance")
        return (Check.skipped(NAME, why),)
    try:
        results = read_results(settings, wanted, subject)
    except NoResultsError as error:
        return (Check.of(NAME, ok=False, found=error, expected=sentence("autocannon's JSON of this version")),)
    try:
        told = json.loads(results.body)
        numbers = _numbers(wanted, told)
    except (ValueError, KeyError, TypeError) as error:
        found = f"{results.where}: {type(error).__name__}: {error}"
        return (Check.of(NAME, ok=False, found=found, expected=sentence("JSON as autocannon writes it")),)
    return (
        *numbers,
        age_check(NAME, results, wanted.max_age_h, subject.now),
        commit_check(NAME, results.commit or str(told.get("title") or ""), subject),
    )


def _numbers(wanted: PerformanceResultsSettings, told: Any) -> tuple[Check, ...]:
    latency, requests = told["latency"], int(told["requests"]["total"])
    failed = sum(int(told[name]) for name in ("errors", "timeouts", "non2xx"))
    rate = failed / max(1, requests)
    return (
        _below("performance on staging: P97.5", float(latency["p97_5"]), wanted.p95_ms),
        _below("performance on staging: P99", float(latency["p99"]), wanted.p99_ms),
        Check.of(
            "performance on staging: errors",
            ok=rate <= wanted.error_rate,
            found=f"{failed} / {requests:,} ({rate:.2%})",
            expected=f"<= {wanted.error_rate:.2%}",
        ),
        Check.of(
            "performance on staging: requests",
            ok=requests >= wanted.least_requests,
            found=f"{requests:,}",
            expected=f">= {wanted.least_requests:,}",
        ),
    )


def _below(name: str, found_ms: float, bound_ms: float) -> Check:
    return Check.of(name, ok=found_ms < bound_ms, found=f"{found_ms:g} ms", expected=f"< {bound_ms:g} ms")
