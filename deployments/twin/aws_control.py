"""Let the twin's other processes look into the emulated AWS and steer it, under `/_twin/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from deployments.twin.aws_calls import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.aws_call_log import CallLog
    from deployments.twin.aws_faults import Faults
    from deployments.twin.aws_metrics import MetricStore
    from deployments.twin.aws_routes import Routes
    from deployments.twin.aws_traffic import Traffic

PREFIX = "/_twin/"


class Control:
    """Answer `routes`, `metrics`, `traffic`, `calls` and `faults`; 404 for others, 400 for nonsense."""

    def __init__(
        self, *, routes: Routes, metrics: MetricStore, traffic: Traffic, calls: CallLog, faults: Faults
    ) -> None:
        self._routes = routes
        self._metrics = metrics
        self._traffic = traffic
        self._calls = calls
        self._faults = faults
        self._doors: dict[tuple[str, str], Callable[[dict[str, str], Any], Any]] = {
            ("GET", "routes"): lambda query, _: self._routes.newer_than(int(query.get("after", -1))),
            ("POST", "metrics"): lambda _, row: self._post_metrics(row),
            ("GET", "traffic"): lambda *_: self._traffic.document(),
            ("GET", "calls"): lambda query, _: self._calls.document(int(query.get("after", 0))),
            ("GET", "faults"): lambda *_: self._faults.document(),
            ("POST", "faults"): lambda _, rule: {"id": self._faults.add_document(rule).id},
            ("DELETE", "faults"): lambda query, _: self._clear_faults(query),
        }

    def __call__(self, environ: dict[str, Any], body: bytes) -> Answer:
        """Answer one request of the twin's own processes."""
        door = environ["PATH_INFO"].removeprefix(PREFIX).rstrip("/")
        act = self._doors.get((environ["REQUEST_METHOD"], door))
        if act is None:
            known = door in {name for _, name in self._doors}
            return _json(405 if known else 404, {"error": f"no {environ['REQUEST_METHOD']} for {door}"})
        query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            return _json(200, act(query, json.loads(body) if body else {}))
        except (ValueError, TypeError, LookupError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})

    def _post_metrics(self, row: dict[str, Any]) -> dict[str, Any]:
        self._metrics.add(row)
        self._traffic.add(row)
        return {"ok": True}

    def _clear_faults(self, query: dict[str, str]) -> dict[str, Any]:
        self._faults.clear(int(query["id"]) if "id" in query else None)
        return {"ok": True}


def _json(status: int, document: object) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(document).encode())
