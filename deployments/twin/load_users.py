"""Users of GreenFlow as the twin's load: they register, log in, bid, read their bids back, and leave."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from deployments.twin.load_stats import Sample

PATIENCE_S = 10.0
NEVER_S = 86_400.0
EMAIL_DOMAIN = "load.test.greenflow.dev"
BIDS_EACH = 3
NOBODY = "-"  # in place of a group's name or a version where no answer told one


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a journey and what a right answer to it is."""

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None
    expected_status: int
    is_right: Callable[[Any], bool]


class User:
    """One user after the other, each with an own name; a failed step ends a journey, nothing is retried."""

    def __init__(self, client: aiohttp.ClientSession, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._token = ""
        self._journey: Iterator[Step] = iter(())
        self._answer: Any = None

    async def act(self) -> Sample:
        """Take the next step and tell how it went."""
        step = next(self._journey, None)
        if step is None:
            self._token = ""
            self._journey = self._new_journey()
            step = next(self._journey)
        sample = await self._take(step)
        if sample.reason is not None:
            self._journey = iter(())
        return sample

    async def _take(self, step: Step) -> Sample:
        started = time.monotonic()
        answer: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(PATIENCE_S), self._asked(step) as answer:
                reason = self._fault_with(step, answer.status, await answer.read())
        except TimeoutError:
            reason = "time-out"
        except aiohttp.ClientError as error:
            reason = type(error).__name__
        return _sample(step, time.monotonic() - started, answer, reason)

    def _asked(self, step: Step) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
        return self._client.request(step.method, self._prefix + step.path, json=step.body, headers=headers)

    def _fault_with(self, step: Step, status: int, body: bytes) -> str | None:
        if status != step.expected_status:
            return str(status)
        try:
            self._answer = json.loads(body)
            return None if step.is_right(self._answer) else "wrong answer"
        except (ValueError, KeyError, TypeError):
            return "wrong answer"

    def _new_journey(self) -> Iterator[Step]:
        """Give the steps one by one: a step is made when the answer to the one before is there."""
        credentials = {
            "email": f"{secrets.token_hex(8)}@{EMAIL_DOMAIN}",
            "password": secrets.token_urlsafe(12),
        }
        newcomer = {**credentials, "role": "SHIPPER"}
        yield Step("register", "POST", "/auth/register", newcomer, 201, lambda told: bool(told["id"]))
        yield Step("login", "POST", "/auth/login", credentials, 200, lambda told: bool(told["token"]))
        self._token = self._answer["token"]
        for weight in range(1, BIDS_EACH + 1):
            bid = {"origin": "Seoul", "destination": "Busan", "cargoWeight": weight}
            yield Step("bid", "POST", "/order/bid", bid, 201, partial(_repeats, bid))
            kept = self._answer
            path = f"/order/bid/{kept['id']}"
            yield Step("read", "GET", path, None, 200, partial(_same_bid, kept))
            yield Step("list", "GET", "/order/bids", None, 200, partial(_lists, kept))


def open_session(url: str) -> aiohttp.ClientSession:
    """Open what the users of one address share: as many kept connections as they need, each request sent once."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=NEVER_S, use_dns_cache=True)
    session = aiohttp.ClientSession(url, connector=connector, timeout=aiohttp.ClientTimeout(), trust_env=False)
    session._retry_connection = False  # noqa: SLF001 - a browser would ask again and hide what was lost
    return session


def _repeats(asked: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    return asked.items() <= told.items()


def _same_bid(kept: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Compare what both versions tell of a bid: the newer one may tell more."""
    return all(told[name] == kept[name] for name in told.keys() & kept.keys() - {"currency"})


def _lists(kept: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    return any(bid["id"] == kept["id"] for bid in told["bids"])


def _sample(step: Step, latency_s: float, answer: aiohttp.ClientResponse | None, reason: str | None) -> Sample:
    headers = answer.headers if answer is not None else {}
    return Sample(
        at=time.time(),
        step=step.name,
        latency_s=latency_s,
        status=answer.status if answer is not None else None,
        reason=reason,
        served_by=headers.get("x-greenflow-served-by", NOBODY),
        version=headers.get("x-app-version", NOBODY),
    )
