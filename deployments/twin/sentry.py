"""A stand-in for one Sentry project: releases, their files and deploys, and the issues a test says there are.

https://docs.sentry.io/api/releases/
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread, Served

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Handler = Callable[[Request], Awaitable[Response]]

_NOT_FOUND = {"detail": "The requested resource does not exist"}


@dataclass
class Release:
    """What Sentry knows of one release; `files` by name: content, and the headers it is taken to be served with."""

    version: str
    commits: list[dict[str, Any]]
    files: dict[str, tuple[bytes, list[str]]] = field(default_factory=dict)
    deploys: list[dict[str, Any]] = field(default_factory=list)


class SentryStandIn(Served):
    """Serve the API of one project at `url` for as long as the context lasts.

    `new_issues` says how many issues a release brought; `down` answers everything with 503.
    """

    organization = "glec"
    project = "greenflow-web"

    def __init__(self) -> None:
        self.token = f"sntrys_{secrets.token_urlsafe(32)}"
        self.releases: dict[str, Release] = {}
        self.new_issues: dict[str, int] = {}
        self.down = False
        self._listener = HttpThread(self._application(), "sentry")

    @property
    def url(self) -> str:
        """Give the API's address."""
        return self._listener.url

    def _application(self) -> Starlette:
        organization = f"/api/0/organizations/{self.organization}/releases"
        project = f"/api/0/projects/{self.organization}/{self.project}"
        doors: list[tuple[str, str, Handler]] = [
            ("POST", f"{organization}/", self._create),
            ("GET", f"{organization}/{{version}}/", self._show),
            ("GET", f"{organization}/{{version}}/deploys/", self._list_deploys),
            ("POST", f"{organization}/{{version}}/deploys/", self._deploy),
            ("GET", f"{project}/releases/{{version}}/files/", self._list_files),
            ("POST", f"{project}/releases/{{version}}/files/", self._upload),
            ("GET", f"{project}/issues/", self._list_issues),
        ]
        return Starlette(routes=[Route(path, self._guarded(act), methods=[method]) for method, path, act in doors])

    def _guarded(self, act: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            if self.down:
                return JSONResponse({"detail": "Service unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE)
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return JSONResponse({"detail": "Invalid token"}, HTTPStatus.UNAUTHORIZED)
            version = request.path_params.get("version")
            if version is not None and version not in self.releases:
                return JSONResponse(_NOT_FOUND, HTTPStatus.NOT_FOUND)
            return await act(request)

        return answer

    def _of(self, request: Request) -> Release:
        return self.releases[request.path_params["version"]]

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        if self.project not in body.get("projects", []):
            return JSONResponse({"projects": ["Invalid project ids or slugs"]}, HTTPStatus.BAD_REQUEST)
        known = body["version"] in self.releases
        release = self.releases.setdefault(body["version"], Release(body["version"], body.get("commits", [])))
        status = HTTPStatus.ALREADY_REPORTED if known else HTTPStatus.CREATED
        return JSONResponse(_shown(release), status)

    async def _show(self, request: Request) -> Response:
        return JSONResponse(_shown(self._of(request)))

    async def _list_files(self, request: Request) -> Response:
        files = self._of(request).files.items()
        shown = [{"name": name, "size": len(content), "headers": headers} for name, (content, headers) in files]
        return JSONResponse(shown)

    async def _upload(self, request: Request) -> Response:
        release = self._of(request)
        form = _form(request.headers.get("content-type", ""), await request.body())
        if "file" not in form or "name" not in form:
            return JSONResponse({"detail": "Missing uploaded file"}, HTTPStatus.BAD_REQUEST)
        name = form["name"][0].decode()
        if name in release.files:
            return JSONResponse({"detail": "File already present!"}, HTTPStatus.CONFLICT)
        release.files[name] = (form["file"][0], [header.decode() for header in form.get("header", [])])
        return JSONResponse({"name": name}, HTTPStatus.CREATED)

    async def _list_deploys(self, request: Request) -> Response:
        return JSONResponse(self._of(request).deploys[::-1])

    async def _deploy(self, request: Request) -> Response:
        body = await request.json()
        if not body.get("environment"):
            return JSONResponse({"environment": ["This field is required."]}, HTTPStatus.BAD_REQUEST)
        deploy = {"id": str(len(self._of(request).deploys) + 1), **body}
        self._of(request).deploys.append(deploy)
        return JSONResponse(deploy, HTTPStatus.CREATED)

    async def _list_issues(self, request: Request) -> Response:
        version = request.query_params.get("query", "").removeprefix('firstRelease:"').removesuffix('"')
        count = self.new_issues.get(version, 0)
        return JSONResponse([{"id": str(number), "title": "TypeError"} for number in range(count)])


def _form(content_type: str, body: bytes) -> dict[str, list[bytes]]:
    """Read a multipart form with what Python has on board: mail is written the same way."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)
    fields: dict[str, list[bytes]] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        fields.setdefault(str(name), []).append(bytes(part.get_payload(decode=True)))
    return fields


def _shown(release: Release) -> dict[str, Any]:
    return {
        "version": release.version,
        "commitCount": len(release.commits),
        "deployCount": len(release.deploys),
    }
