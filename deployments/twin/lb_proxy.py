"""What happens between a client's connection and a target's: the proxy's moving parts.

Errors are an Application Load Balancer's: 503 when the chosen group has no target, 502 when a target cannot
be reached or breaks its answer off, 504 when it is silent for too long. Each counts as an own 5xx.
"""

import asyncio
import contextlib
import time
from collections import deque
from random import Random
from typing import cast

from deployments.twin.lb_counts import Counts
from deployments.twin.lb_routing import Choice, Router, Routes, Target
from deployments.twin.lb_upstream import Pools, Upstream
from deployments.twin.lb_wire import Request, RequestReader, Response, WireError, own_answer

PROBE_HEADER = b"x-greenflow-probe"
TARGET_TIMEOUT_S = 60.0  # an Application Load Balancer's idle time-out
MAX_PIPELINED = 64
_SERVER_ERROR = 500
_REPEATABLE = frozenset({b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS"})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Balancer:
    """What all connections share: the rules, the connections to targets, the counts."""

    def __init__(self, generator: Random, target_timeout_s: float = TARGET_TIMEOUT_S) -> None:
        self.counts = Counts()
        self.pools = Pools()
        self.under_way: set[Exchange] = set()
        self._settled = asyncio.Event()
        self.clients: set[Client] = set()
        self.draining = False
        self._router = Router(generator)
        self._target_timeout_s = target_timeout_s

    def take_routes(self, routes: Routes) -> None:
        self._router.routes = routes
        self.pools.keep(routes.targets)

    def handle(self, client: "Client", request: Request) -> None:
        fields = dict(request.headers)
        choice = self._router.choose(fields, request.url.partition(b"?")[0])
        if choice is None or choice.target is None:
            self._refuse(client, request, choice)
            return
        exchange = Exchange(self, client, request, choice, is_probe=PROBE_HEADER in fields)
        exchange.payload = request.rendered(fields, client.address)
        exchange.send_to(choice.target)

    def sweep(self, now: float) -> None:
        """Give up on targets silent for too long at that monotonic time, and close idle connections."""
        overdue = [exchange for exchange in self.under_way if now - exchange.sent_at > self._target_timeout_s]
        for exchange in overdue:
            exchange.expire()
        self.pools.trim(now)

    async def drain(self, patience_s: float) -> None:
        """Finish what a client still waits for, and let all clients go."""
        self.draining = True
        self.settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._settled.wait()
        for client in list(self.clients):
            client.close()
        self.pools.keep(())

    def finished(self, exchange: "Exchange") -> None:
        self.under_way.discard(exchange)
        self.settle()

    def settle(self) -> None:
        """Notice, while draining, that nobody waits for an answer any more."""
        if self.draining and not any(exchange.is_awaited for exchange in self.under_way):
            self._settled.set()

    def _refuse(self, client: "Client", request: Request, choice: Choice | None) -> None:
        self.counts.second(time.time()).elb_5xx += 1
        served_by = choice.group.name.encode() if choice else b""
        keep_alive = request.keep_alive and not self.draining
        client.reply(own_answer(503, keep_alive=keep_alive, served_by=served_by), keep_alive=keep_alive)


class Exchange:
    """One request on its way to a target and its response on the way back."""

    __slots__ = (
        "_balancer",
        "_choice",
        "_client",
        "_is_probe",
        "_request",
        "_retried",
        "payload",
        "sent_at",
        "upstream",
    )

    def __init__(
        self, balancer: Balancer, client: "Client", request: Request, choice: Choice, *, is_probe: bool
    ) -> None:
        self._balancer = balancer
        self._client = client
        self._request = request
        self._choice = choice
        self._is_probe = is_probe
        self._retried = False
        self.payload = b""
        self.upstream: Upstream | None = None
        self.sent_at = time.monotonic()

    @property
    def to_head(self) -> bool:
        return self._request.method == b"HEAD"

    @property
    def is_awaited(self) -> bool:
        return self._client in self._balancer.clients

    @property
    def _served_by(self) -> bytes:
        return self._choice.group.name.encode()

    @property
    def _keep_alive(self) -> bool:
        return self._request.keep_alive and not self._balancer.draining

    def send_to(self, target: Target, *, fresh: bool = False) -> None:
        self._balancer.under_way.add(self)
        self._balancer.pools.of(target.address, target.port).send(self, fresh=fresh)

    def answered(self, response: Response) -> None:
        self._count(response.status)
        keep_alive = self._keep_alive
        self._finish(response.rendered(self._served_by, to_head=self.to_head, keep_alive=keep_alive), keep_alive)

    def broken(self, *, reused: bool, answer_begun: bool) -> None:
        """Answer 502, unless the target had closed an idle connection and the request may be sent again."""
        may_repeat = reused and not answer_begun and not self._retried and self._request.method in _REPEATABLE
        if may_repeat and self._choice.target is not None:
            self._retried = True
            self.send_to(self._choice.target, fresh=True)
        else:
            self._fail(502, connection_error=True)

    def expire(self) -> None:
        if self.upstream is not None:
            self.upstream.abandon()
        self._fail(504, connection_error=False)

    def _fail(self, status: int, *, connection_error: bool) -> None:
        self._count(None, connection_error=connection_error)
        keep_alive = self._keep_alive
        self._finish(own_answer(status, keep_alive=keep_alive, served_by=self._served_by), keep_alive)

    def _count(self, status: int | None, *, connection_error: bool = False) -> None:
        choice = self._choice
        second = self._balancer.counts.second(time.time())
        tally = second.tally(choice.group.arn)
        if status is None:
            second.elb_5xx += 1
            tally.no_answer(connection_error=connection_error)
        else:
            tally.answer(status, time.monotonic() - self.sent_at)
        if choice.weighs_users and not self._is_probe:
            second.weighed(choice.version, choice.group.arn, failed=status is None or status >= _SERVER_ERROR)

    def _finish(self, payload: bytes, keep_alive: bool) -> None:  # noqa: FBT001  private, and on the hot path
        self._balancer.finished(self)
        self._client.reply(payload, keep_alive=keep_alive)


class Client(asyncio.Protocol):
    """One connection of a client; its requests are answered in the order they came."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._reader = RequestReader()
        self._waiting: deque[Request] = deque()
        self._refusal: WireError | None = None
        self._busy = False
        self._paused = False
        self._transport: asyncio.Transport
        self.address = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.address = str(transport.get_extra_info("peername")[0]).encode()
        self._balancer.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._balancer.clients.discard(self)
        self._waiting.clear()
        self._balancer.settle()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        try:
            self._waiting.extend(self._reader.feed(data))
        except WireError as error:
            self._refusal = error
        if self._reader.asks_to_continue:
            self._transport.write(_CONTINUE)
        self._handle_next()

    def reply(self, payload: bytes, *, keep_alive: bool) -> None:
        """Send the answer to the request in hand; a client that has left misses it, the counts do not."""
        self._busy = False
        if self._transport.is_closing():
            return
        self._transport.write(payload)
        if not keep_alive:
            self._transport.close()
        elif self._waiting or self._refusal or self._paused:
            asyncio.get_running_loop().call_soon(self._handle_next)  # not at once: the queue may be long

    def close(self) -> None:
        self._transport.close()

    def _handle_next(self) -> None:
        if self._transport.is_closing():
            return
        if not self._busy and self._waiting:
            self._busy = True
            self._balancer.handle(self, self._waiting.popleft())
        elif not self._busy and self._refusal:
            self._transport.write(own_answer(self._refusal.status, keep_alive=False))
            self._transport.close()
        self._pace()

    def _pace(self) -> None:
        """Stop reading from a client that sends faster than it is answered, so that memory stays bounded."""
        full = len(self._waiting) > MAX_PIPELINED
        if full and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not full:
            self._transport.resume_reading()
        self._paused = full
