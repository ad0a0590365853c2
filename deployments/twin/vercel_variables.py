"""The environment variables of a project, as Vercel's API reads and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployments.twin.vercel_project import Variable, VercelError, new_id
from deployments.twin.vercel_request import known_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployments.twin.vercel_project import Project

_FIELDS = {"key", "value", "type", "target", "comment"}
_TYPES = {"plain", "encrypted", "sensitive"}
_TARGETS = {"production", "preview", "development"}


def put_variable(project: Project, body: Any, *, replaces: bool) -> Variable:
    """Create a variable; one of the same key for a same target is replaced, or refused as Vercel does."""
    wished = _read(body)
    known = next((one for one in project.variables.values() if _is_same(one, wished)), None)
    if known is not None and not replaces:
        message = f"A variable with the name `{known.key}` already exists for the target {known.target}"
        raise VercelError(400, "ENV_CONFLICT", message, envVarKey=known.key)
    return _write(project, new_id("env") if known is None else known.id, wished)


def change_variable(project: Project, variable_id: str, body: Any) -> Variable:
    """Change some fields of a variable; raises Vercel's 404."""
    known = project.variables.get(variable_id)
    if known is None:
        raise VercelError(404, "not_found", "The environment variable was not found")
    before = {"key": known.key, "value": known.value, "type": known.type, "target": known.target}
    return _write(project, variable_id, _read({**before, **known_fields(body, _FIELDS)}))


def _write(project: Project, variable_id: str, wished: Mapping[str, Any]) -> Variable:
    now_s = project.clock()
    known = project.variables.get(variable_id)
    created_s = known.created_s if known else now_s
    variable = Variable(
        id=variable_id,
        key=wished["key"],
        value=wished["value"],
        type=wished["type"],
        target=wished["target"],
        created_s=created_s,
        updated_s=now_s,
    )
    project.variables[variable_id] = variable
    return variable


def _read(body: Any) -> dict[str, Any]:
    fields = known_fields(body, _FIELDS)
    for name in ("key", "value", "type", "target"):
        if name not in fields:
            raise VercelError(400, "bad_request", f"Invalid request: missing required property `{name}`.")
    targets = fields["target"] if isinstance(fields["target"], list) else [fields["target"]]
    if fields["type"] not in _TYPES or not targets or not set(targets) <= _TARGETS:
        raise VercelError(400, "bad_request", "Invalid request: `type` or `target` is not one of the allowed values.")
    return {**fields, "target": targets}


def _is_same(known: Variable, wished: Mapping[str, Any]) -> bool:
    return known.key == wished["key"] and bool(set(known.target) & set(wished["target"]))
