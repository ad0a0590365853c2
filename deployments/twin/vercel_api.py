"""The part of Vercel's REST API that a release uses, with its answers and its errors.

https://vercel.com/docs/rest-api; the shapes were compared with those that Vercel's own command line reads.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.twin import vercel_views as views
from deployments.twin.vercel_project import Project, VercelError
from deployments.twin.vercel_request import Asked, Call, known_fields
from deployments.twin.vercel_rolling import RollingReleases
from deployments.twin.vercel_uploads import keep_upload, read_deployment
from deployments.twin.vercel_variables import change_variable, put_variable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from starlette.requests import Request

    from deployments.twin.vercel_project import Deployment

    Handler = Callable[[Asked], Response]

_PROJECT = "/projects/{project}"


class VercelApi:
    """The API of one team with one project.

    `open_listener` makes a deployment's site reachable and gives its `host:port`; `domain` gives the production
    domain. What it was asked is kept in `calls`.
    """

    def __init__(
        self, project: Project, token: str, open_listener: Callable[[], str], domain: Callable[[], str]
    ) -> None:
        self.calls: list[Call] = []
        self._project = project
        self._token = token
        self._open_listener = open_listener
        self._domain = domain
        self.rolling = RollingReleases(project)

    def application(self) -> Starlette:
        """Give the ASGI application."""
        routes = [
            Route(path, self._endpoint(handler), methods=[method])
            for method, paths, handler in self._handlers()
            for path in paths
        ]
        return Starlette(routes=routes, exception_handlers={404: _no_such_path, 405: _no_such_path})

    def _handlers(self) -> list[tuple[str, tuple[str, ...], Handler]]:
        variable = f"{_PROJECT}/env/{{variable}}"
        promote, rollback = f"{_PROJECT}/promote/{{deployment}}", f"{_PROJECT}/rollback/{{deployment}}"
        rolling = f"/v1{_PROJECT}/rolling-release"
        return [
            ("GET", (rolling,), self.rolling.show),
            ("GET", (f"{rolling}/config",), self.rolling.show_config),
            ("PATCH", (f"{rolling}/config",), self.rolling.change_config),
            ("POST", (f"{rolling}/start",), self.rolling.start),
            ("POST", (f"{rolling}/approve-stage",), self.rolling.approve),
            ("POST", (f"{rolling}/complete",), self.rolling.complete),
            ("GET", ("/v2/user",), self._show_user),
            ("POST", ("/v2/files",), self._upload_file),
            ("POST", ("/v13/deployments",), self._create_deployment),
            ("GET", ("/v13/deployments/{deployment}",), self._show_deployment),
            ("GET", ("/v6/deployments", "/v7/deployments"), self._list_deployments),
            ("GET", ("/v9/projects", "/v10/projects"), self._list_projects),
            ("GET", (f"/v9{_PROJECT}",), self._show_project),
            ("PATCH", (f"/v9{_PROJECT}",), self._change_project),
            ("POST", (f"/v10{promote}",), self._promote),
            ("POST", (f"/v1{rollback}", f"/v9{rollback}"), self._roll_back),
            ("GET", (f"/v9{_PROJECT}/env", f"/v10{_PROJECT}/env"), self._list_variables),
            ("POST", (f"/v10{_PROJECT}/env",), self._create_variables),
            ("PATCH", (f"/v9{variable}", f"/v10{variable}"), self._change_variable),
            ("GET", (f"/v9{_PROJECT}/domains",), self._list_domains),
            ("GET", (f"/v9{_PROJECT}/domains/{{domain}}",), self._show_domain),
        ]

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            content = await request.body()
            asked = Asked(request.path_params, request.query_params, request.headers, content)
            response = await run_in_threadpool(self._answer, handler, asked)
            kept = asked.body_to_keep()
            self.calls.append(Call(request.method, request.url.path, dict(asked.query), kept, response.status_code))
            return response

        return answer

    def _answer(self, handler: Handler, asked: Asked) -> Response:
        try:
            self._authorise(asked)
            return handler(asked)
        except VercelError as error:
            return JSONResponse(error.body, error.status)

    def _authorise(self, asked: Asked) -> None:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(token.encode(), self._token.encode()):
            raise VercelError(403, "forbidden", "Not authorized", invalidToken=True)
        if asked.query.get("teamId", self._project.team_id) != self._project.team_id:
            raise VercelError(403, "forbidden", "Not authorized")
        if asked.path.get("project", self._project.id) not in {self._project.id, self._project.name}:
            raise VercelError(404, "not_found", "Project not found.")

    def _list_projects(self, asked: Asked) -> Response:
        wanted = asked.query.get("search", "")
        shown = [views.show_project(self._project, self._domain())] if wanted in self._project.name else []
        return JSONResponse({"projects": shown, "pagination": {"count": len(shown), "next": None, "prev": None}})

    def _show_user(self, _: Asked) -> Response:
        user = {"id": "usr_greenflow", "username": "greenflow-release", "name": "GreenFlow"}
        return JSONResponse({"user": user})

    def _upload_file(self, asked: Asked) -> Response:
        keep_upload(self._project, asked)
        return JSONResponse({"urls": []})

    def _create_deployment(self, asked: Asked) -> Response:
        wanted = read_deployment(self._project, asked.body)
        deployment = self._project.make_deployment(
            wanted.name, wanted.target, wanted.meta, wanted.site, self._open_listener()
        )
        self._project.add(deployment, takes_domain=wanted.takes_domain)
        return self._shown(deployment)

    def _show_deployment(self, asked: Asked) -> Response:
        return self._shown(self._project.find(asked.path["deployment"]))

    def _list_deployments(self, asked: Asked) -> Response:
        newest_first = sorted(self._project.deployments.values(), key=lambda one: one.created_s, reverse=True)
        shown = [views.show_in_list(self._project, one, self._domain()) for one in newest_first]
        page = [one for one in shown if _matches(one, asked.query)][: int(asked.query.get("limit", "20"))]
        return JSONResponse({"deployments": page, "pagination": _one_page(page)})

    def _show_project(self, _: Asked) -> Response:
        return JSONResponse(views.show_project(self._project, self._domain()))

    def _change_project(self, asked: Asked) -> Response:
        wished = known_fields(asked.body, {"autoAssignCustomDomains"}).get("autoAssignCustomDomains")
        if not isinstance(wished, bool):
            raise VercelError(400, "bad_request", "Invalid request: `autoAssignCustomDomains` should be boolean.")
        self._project.auto_assign_custom_domains = wished
        return self._show_project(asked)

    def _promote(self, asked: Asked) -> Response:
        self._project.promote(self._project.find(asked.path["deployment"]))
        return JSONResponse({}, 202)

    def _roll_back(self, asked: Asked) -> Response:
        to = self._project.find(asked.path["deployment"])
        if not self.rolling.abort(to):
            self._project.roll_back(to)
        return JSONResponse({}, 201)

    def _list_variables(self, asked: Asked) -> Response:
        decrypted = asked.query.get("decrypt") == "true"
        known = list(self._project.variables.values())
        return JSONResponse({"envs": [views.show_variable(one, decrypted=decrypted) for one in known]})

    def _create_variables(self, asked: Asked) -> Response:
        body, replaces = asked.body, asked.query.get("upsert") == "true"
        wished = body if isinstance(body, list) else [body]
        put = [put_variable(self._project, one, replaces=replaces) for one in wished]
        created = [views.show_variable(one, decrypted=False) for one in put]
        return JSONResponse({"created": created if isinstance(body, list) else created[0], "failed": []}, 201)

    def _change_variable(self, asked: Asked) -> Response:
        changed = change_variable(self._project, asked.path["variable"], asked.body)
        return JSONResponse(views.show_variable(changed, decrypted=False))

    def _list_domains(self, _: Asked) -> Response:
        shown = [views.show_domain(self._project, self._domain())]
        return JSONResponse({"domains": shown, "pagination": _one_page(shown)})

    def _show_domain(self, asked: Asked) -> Response:
        if asked.path["domain"] != self._domain():
            raise VercelError(404, "not_found", "Project Domain not found.")
        return JSONResponse(views.show_domain(self._project, self._domain()))

    def _shown(self, deployment: Deployment) -> Response:
        return JSONResponse(views.show_deployment(self._project, deployment, self._domain()))


def _matches(shown: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    if query.get("projectId", shown["projectId"]) != shown["projectId"]:
        return False
    if "target" in query and query["target"] != (shown["target"] or "preview"):
        return False
    if "state" in query and shown["state"] not in query["state"].split(","):
        return False
    wished = {name.removeprefix("meta-"): value for name, value in query.items() if name.startswith("meta-")}
    return all(shown["meta"].get(name) == value for name, value in wished.items())


def _one_page(items: list[Any]) -> dict[str, int | None]:
    return {"count": len(items), "next": None, "prev": None}


async def _no_such_path(request: Request, _: Exception) -> Response:
    message = f"The twin's Vercel does not know {request.method} {request.url.path}"
    return JSONResponse({"error": {"code": "not_found", "message": message}}, 404)
