"""Call Vercel's REST API for one project; how it answers is in its OpenAPI document (https://openapi.vercel.sh)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.clients.web import HttpRefusedError, Web, open_web
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import AwsSettings, SiteSettings

CONFLICT = 409
PENDING = frozenset({"pending", "in-progress"})
REQUEST_TIMEOUT_S = 30


@dataclass(frozen=True)
class SiteFile:
    """Hold one file as Vercel knows it: by the SHA-1 of its content."""

    name: str
    sha1: str
    size_bytes: int
    path: Path

    @property
    def document(self) -> dict[str, object]:
        """Give the file as a deployment names it."""
        return {"file": self.name, "sha": self.sha1, "size": self.size_bytes}


@dataclass(frozen=True)
class Deployment:
    """Hold one deployment as Vercel tells it; ``host`` is its immutable address without a scheme."""

    id: str
    host: str
    state: str
    target: str
    meta: Mapping[str, str]
    error: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Deployment":
        """Read a deployment from its own answer or from an item of the list, whose names differ."""
        return cls(
            id=str(document.get("id") or document.get("uid") or ""),
            host=str(document.get("url") or ""),
            state=str(document.get("readyState") or document.get("state") or ""),
            target=str(document.get("target") or ""),
            meta={str(name): str(value) for name, value in (document.get("meta") or {}).items()},
            error=str(document.get("errorMessage") or ""),
        )


@dataclass(frozen=True)
class DomainState:
    """Hold which deployment has the production domain, and the last promotion or rollback anybody asked for.

    ``last_change`` is a sentence that differs for every request; empty when nobody ever asked.
    """

    production: str
    last_change: str = ""
    last_change_to: str = ""
    is_pending: bool = False

    @classmethod
    def of(cls, project: Mapping[str, Any]) -> "DomainState":
        """Read it from the project's answer."""
        production = str(((project.get("targets") or {}).get("production") or {}).get("id") or "")
        asked = project.get("lastAliasRequest")
        if not asked:
            return cls(production)
        to, at = str(asked.get("toDeploymentId") or ""), asked.get("requestedAt")
        return cls(
            production,
            last_change=f"{asked.get('type')} to {to} requested at {at}",
            last_change_to=to,
            is_pending=asked.get("jobStatus") in PENDING,
        )


@dataclass(frozen=True)
class RollingRelease:
    """Hold the project's last rolling release: whose it is, its stage, and the percent of visitors it has now."""

    is_active: bool = False
    canary_id: str = ""
    stage: int = 0
    percent: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> "RollingRelease":
        """Read it from Vercel's answer, which is null before the first."""
        stage = (document or {}).get("activeStage") or {}
        return cls(
            is_active=(document or {}).get("state") == "ACTIVE",
            canary_id=str(((document or {}).get("canaryDeployment") or {}).get("id") or ""),
            stage=int(stage.get("index") or 0),
            percent=int(stage.get("targetPercentage") or 0),
        )


@contextmanager
def open_vercel(site: SiteSettings, aws: AwsSettings) -> Iterator["Vercel"]:
    """Open the API of the site's project; ``aws`` says where its token may be kept."""
    token = read_secret(site.token, aws)
    with open_web(site.api_url, timeout_s=REQUEST_TIMEOUT_S, bearer=token) as web:
        yield Vercel(web, site)


