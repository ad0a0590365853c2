"""The load balancer's line to its control: routes come in, the counts of finished seconds go out."""

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable
from json import JSONDecodeError

import httpx

from deployments.twin.lb_counts import Counts
from deployments.twin.lb_routing import Routes, parse_routes

LONG_POLL_TIMEOUT_S = 8.0  # the control holds a poll for up to 5 s
POST_TIMEOUT_S = 2.0
AGAIN_S = 0.1
SETTLE_S = 0.02  # after a second's end, for answers that completed in it and are being counted
_REFUSALS = (httpx.HTTPError, JSONDecodeError, KeyError, TypeError, ValueError)
KEPT_SECONDS = 300  # unsent counts, while the control is away


class Control:
    """Follow the routes and report the counts, through a control that may be away for a while.

    Args:
        url: where the control listens.
        counts: what is reported.
        on_routes: told each new set of routes, at once.
    """

    def __init__(self, url: str, counts: Counts, on_routes: Callable[[Routes], None]) -> None:
        self._client = httpx.AsyncClient(base_url=url, trust_env=False)
        self._counts = counts
        self._on_routes = on_routes
        self._version: int | None = None
        self._unsent: deque[dict[str, object]] = deque(maxlen=KEPT_SECONDS)
        self._heard_at = time.monotonic()
        self._complaint = ""

    @property
    def silent_s(self) -> float:
        """Say for how many seconds the control has not answered anything."""
        return time.monotonic() - self._heard_at

    async def follow_routes(self) -> None:
        while True:
            try:
                await self._poll()
            except _REFUSALS as error:
                self._complain("follow the routes", error)
                await asyncio.sleep(AGAIN_S)  # the last known routes stay in force

    async def report_counts(self) -> None:
        while True:
            await asyncio.sleep(1 - time.time() % 1 + SETTLE_S)
            try:
                await self.report(time.time())
            except httpx.HTTPError as error:
                self._complain("report the counts", error)  # they are kept, and sent with the next

    async def report(self, now: float) -> None:
        """Post every second that ended by `now`, in order; httpx.HTTPError when one was not taken."""
        self._unsent.extend(self._counts.finished(now, self._version or 0))
        while self._unsent:
            response = await self._client.post("/_twin/metrics", json=self._unsent[0], timeout=POST_TIMEOUT_S)
            self._heard_at = time.monotonic()
            response.raise_for_status()
            self._unsent.popleft()

    async def close(self) -> None:
        """Report what is left, also of the second under way, and hang up."""
        with contextlib.suppress(httpx.HTTPError):
            await self.report(time.time() + 1)
        await self._client.aclose()

    async def _poll(self) -> None:
        query = {} if self._version is None else {"after": self._version}
        response = await self._client.get("/_twin/routes", params=query, timeout=LONG_POLL_TIMEOUT_S)
        self._heard_at = time.monotonic()
        response.raise_for_status()
        if response.status_code != httpx.codes.OK:
            return  # nothing new
        routes = parse_routes(response.json())
        if routes.version != self._version:
            self._version = routes.version
            self._on_routes(routes)

    def _complain(self, what: str, error: Exception) -> None:
        """Say once what goes wrong: the same trouble comes back ten times a second."""
        complaint = f"could not {what}: {type(error).__name__}: {error}\n"
        if complaint != self._complaint:
            self._complaint = complaint
            sys.stderr.write(complaint)
