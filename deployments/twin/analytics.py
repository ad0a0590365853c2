"""A stand-in for Google Analytics' debug endpoint, which validates events and counts nothing.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread, Served

if TYPE_CHECKING:
    from starlette.requests import Request

_NAME = re.compile(r"[A-Za-z]\w{0,39}")
_RESERVED = ("firebase_", "ga_", "google_")


class AnalyticsStandIn(Served):
    """Serve at `url` for as long as the context lasts; `complaint` is what it says of every event."""

    measurement_id = "G-TWIN000001"

    def __init__(self) -> None:
        self.complaint = ""
        self.events: list[dict[str, Any]] = []
        self._listener = HttpThread(
            Starlette(routes=[Route("/debug/mp/collect", self._validate, methods=["POST"])]), "analytics"
        )

    @property
    def url(self) -> str:
        """Give its address."""
        return self._listener.url

    async def _validate(self, request: Request) -> Response:
        body = await request.json()
        self.events += body.get("events", [])
        said = [self.complaint] if self.complaint else []
        if not body.get("client_id"):
            said.append("Measurement requires a client_id.")
        names = [event.get("name", "") for event in body.get("events", [])]
        wrong = [name for name in names if not _NAME.fullmatch(name) or name.startswith(_RESERVED)]
        said += [f"Event at index: [{names.index(name)}] has invalid name [{name}]." for name in wrong]
        return JSONResponse({"validationMessages": [{"description": each} for each in said]})
