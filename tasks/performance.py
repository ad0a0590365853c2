"""5.2 Load the API's read paths and audit the page, both against budgets (guide 5.2)."""

import logging
from pathlib import Path

from tasks.api_load import load_api, load_tool
from tasks.clients.lighthouse import PageAudit, audit_page, find_browser
from tasks.clients.load import Load
from tasks.clients.node_tools import node_tool
from tasks.models import Check, Evidence
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.stage import stage
from tasks.verification_settings import LighthouseSettings, PerformanceSettings

log = logging.getLogger("greenflow.performance")

LIGHTHOUSE = "lighthouse"


class PerformanceProof(Evidence):
    """Hold what was measured; ``page`` is None where no browser is."""

    loads: tuple[Load, ...]
    page: PageAudit | None


@stage("5.2 prepare the load test", REPEATABLE)
def prepare_performance(settings: Settings) -> Evidence:
    """Install what 5.2 measures with while nobody waits for it; raises RemoteError when that fails."""
    audit = [] if _why_no_audit(settings.performance.lighthouse) else [_lighthouse(settings)]
    found = ", ".join(folder.name for folder in (load_tool(settings), *audit))
    return Evidence(checks=(Check.of(named("tools of the load test"), ok=True, found=found, expected=found),))


@stage("5.2 measure the performance", REPEATABLE)
def measure_performance(settings: Settings) -> PerformanceProof:
    """Measure what the public gets; raises what ``check_performance`` raises."""
    return check_performance(settings, api_url=settings.load_balancer.url, site_url=settings.site.url)


def check_performance(settings: Settings, *, api_url: str, site_url: str) -> PerformanceProof:
    """Load the API's read paths at one address, then audit the site at another, against this environment's budgets.

    Raises RemoteError when a tool cannot be installed or does not run.
    """
    loads = load_api(settings, api_url, settings.performance.token)
    checks = [check for load in loads for check in judge_load(load, settings.performance)]
    bounds = settings.performance.lighthouse
    if why := _why_no_audit(bounds):
        return PerformanceProof(checks=(*checks, Check.skipped("Lighthouse", why)), loads=loads, page=None)
    page = _audit(settings, site_url)
    return PerformanceProof(checks=(*checks, *judge_page(page, bounds)), loads=loads, page=page)


def judge_load(load: Load, bounds: PerformanceSettings) -> tuple[Check, ...]:
    """Hold one address's measurement against its bounds."""
    bad, least = load.server_errors + load.unanswered, bounds.least_requests
    asked = sentence("{requests} requests, P50 {p50} ms, slowest {max} ms", **_numbers(load))
    errors = sentence("{bad} of {requests}: {server} of 5xx, {lost} without an answer", bad=bad, **_numbers(load))
    return (
        _below(
            sentence("P97.5 of {url}, which P95 cannot exceed", url=load.url), load.p97_5_ms, bounds.p97_5_ms, asked
        ),
        _below(sentence("P99 of {url}", url=load.url), load.p99_ms, bounds.p99_ms),
        Check.of(sentence("errors of {url}", url=load.url), ok=bad == 0, found=errors, expected="0"),
        Check.of(
            sentence("requests to {url}", url=load.url),
            ok=load.requests >= least,
            found=load.requests,
            expected=f">= {least}",
        ),
    )


def judge_page(page: PageAudit, bounds: LighthouseSettings) -> tuple[Check, ...]:
    """Hold one page's audit against its bounds."""
    shift, weight = page.layout_shift, page.page_kb
    return (
        _score(named("Lighthouse performance"), page.performance, bounds.performance, page.url),
        _score(named("Lighthouse accessibility"), page.accessibility, bounds.accessibility, page.url),
        _below(named("largest contentful paint"), page.largest_contentful_paint_ms, bounds.largest_contentful_paint_ms),
        _below(named("total blocking time"), page.total_blocking_time_ms, bounds.total_blocking_time_ms),
        Check.of(
            named("layout shift"), ok=shift <= bounds.layout_shift, found=shift, expected=f"<= {bounds.layout_shift:g}"
        ),
        Check.of(
            named("page weight"),
            ok=weight <= bounds.page_kb,
            found=f"{weight:g} kB",
            expected=f"<= {bounds.page_kb:g} kB",
        ),
    )


def _numbers(load: Load) -> dict[str, str | int]:
    return {
        "requests": load.requests,
        "p50": f"{load.p50_ms:g}",
        "max": f"{load.max_ms:g}",
        "server": load.server_errors,
        "lost": load.unanswered,
    }


def _audit(settings: Settings, site_url: str) -> PageAudit:
    bounds = settings.performance.lighthouse
    browser = find_browser(bounds.chromium) or ""
    log.info("auditing %s", site_url)
    return audit_page(_lighthouse(settings), site_url, browser, path=settings.build.path, timeout_s=bounds.timeout_s)


def _why_no_audit(bounds: LighthouseSettings) -> str | None:
    if not bounds.enabled:
        return sentence("off in this environment: {key} is false", key="performance.lighthouse.enabled")
    if find_browser(bounds.chromium) is None:
        browser, key = bounds.chromium or "chromium", "performance.lighthouse.chromium"
        return sentence("there is no {browser} here: install it, or name one in {key}", browser=browser, key=key)
    return None


def _lighthouse(settings: Settings) -> Path:
    return node_tool(LIGHTHOUSE, home=settings.performance.tools, path=settings.build.path)


def _below(name: str, found_ms: float, bound_ms: float, note: str = "") -> Check:
    ok, expected = found_ms < bound_ms, f"< {bound_ms:g} ms"
    return Check.of(name, ok=ok, found=f"{found_ms:g} ms", expected=expected, note=note)


def _score(name: str, found: float, bound: float, url: str) -> Check:
    return Check.of(name, ok=found >= bound, found=f"{found:.2f}", expected=f">= {bound:.2f}", note=url)
