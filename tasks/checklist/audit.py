"""Checklist: npm knows no serious advisory of what the release is made of (guide: npm audit)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.checklist.subject import Subject
from tasks.checklist_settings import AuditSettings, ToleratedAdvisory
from tasks.clients.node import Project
from tasks.clients.shell import CommandFailedError
from tasks.models import Check, Record
from tasks.sentences import joined, sentence
from tasks.settings import Settings

NAME = "npm audit"
SEVERITIES = ("info", "low", "moderate", "high", "critical")
SHOWN = 5


class Advisory(Record):
    """Hold one advisory npm tells of; ``id`` is its name at GitHub, or its address."""

    id: str
    package: str
    severity: str
    title: str


class UnreadableAuditError(ValueError):
    """Report an answer that is no audit: an endpoint that failed has not said that all is well."""


def check_audit(settings: Settings, subject: Subject) -> tuple[Check, ...]:
    """Run ``npm audit --json`` in each project's lock file; only an audit that was answered can pass.

    https://docs.npmjs.com/cli/v11/commands/npm-audit
    """
    audit = settings.checklist.audit
    projects = _projects(settings)
    if not projects:
        return (Check.skipped(NAME, sentence("{key} is empty: nothing is audited", key="checklist.audit.projects")),)
    return tuple(check for project in projects for check in _audited(settings, audit, subject, project))


def read_audit(said: str) -> tuple[Mapping[str, int], tuple[Advisory, ...]]:
    """Return npm's counts by severity and its advisories; raises UnreadableAuditError for anything but an audit."""
    try:
        told = json.loads(said)
    except ValueError:
        msg = sentence("no JSON: {said}", said=repr(said[:120]))
        raise UnreadableAuditError(msg) from None
    if not isinstance(told, dict) or "auditReportVersion" not in told:
        why = told.get("message") if isinstance(told, dict) else None
        msg = sentence("no audit: {why}", why=why or said[:120])
        raise UnreadableAuditError(msg)
    try:
        counts = {name: int(told["metadata"]["vulnerabilities"][name]) for name in SEVERITIES}
        found = {advisory.id: advisory for advisory in _advisories(told["vulnerabilities"])}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = sentence("an audit without its parts: {kind}: {error}", kind=type(error).__name__, error=error)
        raise UnreadableAuditError(msg) from error
    return counts, tuple(found[key] for key in sorted(found))


def _audited(settings: Settings, audit: AuditSettings, subject: Subject, project: str) -> tuple[Check, ...]:
    name = sentence("npm audit: {project}", project=project)
    try:
        counts, advisories = read_audit(_ask_npm(settings, audit, Path(subject.folder) / project))
    except UnreadableAuditError as error:
        expected, note = sentence("an answered audit"), sentence("an error is no clean audit")
        return (Check.of(name, ok=False, found=error, expected=expected, note=note),)
    serious = [each for each in advisories if _rank(each.severity) >= _rank(audit.level)]
    tolerated = {each.advisory: each for each in audit.tolerated if each.until >= subject.now.date()}
    open_ones = [each for each in serious if each.id not in tolerated]
    return (
        Check.of(
            name,
            # npm's own count is asked as well: an advisory in words nobody knows is still one.
            ok=not open_ones and (bool(serious) or not _at_least(counts, audit.level)),
            found=_told(counts, open_ones),
            expected=sentence("none of {level} or worse", level=audit.level),
            note=_expired(audit, serious, subject) or _tolerated(tolerated, serious),
        ),
    )


def _projects(settings: Settings) -> tuple[str, ...]:
    known = settings.checklist.audit.projects
    both = (settings.source.website_directory, settings.source.backend_directory)
    return tuple(dict.fromkeys(both)) if known is None else known


def _ask_npm(settings: Settings, audit: AuditSettings, folder: Path) -> str:
    """Return what npm prints; it ends with 1 for a finding and for an error alike, so its words decide."""
    # A registry that does not answer is asked again by the row as a whole, not by npm for minutes.
    env = {"npm_config_fetch_retries": "0", **({"npm_config_registry": audit.registry} if audit.registry else {})}
    command = ("npm", "audit", f"--audit-level={audit.level}", "--json", "--package-lock-only")
    try:
        project = Project(folder, settings.build.path, env)
        return project.run(command, timeout_s=audit.timeout_s, on_line=lambda _: None).stdout
    except CommandFailedError as error:
        return error.stdout


def _advisories(vulnerabilities: Mapping[str, Any]) -> Iterator[Advisory]:
    for package, found in vulnerabilities.items():
        for via in found["via"]:
            if isinstance(via, str):
                continue  # another package of this list, which tells its own advisory
            url = str(via.get("url", ""))
            yield Advisory(
                id=url.rpartition("/")[2] or f"npm-{via['source']}",
                package=package,
                severity=str(via["severity"]),
                title=str(via.get("title", "")),
            )


def _rank(severity: str) -> int:
    """Return how serious a severity is; one that nobody knows is the worst."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _at_least(counts: Mapping[str, int], level: str) -> int:
    return sum(count for severity, count in counts.items() if _rank(severity) >= _rank(level))


def _told(counts: Mapping[str, int], open_ones: list[Advisory]) -> str:
    # Severities and titles are npm's own words.
    by = ", ".join(f"{counts[severity]} {severity}" for severity in reversed(SEVERITIES) if counts[severity])
    what = by or sentence("none")
    told = [sentence("{id} in {package} ({severity}: {title})", **each.model_dump()) for each in open_ones[:SHOWN]]
    if len(open_ones) > SHOWN:
        told.append(sentence("and {count} more", count=len(open_ones) - SHOWN))
    return sentence("{what}: {why}", what=what, why=joined("; ", told)) if told else what


def _expired(audit: AuditSettings, serious: list[Advisory], subject: Subject) -> str:
    ids = {each.id for each in serious}
    over = [each for each in audit.tolerated if each.advisory in ids and each.until < subject.now.date()]
    told = [sentence("{name} was tolerated until {day}", name=each.advisory, day=each.until) for each in over]
    return joined("; ", told)


def _tolerated(tolerated: Mapping[str, ToleratedAdvisory], serious: list[Advisory]) -> str:
    used = [tolerated[each.id] for each in serious if each.id in tolerated]
    told = [
        sentence("{name} tolerated until {day}: {why}", name=each.advisory, day=each.until, why=each.why)
        for each in used
    ]
    return joined("; ", told)
