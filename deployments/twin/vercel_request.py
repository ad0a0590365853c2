"""A request to Vercel's API on its way to its handler, and what is kept of it afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.twin.vercel_project import VercelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True)
class Call:
    """One call as it came in: `body` is its JSON, or None for an uploaded file and for no body at all."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int


@dataclass(frozen=True)
class Asked:
    """One request: the parameters of its path, its query, headers and body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """Give the JSON of its body; raises Vercel's 400."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise VercelError(400, "bad_request", "Invalid JSON") from error

    def body_to_keep(self) -> Any:
        """Give the JSON of its body, or None when it has none."""
        try:
            return json.loads(self.content) if "json" in self.headers.get("content-type", "") else None
        except ValueError:
            return None


def known_fields(body: Any, known: AbstractSet[str]) -> dict[str, Any]:
    """Give the JSON object of a body; a field that is not known is refused, as Vercel does."""
    if not isinstance(body, dict):
        raise VercelError(400, "bad_request", "Invalid request: should be object.")
    for unknown in sorted(body.keys() - known):
        raise VercelError(400, "bad_request", f"Invalid request: should NOT have additional property `{unknown}`.")
    return body
