"""Connections to targets: kept alive, reused newest first, closed when a target left and owes no answer."""

import asyncio
import time
from collections.abc import Iterable
from typing import Protocol, cast

from deployments.twin.lb_wire import Response, ResponseReader, WireError

CONNECT_TIMEOUT_S = 5.0
IDLE_S = 4.0  # below the 5 s after which uvicorn, as most servers do, closes an idle connection under a request


class Sendable(Protocol):
    """A request that waits for its answer; exactly one of `answered` and `broken` is called a sending."""

    payload: bytes
    upstream: "Upstream | None"

    @property
    def to_head(self) -> bool: ...

    def answered(self, response: Response) -> None: ...

    def broken(self, *, reused: bool, answer_begun: bool) -> None:
        """Take the loss of the connection; `reused` when it had carried requests before this one."""


class Upstream(asyncio.Protocol):
    """One connection to a target; carries one request at a time."""

    def __init__(self, pool: "TargetPool") -> None:
        self._pool = pool
        self._reader = ResponseReader()
        self._waiting: Sendable | None = None
        self._sent = 0
        self._heard = False
        self._transport: asyncio.Transport
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        return not self._transport.is_closing()

    def send(self, exchange: Sendable) -> None:
        self._waiting = exchange
        exchange.upstream = self
        self._sent += 1
        self._heard = False
        self._reader.expect(to_head=exchange.to_head)
        self._transport.write(exchange.payload)

    def abandon(self) -> None:
        """Close the connection and tell nobody."""
        self._waiting = None
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        try:
            response = self._reader.feed(data)
        except WireError:
            self._transport.abort()
            return
        if self._waiting is None:
            self._transport.abort()  # a target that talks unasked cannot be matched to requests any more
        elif response is not None:
            self._answer(self._waiting, response)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        exchange, self._waiting = self._waiting, None
        if exchange is None:
            return
        response = self._reader.close() if exc is None else None
        if response is None:
            exchange.broken(reused=self._sent > 1, answer_begun=self._heard)
        else:
            exchange.answered(response)

    def _answer(self, exchange: Sendable, response: Response) -> None:
        self._waiting = None
        if response.keep_alive:
            self._pool.give_back(self)
        else:
            self._transport.close()
        exchange.answered(response)


class TargetPool:
    """The idle connections to one target."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self._idle: list[Upstream] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._retired = False

    def send(self, exchange: Sendable, *, fresh: bool = False) -> None:
        """Send on an idle connection, or on a new one; on a new one in any case when `fresh`."""
        while self._idle and not fresh:
            upstream = self._idle.pop()
            if upstream.usable:
                upstream.send(exchange)
                return
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def give_back(self, upstream: Upstream) -> None:
        if self._retired:
            upstream.close()
            return
        upstream.idle_since = time.monotonic()
        self._idle.append(upstream)

    def forget(self, upstream: Upstream) -> None:
        if upstream in self._idle:
            self._idle.remove(upstream)

    def close_idle(self, before: float) -> None:
        """Close what has been idle since before that monotonic time."""
        stale = [upstream for upstream in self._idle if upstream.idle_since < before]
        self._idle = [upstream for upstream in self._idle if upstream.idle_since >= before]
        for upstream in stale:
            upstream.close()

    def retire(self) -> None:
        """Close what is idle now and the rest after its answer: the target has left the routes."""
        self._retired = True
        self.close_idle(float("inf"))

    async def _connect(self, exchange: Sendable) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, upstream = await loop.create_connection(lambda: Upstream(self), self._address, self._port)
        except OSError:
            exchange.broken(reused=False, answer_begun=False)
        else:
            upstream.send(exchange)


class Pools:
    """One pool for each target of the routes."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, int], TargetPool] = {}

    def of(self, address: str, port: int) -> TargetPool:
        pool = self._pools.get((address, port))
        if pool is None:
            pool = self._pools[address, port] = TargetPool(address, port)
        return pool

    def keep(self, targets: Iterable[tuple[str, int]]) -> None:
        """Retire the pools of all other targets."""
        for key in self._pools.keys() - set(targets):
            self._pools.pop(key).retire()

    def trim(self, now: float) -> None:
        """Close connections that have been idle for too long at that monotonic time."""
        for pool in self._pools.values():
            pool.close_idle(now - IDLE_S)
