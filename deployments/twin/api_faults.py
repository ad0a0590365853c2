"""The stand-in API's own saboteur: it lets a version's fault loose on requests, or on the process."""

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.request
from random import Random
from typing import TYPE_CHECKING, Any

from redis import RedisError
from starlette.responses import JSONResponse

from deployments.twin.faults import HARMLESS, TROUBLES, Behaviour, Effect, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import Redis
    from starlette.types import ASGIApp, Receive, Scope, Send

TROUBLE_KEY = "greenflow:twin:trouble"
TROUBLE_HAD_KEY = "greenflow:twin:trouble-had"
PROBE_HEADER = b"x-greenflow-probe"
SIDE_HEADER = b"x-greenflow-side"
_LOOK_S = 0.2
_ASK_CONTROL_S = 1.0
_DIED = 70


class SharedTrouble:
    """Trouble that befalls all versions at once, told through one Valkey key that every version obeys."""

    def __init__(self, valkey: "Redis", generator: Random) -> None:
        self._valkey = valkey
        self._generator = generator
        self._name: str | None = None
        self._behaviour: Behaviour | None = None

    def effect(self, now: float) -> Effect:
        return self._behaviour.on_request(now) if self._behaviour else HARMLESS

    async def start(self, name: str, lasts_s: float) -> None:
        """Bring it on, once: not again for each process of the version that carries it."""
        with contextlib.suppress(RedisError):
            if await self._valkey.set(TROUBLE_HAD_KEY, name, nx=True):
                await self._valkey.set(TROUBLE_KEY, name, px=int(lasts_s * 1000))

    async def follow(self) -> None:
        """Look five times a second whether there is trouble."""
        while True:
            with contextlib.suppress(RedisError):  # without Valkey there are other troubles
                name = await self._valkey.get(TROUBLE_KEY)
                self._take(None if name is None else str(name))
            await asyncio.sleep(_LOOK_S)

    def _take(self, name: str | None) -> None:
        if name != self._name:
            self._name = name
            self._behaviour = TROUBLES[name](self._generator) if name else None


class Saboteur:
    """Middleware: delay or fail requests as the version's fault says, once real users have come.

    The checks before the canary carry the side or the probe header and find a sound version. The health check
    is never hit.
    """

    def __init__(self, app: "ASGIApp", *, fault: Fault, trouble: SharedTrouble, generator: Random, health: str) -> None:
        self._app = app
        self._fault = fault
        self._trouble = trouble
        self._behaviour = fault.behave(generator)
        self._health = health
        self._users_seen = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http" or scope["path"] == self._health:
            await self._app(scope, receive, send)
            return
        app = self._app
        for effect in self._effects(scope):
            if effect is HARMLESS:
                continue
            await asyncio.sleep(effect.delay_s)
            _burn(effect.busy_s)
            if effect.fails:
                app = JSONResponse({"detail": "Internal Server Error"}, status_code=500)
        await app(scope, receive, send)

    def _effects(self, scope: "Scope") -> tuple[Effect, ...]:
        now = time.monotonic()
        self._notice_user(scope)
        own = self._behaviour.on_request(now) if self._users_seen else HARMLESS
        return own, self._trouble.effect(now)

    def _notice_user(self, scope: "Scope") -> None:
        if any(name in {PROBE_HEADER, SIDE_HEADER} for name, _ in scope["headers"]):
            return
        self._users_seen += 1
        coming = self._fault.trouble
        if coming and self._users_seen == coming.after_requests:
            task = asyncio.create_task(self._trouble.start(coming.name, coming.lasts_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def die_at_weight(percent: int, control_url: str, address: str, port: int) -> None:
    """End this process, as a crash does, once its own target group has that much of the listener's weight."""
    while True:
        with contextlib.suppress(OSError, ValueError):  # a control that is away says nothing of weights
            routes = await asyncio.to_thread(_ask, f"{control_url}/_twin/routes")
            if own_percent(routes, address, port) >= percent:
                sys.stderr.write(f"out of memory: this version dies at {percent} % of the traffic\n")
                os._exit(_DIED)
        await asyncio.sleep(_LOOK_S)


def own_percent(routes: "Mapping[str, Any]", address: str, port: int) -> float:
    """Give the percentage of users that the listener sends to the target group of that address."""
    mine = {
        arn
        for arn, group in routes["groups"].items()
        if any((target["address"], target["port"]) == (address, port) for target in group["targets"])
    }
    for rule in routes["rules"]:
        weights = {forward["group"]: forward["weight"] for forward in rule["forward"]}
        total = sum(weights.values())
        if rule["header"] is None and total and mine & weights.keys():
            percent: float = 100 * sum(weights[arn] for arn in mine & weights.keys()) / total
            return percent
    return 0.0


def _ask(url: str) -> dict[str, Any]:
    # The control's address comes from the environment this process was started with, and is http.
    with urllib.request.urlopen(url, timeout=_ASK_CONTROL_S) as response:  # noqa: S310
        document: dict[str, Any] = json.load(response)
    return document


def _burn(busy_s: float) -> None:
    until = time.thread_time() + busy_s
    while busy_s and time.thread_time() < until:
        pass
