"""Read what POST /v13/deployments asks for: the files that were uploaded before, by their SHA-1."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from deployments.twin.vercel_files import CONFIGURATION, Site, UnknownConfigurationError
from deployments.twin.vercel_project import VercelError
from deployments.twin.vercel_request import Asked, known_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deployments.twin.vercel_project import Project

_FIELDS = {
    "name",
    "project",
    "target",
    "meta",
    "files",
    "projectSettings",
    "gitMetadata",
    "autoAssignCustomDomains",
    "version",
}


@dataclass(frozen=True)
class WantedDeployment:
    """A deployment that is asked for; with `takes_domain` it goes to production as soon as it is ready."""

    name: str
    target: Literal["production"] | None
    meta: dict[str, str]
    site: Site
    takes_domain: bool


def keep_upload(project: Project, asked: Asked) -> None:
    """Keep an uploaded file under its SHA-1; raises Vercel's 400 when the header tells another one."""
    told = asked.headers.get("x-vercel-digest") or asked.headers.get("x-now-digest")
    digest = hashlib.sha1(asked.content, usedforsecurity=False).hexdigest()
    if told != digest:
        raise VercelError(400, "bad_request", f"The digest of the file is {digest}, the header says {told}")
    project.uploads[digest] = asked.content


def read_deployment(project: Project, body: Any) -> WantedDeployment:
    """Read the body of POST /v13/deployments; raises Vercel's 400 and 404."""
    fields = known_fields(body, _FIELDS)
    name, target = fields.get("name"), fields.get("target")
    if not isinstance(name, str):
        raise VercelError(400, "bad_request", "Invalid request: missing required property `name`.")
    if fields.get("project", name) not in {project.id, project.name}:
        raise VercelError(404, "not_found", "Project not found.")
    if target not in {"production", None}:
        raise VercelError(400, "bad_request", "Invalid request: `target` should be `production`.")
    in_production = target == "production"
    wished = fields.get("autoAssignCustomDomains", project.auto_assign_custom_domains)
    return WantedDeployment(
        name=name,
        target="production" if in_production else None,
        meta=_read_meta(fields.get("meta", {})),
        site=_read_site(project, fields),
        takes_domain=in_production and wished,
    )


def _read_meta(meta: Any) -> dict[str, str]:
    if not isinstance(meta, dict) or not all(isinstance(value, str) for value in meta.values()):
        raise VercelError(400, "bad_request", "Invalid request: `meta` should hold strings.")
    return meta


def _read_site(project: Project, fields: Mapping[str, Any]) -> Site:
    settings = fields.get("projectSettings") or {}
    if settings.get("buildCommand"):
        raise VercelError(400, "bad_request", "The twin does not build: upload what was built.")
    contents = _contents(project, fields.get("files", []))
    try:
        return Site(_below(contents, settings.get("outputDirectory") or ""))
    except UnknownConfigurationError as error:
        raise VercelError(400, "bad_request", str(error)) from error


def _contents(project: Project, files: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    missing = sorted({one["sha"] for one in files if "sha" in one} - project.uploads.keys())
    if missing:
        raise VercelError(400, "missing_files", "Missing files", missing=missing)
    return {one["file"]: project.uploads[one["sha"]] if "sha" in one else _inlined(one) for one in files}


def _inlined(file: Mapping[str, Any]) -> bytes:
    try:
        if file.get("encoding") == "base64":
            return base64.b64decode(file["data"], validate=True)
        return str(file["data"]).encode()
    except (KeyError, binascii.Error) as error:
        raise VercelError(400, "bad_request", "Invalid request: a file needs `sha` or `data`.") from error


def _below(contents: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    if not folder.strip("./"):
        return dict(contents)
    prefix = f"{folder.strip('/')}/"
    served = {path.removeprefix(prefix): data for path, data in contents.items() if path.startswith(prefix)}
    configuration = contents.get(CONFIGURATION)
    return served if configuration is None else {**served, CONFIGURATION: configuration}
