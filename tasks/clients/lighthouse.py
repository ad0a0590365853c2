"""Audit a page with Lighthouse in a headless Chromium (https://github.com/GoogleChrome/lighthouse)."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tasks.clients.node import Project
from tasks.errors import PermanentError
from tasks.models import Record
from tasks.sentences import sentence

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CATEGORIES: Final = ("performance", "accessibility")
FLAGS: Final = ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage")


class PageAudit(Record):
    """Hold what Lighthouse found of a page; scores are fractions, the layout shift has no unit."""

    url: str
    performance: float
    accessibility: float
    largest_contentful_paint_ms: float
    total_blocking_time_ms: float
    layout_shift: float
    page_kb: float


def find_browser(configured: str) -> str | None:
    """Return the Chromium to use: the configured one, else the first known name on PATH, else None."""
    names = (configured,) if configured else BROWSERS
    return next((found for name in names if (found := shutil.which(name))), None)


def audit_page(tool: Path, url: str, browser: str, *, path: Sequence[str], timeout_s: float) -> PageAudit:
    """Load a page as Lighthouse's slow phone does and return what it found.

    Raises CommandFailedError when Lighthouse fails, PermanentError when the page could not be audited.
    """
    flags = (*FLAGS, "--no-sandbox") if os.geteuid() == 0 else FLAGS  # Chromium has no sandbox for root
    with tempfile.TemporaryDirectory(prefix="greenflow-lighthouse-") as folder:
        report = Path(folder) / "report.json"
        Project(tool, path, env={"CHROME_PATH": browser}).run(
            (
                "node",
                "node_modules/lighthouse/cli/index.js",
                url,
                "--quiet",
                "--output=json",
                f"--output-path={report}",
                f"--only-categories={','.join(CATEGORIES)}",
                f"--chrome-flags={' '.join(flags)}",
            ),
            timeout_s=timeout_s,
            on_line=lambda _: None,
        )
        return _read(url, json.loads(report.read_text("utf-8")))


def _read(url: str, report: Mapping[str, Any]) -> PageAudit:
    if error := report.get("runtimeError"):
        msg = sentence("could not audit {url}: {found}", url=url, found=error.get("message") or error.get("code"))
        raise PermanentError(msg)
    scores = {name: report["categories"][name]["score"] or 0 for name in CATEGORIES}
    numbers = {name: audit.get("numericValue") or 0 for name, audit in report["audits"].items()}
    return PageAudit(
        url=url,
        performance=scores["performance"],
        accessibility=scores["accessibility"],
        largest_contentful_paint_ms=round(numbers["largest-contentful-paint"], 1),
        total_blocking_time_ms=round(numbers["total-blocking-time"], 1),
        layout_shift=round(numbers["cumulative-layout-shift"], 4),
        page_kb=round(numbers["total-byte-weight"] / 1000, 1),
    )
