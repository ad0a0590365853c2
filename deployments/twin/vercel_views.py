"""The JSON in which Vercel's API shows a project and its parts (https://vercel.com/docs/rest-api)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployments.twin.vercel_project import AliasRequest, Deployment, Project, Variable

_FRAMEWORK = "vite"


def show_deployment(project: Project, deployment: Deployment, domain: str) -> dict[str, Any]:
    """Show one deployment as GET /v13/deployments/{id} does."""
    state = deployment.ready_state(project.clock())
    current = project.current
    return {
        **_times(deployment, state),
        "id": deployment.id,
        "name": deployment.name,
        "url": deployment.address,
        "version": 2,
        "type": "LAMBDAS",
        "source": "api",
        "public": False,
        "regions": ["icn1"],
        "target": deployment.target,
        "meta": deployment.meta,
        "readyState": state,
        "status": state,
        **_substate(project, deployment, state),
        "alias": [domain] if current is deployment else [],
        "aliasAssigned": _aliases_are_settled(project, deployment, state),
        "aliasError": None,
        **({"errorCode": "BUILD_FAILED", "errorMessage": deployment.error} if state == "ERROR" else {}),
        "projectId": project.id,
        "project": {"id": project.id, "name": project.name, "framework": _FRAMEWORK},
        "ownerId": project.team_id,
        "team": {"id": project.team_id, "name": "GLEC", "slug": "glec"},
        "creator": {"uid": "usr_greenflow", "username": "greenflow-release"},
        "inspectorUrl": f"https://vercel.com/glec/{project.name}/{deployment.id.removeprefix('dpl_')}",
    }


def show_in_list(project: Project, deployment: Deployment, domain: str) -> dict[str, Any]:
    """Show one deployment as an item of GET /v6/deployments does: there its id is called `uid`."""
    shown = show_deployment(project, deployment, domain)
    shown["uid"] = shown.pop("id")
    return {**shown, "created": shown["createdAt"], "state": shown["readyState"]}


def show_project(project: Project, domain: str) -> dict[str, Any]:
    """Show the project as GET /v9/projects/{id} does."""
    current = project.current
    latest = sorted(project.deployments.values(), key=lambda one: one.created_s, reverse=True)
    request = project.last_alias_request
    shown = show_alias_request(request) if request else None
    return {
        "id": project.id,
        "name": project.name,
        "accountId": project.team_id,
        "framework": _FRAMEWORK,
        "nodeVersion": "22.x",
        "autoAssignCustomDomains": project.auto_assign_custom_domains,
        "link": {"type": "github", "org": "glec", "repo": project.name, "productionBranch": "main"},
        "targets": {"production": show_deployment(project, current, domain)} if current else {},
        "latestDeployments": [show_deployment(project, one, domain) for one in latest[:10]],
        "lastAliasRequest": shown,
        "lastRollbackTarget": shown if request and request.reason == "rollback" else None,
    }


def show_alias_request(request: AliasRequest) -> dict[str, Any]:
    """Show a promotion or a rollback as a project's `lastAliasRequest`."""
    return {
        "fromDeploymentId": request.from_id,
        "toDeploymentId": request.to_id,
        "jobStatus": "succeeded" if request.done else "in-progress",
        "requestedAt": milliseconds(request.requested_s),
        "type": request.reason,
    }


def show_domain(project: Project, domain: str) -> dict[str, Any]:
    """Show a domain of the project, which here always is verified."""
    return {
        "name": domain,
        "apexName": domain,
        "projectId": project.id,
        "redirect": None,
        "redirectStatusCode": None,
        "gitBranch": None,
        "customEnvironmentId": None,
        "verified": True,
    }


def show_variable(variable: Variable, *, decrypted: bool) -> dict[str, Any]:
    """Show an environment variable; the value of one that is not plain only when it is asked for."""
    readable = variable.type == "plain" or (decrypted and variable.type == "encrypted")
    return {
        "id": variable.id,
        "key": variable.key,
        "value": variable.value if readable else "",
        "type": variable.type,
        "target": variable.target,
        "decrypted": readable,
        "createdAt": milliseconds(variable.created_s),
        "updatedAt": milliseconds(variable.updated_s),
    }


def milliseconds(epoch_s: float) -> int:
    """Turn epoch seconds into the milliseconds that Vercel tells."""
    return round(epoch_s * 1000)


def _times(deployment: Deployment, state: str) -> dict[str, int]:
    known = {"createdAt": deployment.created_s}
    if state != "QUEUED":
        known["buildingAt"] = deployment.building_s
    if state == "READY":
        known["ready"] = deployment.ready_s
    return {name: milliseconds(value) for name, value in known.items()}


def _substate(project: Project, deployment: Deployment, state: str) -> dict[str, str]:
    if state != "READY" or deployment.target != "production":
        return {}
    return {"readySubstate": "PROMOTED" if project.has_been_current(deployment) else "STAGED"}


def _aliases_are_settled(project: Project, deployment: Deployment, state: str) -> bool:
    waiting = [one for one in project.alias_requests if one.to_id == deployment.id and not one.done]
    return state == "READY" and not waiting
