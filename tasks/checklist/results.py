"""Read what a pipeline has left behind about a version: a file on disk, at an address or in S3, its age, its commit."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from tasks.checklist.subject import Subject
from tasks.checklist_settings import ResultsSettings
from tasks.clients.aws import error_code, s3, translated
from tasks.clients.shell import CommandFailedError, run, search_path
from tasks.clients.web import HttpRefusedError, open_web
from tasks.errors import PermanentError
from tasks.models import Check, Record
from tasks.sentences import named, sentence
from tasks.settings import Settings

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
LARGEST_BYTES = 50_000_000
CLOCKS_DIFFER_H = 0.1
MISSING = frozenset({"NoSuchKey", "404"})
NOT_FOUND = (404, 410)


class Results(Record):
    """Hold a file as it was read; ``commit`` is what a file beside it says, empty without one."""

    where: str
    body: bytes
    modified_at: datetime
    commit: str = ""


class NoResultsError(PermanentError):
    """Report that there are no results of this version where they should lie."""


def read_results(settings: Settings, results: ResultsSettings, subject: Subject) -> Results:
    """Run the command if there is one, then read the file it or a pipeline has written.

    Raises NoResultsError when there is none, RemoteError when its place cannot be reached.
    """
    if results.command:
        _run(settings, results, subject)
    where = results.file.format(version=subject.version, commit=subject.commit)
    folder = subject.folder if results.command else "."
    found = _read(settings, where, folder)
    if found is None:
        msg = f"could not find results at {where}; run the tests of {subject.commit[:7]} first, or correct the setting"
        raise NoResultsError(msg)
    beside = _read(settings, f"{where}.commit", folder)
    said = beside.body.decode("utf-8", "replace").strip() if beside else ""
    return found.model_copy(update={"commit": said})


def age_check(name: str, results: Results, max_age_h: float, now: datetime) -> Check:
    """Check that results are young enough; those from the future are as good as none."""
    age_h = (now - results.modified_at).total_seconds() / 3600
    fresh = -CLOCKS_DIFFER_H <= age_h <= max_age_h
    return Check.of(
        sentence("{what}: age", what=named(name)),
        ok=fresh,
        found=f"{age_h:.1f} h",
        expected=f"<= {max_age_h:g} h",
        note=sentence("written at {at} UTC", at=f"{results.modified_at:%Y-%m-%d %H:%M}"),
    )


def commit_check(name: str, found: str, subject: Subject) -> Check:
    """Check that results are of the very commit that is released; results that do not say are of another."""
    said = found.strip().lower()
    ok = bool(COMMIT.fullmatch(said)) and said == subject.commit
    found = said or sentence("none")
    return Check.of(sentence("{what}: commit", what=named(name)), ok=ok, found=found, expected=subject.commit)


def _run(settings: Settings, results: ResultsSettings, subject: Subject) -> None:
    variables = {"RELEASE_VERSION": subject.version, "RELEASE_COMMIT": subject.commit, "CI": "true"}
    env = {**search_path(settings.build.path), **variables}
    try:
        run(results.command, cwd=Path(subject.folder), env=env, timeout_s=results.timeout_s)
    except CommandFailedError:
        # Tests that fail end with another code than 0; what failed stands in their file.
        return


def _read(settings: Settings, where: str, folder: str) -> Results | None:
    scheme = urlsplit(where).scheme
    if scheme == "s3":
        return _read_s3(settings, where)
    if scheme in {"http", "https"}:
        return _read_web(settings, where)
    return _read_file(Path(folder) / where, where)


def _read_s3(settings: Settings, where: str) -> Results | None:
    place = urlsplit(where)
    try:
        with translated(sentence("read {where}", where=where)):
            answer = s3(settings.aws).get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
            body = answer["Body"].read(LARGEST_BYTES)
    except PermanentError as error:
        if error_code(error) in MISSING:
            return None
        raise
    return Results(where=where, body=body, modified_at=answer["LastModified"])


def _read_web(settings: Settings, where: str) -> Results | None:
    place = urlsplit(where)
    path = f"{place.path}?{place.query}" if place.query else place.path
    try:
        with open_web(f"{place.scheme}://{place.netloc}", timeout_s=settings.aws.request_timeout_s) as web:
            answer = web.call("GET", path, doing=sentence("read {netloc}{path}", netloc=place.netloc, path=place.path))
    except HttpRefusedError as error:
        if error.status in NOT_FOUND:
            return None
        raise
    told = answer.headers.get("last-modified", "")
    if not told:
        msg = sentence(
            "could not tell the age of {netloc}{path}: found no Last-Modified header, expected one",
            netloc=place.netloc,
            path=place.path,
        )
        raise PermanentError(msg)
    return Results(where=where, body=answer.content, modified_at=parsedate_to_datetime(told))


def _read_file(path: Path, where: str) -> Results | None:
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = sentence("could not read {where}: {why}", where=where, why=error.strerror)
        raise PermanentError(msg) from error
    return Results(where=where, body=body, modified_at=datetime.fromtimestamp(path.stat().st_mtime, UTC))
