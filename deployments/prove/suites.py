"""Run the trials that are tests: real processes, clicks, decisions, broken parts; count them by pytest's own report."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from pydantic import BaseModel

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Suite:
    """Name trials that are tests, and where they are; ``marked`` and ``only`` are pytest's -m and -k."""

    name: str
    files: tuple[str, ...]
    marked: str = ""
    only: str = ""


class SuiteRun(BaseModel):
    """Hold how many of a suite's tests passed, and which did not."""

    name: str
    files: tuple[str, ...]
    passed: int
    failed: int
    took_s: float
    failures: tuple[str, ...] = ()
    measured: dict[str, float] = {}


ENDINGS = "tests/rehearsal/test_endings.py"
SUITES = (
    Suite("real processes of a release killed for good, under load", (ENDINGS,), "slow", "killed_for_good"),
    Suite("decisions: all states of the real core, its mutants", ("tests/core/test_explorer.py",)),
    Suite("clicks and callers that may not decide", ("tests/deployments/test_approvals_table.py",)),
    Suite("clicks over HTTP: forged, unsigned, replayed, malformed", ("tests/deployments/test_approvals_http.py",)),
    Suite("the guard as a process, zombies, two guards", ("tests/deployments/guard/test_guard_process.py",)),
    Suite("the guard's looks: late requests, drift, two owners", ("tests/deployments/guard/test_watchman.py",)),
    Suite("secrets, with Prefect's database", ("tests/rehearsal/test_secrets.py",), "slow"),
)


def run_suite(suite: Suite) -> SuiteRun:
    """Run a suite's tests and count them; one that could not be collected counts as failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="greenflow-prove-") as folder:
        report = Path(folder) / "report.xml"
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *suite.files]
        argv += [word for flag, value in (("-m", suite.marked), ("-k", suite.only)) if value for word in (flag, value)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        if not report.exists():
            return _not_run(suite, done.stdout[-400:])
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - our own pytest wrote it
    failures = [case.get("name", "?") for case in cases if {"failure", "error"} & {child.tag for child in case}]
    skipped = sum("skipped" in {child.tag for child in case} for case in cases)
    return SuiteRun(
        name=suite.name,
        files=suite.files,
        passed=len(cases) - len(failures) - skipped,
        failed=len(failures),
        took_s=round(time.monotonic() - began, 1),
        failures=tuple(failures),
        measured=_measured(cases),
    )


def _measured(cases: list[ET.Element]) -> dict[str, float]:
    """Return what the tests have measured themselves: pytest's ``record_property``."""
    return {
        f"{case.get('name')}: {each.get('name')}": float(each.get("value", "nan"))
        for case in cases
        for each in case.iter("property")
    }


def _not_run(suite: Suite, said: str) -> SuiteRun:
    return SuiteRun(name=suite.name, files=suite.files, passed=0, failed=1, took_s=0.0, failures=(said,))
