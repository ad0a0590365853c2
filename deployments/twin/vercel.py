"""A stand-in for Vercel: its API, each deployment at an address of its own, and the production domain."""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from starlette.responses import PlainTextResponse

from deployments.twin.http_thread import HttpThread
from deployments.twin.vercel_api import VercelApi
from deployments.twin.vercel_files import CONFIGURATION, Site
from deployments.twin.vercel_project import Deployment, Project, Tempo, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from starlette.types import Receive, Scope, Send

    from deployments.twin.vercel_request import Call


class VercelStandIn:
    """Serve Vercel's API at `url` and the production domain at `site_url` for as long as the context lasts.

    A deployment takes `build_s` from QUEUED over BUILDING to READY, a change of the domain `alias_s`. A
    deployment's `url` in the API is a bare `host:port`, as Vercel's is a bare host: settings say the scheme.
    """

    def __init__(self, build_s: float = 1.0, alias_s: float = 0.2, name: str = "greenflow") -> None:
        self.token = f"vcp_{secrets.token_urlsafe(32)}"
        self.team_id = new_id("team")
        self.project = Project(new_id("prj"), name, self.team_id, Tempo(build_s, alias_s), time.time)
        self._api = VercelApi(
            self.project, self.token, self._open_listener, lambda: self.project.own_domain or self._site.address
        )
        self._listener = HttpThread(self._api.application(), "vercel")
        self._site = HttpThread(_Edge(self._api.rolling.serving), "vercel-site")
        self._deployed: list[HttpThread] = []

    def __enter__(self) -> Self:
        self._listener.start()
        self._site.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        listeners = (self._listener, self._site, *self._deployed)
        for listener in listeners:
            listener.ask_to_stop()
        for listener in listeners:
            listener.stop()

    @property
    def url(self) -> str:
        """Give the API's address."""
        return self._listener.url

    @property
    def site_url(self) -> str:
        """Give the address of the production domain."""
        return self._site.url

    @property
    def project_id(self) -> str:
        return self.project.id

    @property
    def calls(self) -> list[Call]:
        """Give what the API was asked, in order."""
        return self._api.calls

    @property
    def deployments(self) -> list[Deployment]:
        """Give every deployment, in the order they were made."""
        return list(self.project.deployments.values())

    @property
    def current(self) -> Deployment | None:
        """Give the deployment that the production domain shows."""
        return self.project.current

    def publish(self, folder: Path, meta: Mapping[str, str]) -> Deployment:
        """Put a built folder into production at once, as what ran before the release.

        A `vercel.json` in the folder, or else beside it, is obeyed.
        """
        files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        configuration = folder.parent / CONFIGURATION
        if CONFIGURATION not in files and configuration.exists():
            files[CONFIGURATION] = configuration.read_bytes()
        deployment = self.project.make_ready_deployment(dict(meta), Site(files), self._open_listener())
        self.project.add(deployment, takes_domain=True)
        return deployment

    def serve_tls(self, certificate: Path) -> str:
        """Serve the production domain by TLS as well, as `localhost`; give that address."""
        listener = HttpThread(_Edge(lambda: self.project.current), "vercel-tls", certificate)
        listener.start()
        self._deployed.append(listener)
        self.project.own_domain = "localhost"
        return f"https://localhost:{listener.port}"

    def heal(self) -> None:
        """Take back every mishap: builds succeed, and the domain is the plain one again."""
        self.project.build_error = self.project.own_domain = ""

    def _domain(self) -> str:
        return self.project.own_domain or self._site.address

    def _open_listener(self) -> str:
        listener = HttpThread(_Edge(lambda: self._find(listener.address)), "vercel-deployment")
        listener.start()
        self._deployed.append(listener)
        return listener.address

    def _find(self, address: str) -> Deployment | None:
        now_s = self.project.clock()
        ready = (one for one in self.deployments if one.ready_state(now_s) == "READY")
        return next((one for one in ready if one.address == address), None)


class _Edge:
    """An ASGI application that shows whichever deployment it is to show at the time."""

    def __init__(self, which: Callable[[], Deployment | None]) -> None:
        self._which = which

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        deployment = self._which()
        if deployment is not None:
            await deployment.site(scope, receive, send)
            return
        text = "The deployment could not be found on Vercel.\n\nDEPLOYMENT_NOT_FOUND\n"
        headers = {"server": "Vercel", "x-vercel-error": "DEPLOYMENT_NOT_FOUND"}
        await PlainTextResponse(text, HTTPStatus.NOT_FOUND, headers)(scope, receive, send)
