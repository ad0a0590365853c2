"""What the stand-in API keeps: users and bids in PostgreSQL, sessions and business counts in Valkey."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row

if TYPE_CHECKING:
    from redis.asyncio import Redis

SESSION_S = 3600
BUSINESS_KEY = "greenflow:business"
LISTED_BIDS = 20
ANSWER_TIMEOUT_S = 2.0
DEFAULT_CURRENCY = "KRW"
_CONNECTIONS = 4
_SCRYPT = {"n": 2**6, "r": 8, "p": 1}  # a stand-in: real users' passwords need a far higher cost

_ADD_USER = "INSERT INTO users (id, email, password_hash, role, created_at) VALUES (%s, %s, %s, %s, now())"
_FIND_USER = "SELECT id, password_hash FROM users WHERE email = %s"
_REMOVE_BIDS = """
    DELETE FROM bids USING users
    WHERE bids.user_id = users.id AND right(users.email, length(%(end)s)) = %(end)s"""
_REMOVE_USERS = "DELETE FROM users WHERE right(email, length(%(end)s)) = %(end)s"
_ADD_BID = """
    INSERT INTO bids (id, user_id, origin, destination, cargo_weight, created_at)
    VALUES (%(id)s, %(user_id)s, %(origin)s, %(destination)s, %(cargo_weight)s, now())"""
_ADD_BID_WITH_CURRENCY = """
    INSERT INTO bids (id, user_id, origin, destination, cargo_weight, currency, created_at)
    VALUES (%(id)s, %(user_id)s, %(origin)s, %(destination)s, %(cargo_weight)s, %(currency)s, now())"""
# Through JSON a column may be missing: one query serves the schema before the migration and after it.
_FIND_BID = """
    SELECT id, origin, destination, cargo_weight, to_jsonb(bids) ->> 'currency' AS currency
    FROM bids WHERE user_id = %s AND id = %s"""
_NEWEST_BIDS = """
    SELECT id, origin, destination, cargo_weight, to_jsonb(bids) ->> 'currency' AS currency
    FROM bids WHERE user_id = %s ORDER BY created_at DESC LIMIT %s"""
_CURRENCY_COLUMN = """
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = 'bids' AND column_name = 'currency'"""

Connection = psycopg.AsyncConnection[DictRow]


class EmailTakenError(Exception):
    """Somebody registered with this e-mail before."""


class UserGoneError(Exception):
    """The session's user was removed."""


@dataclass(frozen=True, slots=True)
class Bid:
    """What a user offers to have carried; weight in tonnes."""

    origin: str
    destination: str
    cargo_weight: int
    currency: str | None


class Database:
    """A few kept connections to PostgreSQL; one that broke is replaced.

    Any call may raise psycopg.OperationalError while the database is down.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: asyncio.LifoQueue[Connection | None] = asyncio.LifoQueue()
        for _ in range(_CONNECTIONS):
            self._free.put_nowait(None)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        kept = await self._free.get()
        try:
            if kept is None or kept.closed:
                kept = None
                kept = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=3, row_factory=dict_row
                )
            yield kept
        finally:
            self._free.put_nowait(kept)

    async def close(self) -> None:
        for _ in range(_CONNECTIONS):
            kept = await self._free.get()
            if kept is not None:
                await kept.close()


class Users:
    """Register people and know them again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, email: str, password: str, role: str) -> UUID:
        """Keep a new user; EmailTakenError when there is one."""
        user_id = uuid4()
        row = (user_id, email, hash_password(password), role)
        async with self._database.connection() as connection:
            try:
                await connection.execute(_ADD_USER, row)
            except psycopg.errors.UniqueViolation as error:
                raise EmailTakenError(email) from error
        return user_id

    async def log_in(self, email: str, password: str) -> UUID | None:
        """Give the user whose e-mail and password these are."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_FIND_USER, (email,))).fetchone()
        if row is None or not password_matches(password, row["password_hash"]):
            return None
        found: UUID = row["id"]
        return found

    async def remove_tenant(self, domain: str) -> dict[str, int]:
        """Remove the users whose e-mail ends with that domain, and their bids; give how many of each."""
        end = {"end": f"@{domain}"}
        async with self._database.connection() as connection, connection.transaction():
            bids = await connection.execute(_REMOVE_BIDS, end)
            users = await connection.execute(_REMOVE_USERS, end)
        return {"users": users.rowcount, "bids": bids.rowcount}


class Bids:
    """Keep bids; with their currency, when this version knows it and the schema has a place for it.

    A migration may add the column under a running process and, undone, may take it away again.
    """

    def __init__(self, database: Database, *, knows_currency: bool) -> None:
        self._database = database
        self._knows_currency = knows_currency
        self._found_column = False

    async def add(self, user_id: UUID, bid: Bid) -> dict[str, Any]:
        """Keep a bid and give it back as it is kept; UserGoneError when its user was removed."""
        async with self._database.connection() as connection:
            try:
                return await self._insert(connection, user_id, bid)
            except psycopg.errors.UndefinedColumn:
                self._found_column = False
                return await self._insert(connection, user_id, bid)
            except psycopg.errors.ForeignKeyViolation as error:
                raise UserGoneError(str(user_id)) from error

    async def find(self, user_id: UUID, bid_id: UUID) -> dict[str, Any] | None:
        """Give one bid of that user."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_FIND_BID, (user_id, bid_id))).fetchone()
        return row and self._document(row)

    async def newest(self, user_id: UUID) -> list[dict[str, Any]]:
        """Give that user's last 20 bids, the newest first."""
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_NEWEST_BIDS, (user_id, LISTED_BIDS))).fetchall()
        return [self._document(row) for row in rows]

    async def _insert(self, connection: Connection, user_id: UUID, bid: Bid) -> dict[str, Any]:
        row = {
            "id": uuid4(),
            "user_id": user_id,
            "origin": bid.origin,
            "destination": bid.destination,
            "cargo_weight": bid.cargo_weight,
            "currency": None,
        }
        if await self._has_column(connection):
            row["currency"] = bid.currency or DEFAULT_CURRENCY
            await connection.execute(_ADD_BID_WITH_CURRENCY, row)
        else:
            await connection.execute(_ADD_BID, row)
        return self._document(row)

    async def _has_column(self, connection: Connection) -> bool:
        if self._knows_currency and not self._found_column:
            self._found_column = await (await connection.execute(_CURRENCY_COLUMN)).fetchone() is not None
        return self._found_column

    def _document(self, row: dict[str, Any]) -> dict[str, Any]:
        """Write a bid as the API tells it."""
        document = {
            "id": str(row["id"]),
            "origin": row["origin"],
            "destination": row["destination"],
            "cargoWeight": row["cargo_weight"],
        }
        return document | ({"currency": row["currency"]} if self._knows_currency else {})


class Sessions:
    """Hand out tokens, for an hour each; Valkey knows their hashes only."""

    def __init__(self, valkey: "Redis") -> None:
        self._valkey = valkey

    async def open(self, user_id: UUID) -> str:
        token = secrets.token_urlsafe(32)
        await self._valkey.set(_session_key(token), str(user_id), ex=SESSION_S)
        return token

    async def user(self, token: str) -> UUID | None:
        """Give whose token it is, None when it is nobody's any more."""
        found = await self._valkey.get(_session_key(token))
        return UUID(str(found)) if found else None


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt)}"


def password_matches(password: str, kept: str) -> bool:
    salt, _, expected = kept.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), expected)


def _scrypt(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()


def _session_key(token: str) -> str:
    return f"greenflow:session:{hashlib.sha256(token.encode()).hexdigest()}"
