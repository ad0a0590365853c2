"""Tell one Sentry project of releases and ask it what broke (https://docs.sentry.io/api/releases/)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tasks.clients.web import HttpRefusedError, Web, open_web, parsed
from tasks.errors import PermanentError
from tasks.monitoring_settings import SentrySettings
from tasks.secrets import read_secret
from tasks.sentences import named, sentence
from tasks.settings import AwsSettings


@contextmanager
def open_sentry(sentry: SentrySettings, aws: AwsSettings) -> Iterator["Sentry"]:
    """Open the API of one project; ``aws`` says where its token may be kept."""
    token = read_secret(sentry.token, aws)
    with open_web(sentry.url, timeout_s=sentry.timeout_s, bearer=token) as web:
        yield Sentry(web, sentry)


class Sentry:
    """Look at one project's releases and add to them; what adds goes out only from inside an effect."""

    def __init__(self, web: Web, sentry: SentrySettings) -> None:
        self._web = web
        self._project_name = sentry.project
        self._organization = f"/api/0/organizations/{quote(sentry.organization, safe='')}"
        self._project = f"/api/0/projects/{quote(sentry.organization, safe='')}/{quote(sentry.project, safe='')}"

    def has_release(self, release: str) -> bool:
        """Tell whether Sentry knows a release."""
        try:
            self._web.call(
                "GET", self._release(release), doing=sentence("look for {release} in Sentry", release=release)
            )
        except HttpRefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def create_release(self, release: str, commits: Sequence[Mapping[str, str]]) -> None:
        """Create a release with the commits it is made of."""
        body = {"version": release, "projects": [self._project_name], "commits": list(commits)}
        self._web.call(
            "POST",
            f"{self._organization}/releases/",
            doing=sentence("create {release} in Sentry", release=release),
            json=body,
        )

    def files(self, release: str) -> frozenset[str]:
        """Return the names of what was uploaded for a release."""
        path = f"{self._project}/releases/{quote(release, safe='')}/files/"
        return frozenset(
            str(item["name"])
            for item in self._list(path, doing=sentence("list the files of {release} in Sentry", release=release))
        )

    def upload(self, release: str, name: str, file: Path, headers: Sequence[str] = ()) -> None:
        """Upload a file under the name browsers know it by; ``headers`` are those Sentry takes it to be served with."""
        self._web.call(
            "POST",
            f"{self._project}/releases/{quote(release, safe='')}/files/",
            doing=sentence("upload {name} to Sentry", name=name),
            data={"name": name, "header": list(headers)},
            files={"file": (file.name, file.read_bytes())},
        )

    def deploys(self, release: str) -> frozenset[str]:
        """Return the names of a release's deploys."""
        path = f"{self._release(release)}deploys/"
        return frozenset(
            str(item.get("name"))
            for item in self._list(path, doing=sentence("list the deploys of {release}", release=release))
        )

    def create_deploy(self, release: str, environment: str, name: str) -> None:
        """Say that a release was deployed to an environment."""
        body = {"environment": environment, "name": name}
        self._web.call(
            "POST", f"{self._release(release)}deploys/", doing=sentence("tell Sentry of {name}", name=name), json=body
        )

    def new_issues(self, release: str) -> int:
        """Count the issues that were first seen in a release, up to the hundred that Sentry tells at once."""
        doing = sentence("ask Sentry for the new issues of {release}", release=release)
        return len(self._list(f"{self._project}/issues/", doing=doing, params={"query": f'firstRelease:"{release}"'}))

    def _release(self, release: str) -> str:
        return f"{self._organization}/releases/{quote(release, safe='')}/"

    def _list(self, path: str, *, doing: str, **options: Any) -> list[dict[str, Any]]:
        found = parsed(self._web.call("GET", path, doing=doing, **options))
        if not isinstance(found, list):
            msg = sentence(
                "could not {doing}: found an answer of {kind}, expected a list",
                doing=named(doing),
                kind=type(found).__name__,
            )
            raise PermanentError(msg)
        return found
