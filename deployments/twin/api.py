"""The stand-in GreenFlow API: the guide's users and bids on a real PostgreSQL and Valkey.

`python -m deployments.twin.api --host 127.9.8.7 --port 3000`, configured by its environment: APP_VERSION,
APP_REVISION, APP_FAULT, DATABASE_URL, REDIS_URL, API_PREFIX, TWIN_CONTROL_URL. Every answer names the version
in `x-app-version`. SIGTERM: finish what is under way, close the connections, exit 0.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Self
from uuid import UUID

import psycopg
import uvicorn
from redis import RedisError
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.twin.api_bodies import Credentials, NewBid, Registration, read_body
from deployments.twin.api_faults import PROBE_HEADER, Saboteur, SharedTrouble, die_at_weight
from deployments.twin.api_store import (
    ANSWER_TIMEOUT_S,
    BUSINESS_KEY,
    Bid,
    Bids,
    Database,
    EmailTakenError,
    Sessions,
    UserGoneError,
    Users,
)
from deployments.twin.faults import FAULTS, NO_FAULT, Fault

TEST_TENANT_DOMAIN = "test.greenflow.dev"
CURRENCY_SINCE = (1, 1)
_KEEP_ALIVE_S = 75  # longer than a load balancer's idle time-out, as AWS advises for targets
_DRAIN_S = 20
_FOR_BROWSERS = [
    ("access-control-allow-origin", "*"),  # anybody may read, nobody with a user's cookies
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
]


@dataclass(frozen=True, slots=True)
class Environment:
    """What the task definition says."""

    version: str
    revision: str
    fault: Fault
    database_url: str
    redis_url: str
    prefix: str
    control_url: str

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Read the variables; KeyError for one that is missing or for an unknown fault."""
        fault = variables.get("APP_FAULT", "")
        return cls(
            version=variables["APP_VERSION"],
            revision=variables.get("APP_REVISION", ""),
            fault=FAULTS[fault] if fault else NO_FAULT,
            database_url=variables["DATABASE_URL"],
            redis_url=variables["REDIS_URL"],
            prefix=variables.get("API_PREFIX", "/api/v2"),
            control_url=variables.get("TWIN_CONTROL_URL", ""),
        )


