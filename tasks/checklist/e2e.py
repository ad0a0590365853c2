"""Checklist: all end-to-end tests passed, lately, on the very commit that is released (guide: E2E 100 %)."""

from typing import Any

from junitparser import JUnitXml, TestSuite
from junitparser.junitparser import JUnitXmlError

from tasks.checklist.results import NoResultsError, Results, age_check, commit_check, read_results
from tasks.checklist.subject import Subject
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import Settings

NAME = "E2E"
COMMIT_NAMES = ("commit", "git.commit", "revision", "git_commit", "GIT_COMMIT")
NAMED = 3


def check_e2e(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Read the JUnit XML of the version's end-to-end tests: their number, their failures, their age, their commit.

    A file without a test is no proof; a file that does not say its commit is of another one.
    """
    wanted = settings.checklist.e2e
    if wanted is None:
        why = sentence("{key} is not set: nobody knows where the results lie", key="checklist.e2e")
        return (Check.skipped(NAME, why),)
    try:
        results = read_results(settings, wanted, subject)
    except NoResultsError as error:
        return (Check.of(NAME, ok=False, found=error, expected=sentence("JUnit XML of this version")),)
    try:
        report = JUnitXml.fromstring(results.body)
    except (JUnitXmlError, SyntaxError, ValueError, LookupError) as error:
        found = f"{results.where}: {type(error).__name__}: {error}"
        return (Check.of(NAME, ok=False, found=found, expected=sentence("readable JUnit XML")),)
    return (
        _passed(report, results),
        age_check(NAME, results, wanted.max_age_h, subject.now),
        commit_check(NAME, results.commit or _commit_of(report), subject),
    )


def _passed(report: JUnitXml, results: Results) -> Check:
    """Count the cases that ran and failed; a failure that only a suite tells of counts, too."""
    cases = [case for suite in report for case in suite]
    bad = [case for case in cases if case.is_failure or case.is_error]
    run = len(cases) - sum(case.is_skipped for case in cases)
    failed = max(len(bad), *(_declared(element) for element in (report, *report)))
    names = ", ".join(str(case.name) for case in bad[:NAMED])
    count = sentence("{failed} of {run} failed", failed=failed, run=run)
    return Check.of(
        "E2E: tests",
        ok=run >= 1 and not failed,
        found=sentence("{what}: {why}", what=count, why=names) if names else count,
        expected=sentence("0 failed of at least 1"),
        note=sentence("{count} skipped; {where}", count=len(cases) - run, where=results.where),
    )


def _commit_of(report: JUnitXml) -> str:
    """Return the commit that the file tells, as a property or an attribute of its suites; several are none."""
    told = {said for element in (report, *report) if (said := _told(element))}
    return told.pop() if len(told) == 1 else ", ".join(sorted(told))


def _declared(element: JUnitXml | TestSuite) -> int:
    """Return how many failures a suite itself tells of; a word that is no number is one."""
    told = [str(_xml(element).get(name) or "0") for name in ("failures", "errors")]
    return sum(int(number) if number.isdecimal() else 1 for number in told)


def _xml(element: JUnitXml | TestSuite) -> Any:
    """Return what was read: junitparser counts anew when it is asked, and knows few attributes."""
    return element._elem  # noqa: SLF001


def _told(element: JUnitXml | TestSuite) -> str:
    xml = _xml(element)
    properties = {each.get("name"): each.get("value") for each in xml.iterfind("properties/property")}
    said = (properties.get(name) or xml.get(name) for name in COMMIT_NAMES)
    return next((str(word) for word in said if word), "")
