"""npm's audit passes when npm was answered and knows nothing serious that nobody tolerates; real npm asks."""

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

import deployments.twin
from deployments.twin.npm_registry import Advisory, NpmRegistry
from tasks.checklist.audit import UnreadableAuditError, check_audit, read_audit
from tasks.checklist_settings import AuditSettings, ToleratedAdvisory
from tasks.models import Check, Outcome
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import failed, subject

BACKEND = Path(deployments.twin.__file__).parent / "backend"


@pytest.fixture(scope="module")
def npm() -> Iterator[NpmRegistry]:
    with NpmRegistry() as registry:
        yield registry


@pytest.fixture
def source(tmp_path: Path, npm: NpmRegistry) -> Path:
    """A project with the API's own lock file, and a registry that knows nothing bad yet."""
    npm.clear()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(BACKEND / name, tmp_path / name)
    return tmp_path


def asked(new_settings: NewSettings, npm: NpmRegistry, folder: Path, **changes: Any) -> tuple[Check, ...]:
    settings = new_settings()
    audit = AuditSettings(projects=(".",), registry=npm.url, **changes)
    checklist = settings.checklist.model_copy(update={"audit": audit})
    return check_audit(settings.model_copy(update={"checklist": checklist}), subject(folder=folder))


def tolerated(until: date) -> tuple[ToleratedAdvisory, ...]:
    return (ToleratedAdvisory(advisory="GHSA-twin-twin-twin", until=until, why="only the migrations use it"),)


def test_packages_without_an_advisory_pass(new_settings: NewSettings, npm: NpmRegistry, source: Path) -> None:
    before = npm.audits
    (check,) = asked(new_settings, npm, source)
    assert (check.outcome, check.found) == (Outcome.PASSED, "none")
    assert npm.audits == before + 1


def test_a_serious_advisory_is_refused_by_its_name_until_somebody_tolerates_it(
    new_settings: NewSettings, npm: NpmRegistry, source: Path
) -> None:
    npm.advisories.append(Advisory("pg"))
    (check,) = asked(new_settings, npm, source)
    assert check.outcome is Outcome.FAILED
    assert "GHSA-twin-twin-twin in pg (high: Prototype pollution)" in check.found
    (check,) = asked(new_settings, npm, source, tolerated=tolerated(date(2026, 11, 20)))
    assert check.outcome is Outcome.PASSED
    assert check.note == "GHSA-twin-twin-twin tolerated until 2026-11-20: only the migrations use it"
    (check,) = asked(new_settings, npm, source, tolerated=tolerated(date(2026, 11, 19)))
    assert check.outcome is Outcome.FAILED
    assert check.note == "GHSA-twin-twin-twin was tolerated until 2026-11-19"


def test_what_is_less_serious_is_counted_and_passes(new_settings: NewSettings, npm: NpmRegistry, source: Path) -> None:
    npm.advisories.append(Advisory("pg", severity="moderate"))
    (check,) = asked(new_settings, npm, source)
    assert check.outcome is Outcome.PASSED
    assert "moderate" in check.found


@pytest.mark.parametrize(
    "trouble", [Response(b'{"error": "no"}', 500), Response(b"no", 405), Response(b"<html>sign in</html>", 200)]
)
def test_an_endpoint_in_trouble_has_not_said_that_all_is_well(
    new_settings: NewSettings, npm: NpmRegistry, source: Path, trouble: Response
) -> None:
    npm.trouble = trouble
    (check,) = asked(new_settings, npm, source)
    assert check.outcome is Outcome.FAILED
    assert check.found.startswith("no audit: ")
    assert check.note == "an error is no clean audit"


def test_a_project_without_a_lock_file_is_not_clean(new_settings: NewSettings, npm: NpmRegistry, source: Path) -> None:
    (source / "package-lock.json").unlink()
    assert failed(asked(new_settings, npm, source)) == ["npm audit: ."]


def report(**changes: Any) -> str:
    counts = dict.fromkeys(("info", "low", "moderate", "high", "critical", "total"), 0)
    return json.dumps(
        {"auditReportVersion": 2, "vulnerabilities": {}, "metadata": {"vulnerabilities": counts}} | changes
    )


def test_an_audit_without_findings_is_read() -> None:
    assert read_audit(report()) == (dict.fromkeys(("info", "low", "moderate", "high", "critical"), 0), ())


@pytest.mark.parametrize("said", ["", "[]", "null", "{}", report(metadata={}), report(vulnerabilities={"pg": {}})])
def test_anything_but_an_audit_is_unreadable(said: str) -> None:
    with pytest.raises(UnreadableAuditError):
        read_audit(said)
