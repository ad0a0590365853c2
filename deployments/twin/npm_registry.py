"""A stand-in for npm's registry, as far as ``npm audit`` asks it: which advisories these packages have.

https://docs.npmjs.com/cli/v11/commands/npm-audit
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread

if TYPE_CHECKING:
    from starlette.requests import Request

BULK = "/-/npm/v1/security/advisories/bulk"
QUICK = "/-/npm/v1/security/audits/quick"


@dataclass(frozen=True)
class Advisory:
    """Something bad about a package, as the registry tells it."""

    package: str
    severity: str = "high"
    name: str = "GHSA-twin-twin-twin"
    title: str = "Prototype pollution"
    versions: str = ">=0.0.0"

    def told(self) -> dict[str, Any]:
        """Write it as the bulk endpoint does; npm keeps what it was told under an id, so another text is another id."""
        return {
            "id": zlib.crc32(repr(self).encode()),
            "url": f"https://github.com/advisories/{self.name}",
            "title": self.title,
            "severity": self.severity,
            "vulnerable_versions": self.versions,
            "cwe": ["CWE-1321"],
            "cvss": {"score": 7.5, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"},
        }


@dataclass
class NpmRegistry(HttpThread):
    """Answer audits; ``advisories`` is what it knows, ``trouble`` an answer it gives in place of every audit."""

    advisories: list[Advisory] = field(default_factory=list)
    trouble: Response | None = None
    audits: int = 0

    def __post_init__(self) -> None:
        routes = [Route(BULK, self._bulk, methods=["POST"]), Route(QUICK, self._quick, methods=["POST"])]
        HttpThread.__init__(self, Starlette(routes=routes), "npm-registry")

    def clear(self) -> None:
        """Be well, and know nothing bad."""
        self.advisories.clear()
        self.trouble = None

    async def _bulk(self, request: Request) -> Response:
        self.audits += 1
        if self.trouble is not None:
            return self.trouble
        asked = _parsed(request, await request.body())
        known = [advisory for advisory in self.advisories if advisory.package in asked]
        told: dict[str, list[Any]] = {}
        for advisory in known:
            told.setdefault(advisory.package, []).append(advisory.told())
        return JSONResponse(told)

    async def _quick(self, _: Request) -> Response:
        """Answer as npm's registry does since it has retired the old way of asking."""
        return self.trouble or JSONResponse({"error": "use the bulk advisory endpoint"}, HTTPStatus.GONE)


def _parsed(request: Request, body: bytes) -> dict[str, Any]:
    zipped = request.headers.get("content-encoding") == "gzip"
    asked: dict[str, Any] = json.loads(gzip.decompress(body) if zipped else body)
    return asked