class Api:
    """The endpoints, over their stores."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.database = Database(environment.database_url)
        self.valkey: Redis = Redis.from_url(
            environment.redis_url, decode_responses=True, socket_timeout=ANSWER_TIMEOUT_S
        )
        self._users = Users(self.database)
        self._bids = Bids(self.database, knows_currency=version_numbers(environment.version) >= CURRENCY_SINCE)
        self._sessions = Sessions(self.valkey)

    def routes(self) -> list[Route]:
        prefix = self._environment.prefix
        return [
            Route(f"{prefix}/health", self.health),
            Route(f"{prefix}/auth/register", self.register, methods=["POST"]),
            Route(f"{prefix}/auth/login", self.log_in, methods=["POST"]),
            Route(f"{prefix}/order/bid", self.place_bid, methods=["POST"]),
            Route(f"{prefix}/order/bid/{{bid_id:uuid}}", self.show_bid),
            Route(f"{prefix}/order/bids", self.list_bids),
            Route(f"{prefix}/business", self.show_business),
            Route(f"{prefix}/test-tenant/{{tenant}}", self.remove_tenant, methods=["DELETE"]),
        ]

    async def health(self, _: Request) -> JSONResponse:
        database, redis = await asyncio.gather(_status(self._ask_database()), _status(self.valkey.ping()))
        well = database == redis == "ok" and not self._environment.fault.never_healthy
        document = {
            "status": "ok" if well else "down",
            "version": self._environment.version,
            "revision": self._environment.revision,
            "database": {"status": database},
            "redis": {"status": redis},
        }
        return JSONResponse(document, status_code=200 if well else 503)

    async def register(self, request: Request) -> JSONResponse:
        body = await read_body(request, Registration)
        try:
            user_id = await self._users.register(body.email, body.password, body.role)
        except EmailTakenError:
            raise HTTPException(409, "this e-mail is registered") from None
        await self._count_business(request, "registrations")
        return JSONResponse({"id": str(user_id), "email": body.email, "role": body.role}, status_code=201)

    async def log_in(self, request: Request) -> JSONResponse:
        body = await read_body(request, Credentials)
        user_id = await self._users.log_in(body.email, body.password)
        if user_id is None:
            raise HTTPException(401, "wrong e-mail or password")
        return JSONResponse({"token": await self._sessions.open(user_id)})

    async def place_bid(self, request: Request) -> JSONResponse:
        user_id = await self._signed_in(request)
        body = await read_body(request, NewBid)
        bid = Bid(body.origin, body.destination, body.cargo_weight, body.currency)
        try:
            kept = await self._bids.add(user_id, bid)
        except UserGoneError:
            raise HTTPException(401, "this user was removed") from None
        await self._count_business(request, "bids")
        return JSONResponse(kept, status_code=201)

    async def show_bid(self, request: Request) -> JSONResponse:
        found = await self._bids.find(await self._signed_in(request), request.path_params["bid_id"])
        if found is None:
            raise HTTPException(404, "no such bid")
        return JSONResponse(found)

    async def list_bids(self, request: Request) -> JSONResponse:
        return JSONResponse({"bids": await self._bids.newest(await self._signed_in(request))})

    async def show_business(self, _: Request) -> JSONResponse:
        """Tell what users did, probes left out."""
        counts = await self.valkey.hgetall(BUSINESS_KEY)
        return JSONResponse({name: int(counts.get(name, 0)) for name in ("registrations", "bids")})

    async def remove_tenant(self, request: Request) -> JSONResponse:
        await self._signed_in(request)
        tenant = request.path_params["tenant"]
        if not tenant.replace("-", "").isalnum():
            raise HTTPException(422, "a tenant's name is letters, digits and hyphens")
        return JSONResponse(await self._users.remove_tenant(f"{tenant}.{TEST_TENANT_DOMAIN}"))

    async def _signed_in(self, request: Request) -> UUID:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user_id = await self._sessions.user(token) if scheme.lower() == "bearer" and token else None
        if user_id is None:
            raise HTTPException(401, "a valid bearer token is needed", {"www-authenticate": "Bearer"})
        return user_id

    async def _count_business(self, request: Request, what: str) -> None:
        if PROBE_HEADER.decode() not in request.headers:
            await self.valkey.hincrby(BUSINESS_KEY, what, 1)

    async def _ask_database(self) -> None:
        async with self.database.connection() as connection:
            await connection.execute("SELECT 1")


def make_app(environment: Environment, address: str, port: int) -> Starlette:
    """Build the application of the process that listens on that address and port."""
    api = Api(environment)
    # Each process its own sequence, the same when the same process is run again.
    generator = Random(f"{environment.version} at {address}:{port}")  # noqa: S311  no secret
    trouble = SharedTrouble(api.valkey, generator)
    saboteur = Middleware(
        Saboteur,
        fault=environment.fault,
        trouble=trouble,
        generator=generator,
        health=f"{environment.prefix}/health",
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        errands = [asyncio.create_task(trouble.follow())]
        if environment.fault.dies_at_weight is not None:
            watch = die_at_weight(environment.fault.dies_at_weight, environment.control_url, address, port)
            errands.append(asyncio.create_task(watch))
        yield
        for errand in errands:
            errand.cancel()
        await api.valkey.aclose()
        await api.database.close()

    unavailable = {psycopg.OperationalError: _unavailable, RedisError: _unavailable}
    handlers: dict[Any, Any] = {HTTPException: _refused, **unavailable}
    return Starlette(routes=api.routes(), middleware=[saboteur], exception_handlers=handlers, lifespan=lifespan)


def version_numbers(version: str) -> tuple[int, ...]:
    """Give the numbers a version begins with: `1.1.0-rc.1` is (1, 1, 0)."""
    return tuple(int(part) for part in re.split("[-+]", version, maxsplit=1)[0].split("."))


async def _status(answer: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await answer
    except (psycopg.Error, RedisError, OSError):
        return "down"
    return "ok"


async def _refused(_: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    sys.stderr.write(f"a store did not answer: {type(error).__name__}\n")
    return JSONResponse({"detail": "Service Unavailable"}, status_code=503)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deployments.twin.api", description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    asked = parser.parse_args(argv)
    environment = Environment.read(os.environ)
    if environment.fault.crashes_on_start:
        sys.stderr.write(f"could not start {environment.version}: the configuration is broken\n")
        return 1
    # uvicorn raises the signal again once it has finished; to end with 0, it then must find a handler.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(environment, asked.host, asked.port),
            host=asked.host,
            port=asked.port,
            http="httptools",
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            headers=[("x-app-version", environment.version), *_FOR_BROWSERS],
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