class Vercel:
    """Look at one project and change it; what changes it goes out only from inside an effect, and once."""

    def __init__(self, web: Web, site: SiteSettings) -> None:
        self._web = web
        self._project = site.project_id
        self._team = {"teamId": site.team_id} if site.team_id else {}

    def project(self) -> dict[str, Any]:
        """Return the project's settings and targets."""
        return self._ask("GET", f"/v9/projects/{self._project}", doing="read the Vercel project")

    def production(self) -> str:
        """Return the id of the deployment that has the domain, or an empty string when none has."""
        return self.domain_state().production

    def domain_state(self) -> DomainState:
        """Return who has the domain and what was asked of it last."""
        return DomainState.of(self.project())

    def keep_domain_in_hand(self) -> None:
        """Stop new production deployments from taking the domain by themselves."""
        self._ask(
            "PATCH",
            f"/v9/projects/{self._project}",
            doing="switch Vercel's autoAssignCustomDomains off",
            json={"autoAssignCustomDomains": False},
        )

    def variables(self) -> dict[str, str]:
        """Return the project's readable environment variables for production."""
        answer = self._ask(
            "GET",
            f"/v10/projects/{self._project}/env",
            doing="read the Vercel project's environment",
            params={"decrypt": "true"},
        )
        return {
            str(item["key"]): str(item.get("value", ""))
            for item in answer.get("envs", [])
            if "production" in _targets(item)
        }

    def set_variables(self, variables: Mapping[str, str]) -> None:
        """Create or replace environment variables for production; they are public and so kept readable."""
        self._ask(
            "POST",
            f"/v10/projects/{self._project}/env",
            doing="set the Vercel project's environment",
            params={"upsert": "true"},
            json=[
                {"key": key, "value": value, "type": "plain", "target": ["production"]}
                for key, value in variables.items()
            ],
        )

    def deployments_of(self, release_id: str) -> list[Deployment]:
        """List the production deployments that carry a release's mark, the newest first."""
        answer = self._ask(
            "GET",
            "/v7/deployments",
            doing=sentence("list the Vercel deployments of {release}", release=release_id),
            params={"projectId": self._project, "target": "production", "meta-greenflowRelease": release_id},
        )
        return [Deployment.of(item) for item in answer.get("deployments", [])]

    def deployment(self, deployment_id: str) -> Deployment:
        """Return one deployment."""
        doing = sentence("read the Vercel deployment {deployment}", deployment=deployment_id)
        return Deployment.of(self._ask("GET", f"/v13/deployments/{deployment_id}", doing=doing))

    def deploy(self, name: str, files: Sequence[SiteFile], meta: Mapping[str, str]) -> None:
        """Create a production deployment of static files, uploading those Vercel does not have yet."""
        try:
            self._create(name, files, meta)
        except HttpRefusedError as error:
            missing = _missing(error)
            if not missing:
                raise
            for file in {file.sha1: file for file in files if file.sha1 in missing}.values():
                self._upload(file)
            self._create(name, files, meta)

    def promote(self, deployment_id: str) -> None:
        """Give a deployment the production domain; one that has it already is left as it is."""
        path = f"/v10/projects/{self._project}/promote/{deployment_id}"
        self._unless_current(
            "POST", path, doing=sentence("promote the Vercel deployment {deployment}", deployment=deployment_id)
        )

    def roll_back(self, deployment_id: str) -> None:
        """Give the production domain back to an earlier deployment; one that has it is left as it is."""
        path = f"/v9/projects/{self._project}/rollback/{deployment_id}"
        self._unless_current("POST", path, doing=sentence("roll Vercel back to {deployment}", deployment=deployment_id))

    def rolling_release(self) -> RollingRelease:
        """Return the rolling release that is active, or the last one."""
        found = self._ask("GET", self._rolling, doing="read the Vercel project's rolling release")
        return RollingRelease.of(found.get("rollingRelease"))

    def rolling_stages(self) -> tuple[int, ...]:
        """Return the percentages the next rolling release will go through; none where they are switched off."""
        found = self._ask("GET", f"{self._rolling}/config", doing="read the Vercel project's rolling release settings")
        return tuple(int(each["targetPercentage"]) for each in (found.get("rollingRelease") or {}).get("stages") or ())

    def configure_rolling(self, percentages: Sequence[int]) -> None:
        """Let rolling releases go through these percentages, each with an approval."""
        stages = [{"targetPercentage": percent} for percent in percentages]
        body = {"enabled": True, "advancementType": "manual-approval", "stages": stages}
        self._ask("PATCH", f"{self._rolling}/config", doing="set up Vercel's rolling releases", json=body)

    def start(self, deployment_id: str) -> None:
        """Begin a rolling release; one that is active for this deployment goes on as it is."""
        body = {"canaryDeploymentId": deployment_id}
        self._ask(
            "POST",
            f"{self._rolling}/start",
            doing=sentence("roll {deployment} out", deployment=deployment_id),
            json=body,
        )

    def approve_stage(self, deployment_id: str, index: int) -> None:
        """Advance a rolling release to its stage ``index``, the one after the present one."""
        body = {"canaryDeploymentId": deployment_id, "nextStageIndex": index}
        self._ask(
            "POST",
            f"{self._rolling}/approve-stage",
            doing=sentence("roll {deployment} further out", deployment=deployment_id),
            json=body,
        )

    def complete_rolling(self, deployment_id: str) -> None:
        """End a rolling release by giving its deployment the domain."""
        body = {"canaryDeploymentId": deployment_id}
        self._ask(
            "POST",
            f"{self._rolling}/complete",
            doing=sentence("complete the rolling release of {deployment}", deployment=deployment_id),
            json=body,
        )

    @property
    def _rolling(self) -> str:
        return f"/v1/projects/{self._project}/rolling-release"

    def domains(self) -> list[dict[str, Any]]:
        """List the project's domains."""
        answer = self._ask("GET", f"/v9/projects/{self._project}/domains", doing="list the Vercel project's domains")
        return list(answer.get("domains", []))

    def _create(self, name: str, files: Sequence[SiteFile], meta: Mapping[str, str]) -> None:
        self._ask(
            "POST",
            "/v13/deployments",
            doing="create a Vercel deployment",
            json={
                "name": name,
                "project": self._project,
                "target": "production",
                "meta": dict(meta),
                "files": [file.document for file in files],
                # What is uploaded is built already: Vercel is to serve it, not to build it.
                "projectSettings": {
                    "framework": None,
                    "buildCommand": None,
                    "installCommand": None,
                    "outputDirectory": None,
                },
            },
        )

    def _upload(self, file: SiteFile) -> None:
        self._ask(
            "POST",
            "/v2/files",
            doing=sentence("upload {name} to Vercel", name=file.name),
            content=file.path.read_bytes(),
            headers={"x-vercel-digest": file.sha1, "content-type": "application/octet-stream"},
        )

    def _unless_current(self, method: str, path: str, *, doing: str) -> None:
        try:
            self._web.call(method, path, doing=doing, params=self._team, json={})
        except HttpRefusedError as error:
            if error.status != CONFLICT:
                raise

    def _ask(self, method: str, path: str, *, doing: str, **options: Any) -> dict[str, Any]:
        params = {**self._team, **options.pop("params", {})}
        return self._web.json(method, path, doing=doing, params=params, **options)


def files_of(folder: Path) -> tuple[SiteFile, ...]:
    """List the files of a folder as Vercel knows them, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(_site_file(folder, path) for path in paths)


def _site_file(folder: Path, path: Path) -> SiteFile:
    content = path.read_bytes()
    # Vercel addresses files by SHA-1; nothing here rests on its strength.
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return SiteFile(path.relative_to(folder).as_posix(), digest, len(content), path)


def _missing(error: HttpRefusedError) -> frozenset[str]:
    body = error.body if isinstance(error.body, dict) else {}
    said = body.get("error") or {}
    return frozenset(said.get("missing") or ()) if said.get("code") == "missing_files" else frozenset()


def _targets(item: Mapping[str, Any]) -> Sequence[str]:
    target = item.get("target") or ()
    return [target] if isinstance(target, str) else list(target)
