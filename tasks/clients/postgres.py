"""Reach PostgreSQL: connections that only look, connections for one recorded change, and its own tools.

The password travels in a connection or in a password file of mode 0600 that lives as long as a tool runs; it
is never an argument, and no error shows it.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from tasks.clients.redaction import Redaction, printable
from tasks.clients.shell import run
from tasks.errors import PermanentError, ReleaseError, SettingsError, TransientError, UnknownOutcome
from tasks.mutations import require_effect
from tasks.sentences import named, sentence

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_TIMEOUT_S = 10
URL_SCHEMES = ("postgresql://", "postgres://")
PASSING_STATES = ("08", "40", "53", "57P", "55P03")
REFUSALS = re.compile(r"authentication failed|does not exist|no pg_hba|not permitted|no password supplied|SSL")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


@contextmanager
def open_to_look(url: SecretStr, *, doing: str, application: str = "greenflow-release") -> Iterator[Connection]:
    """Open a connection whose transactions cannot write; statements commit by themselves.

    Translates the block's errors into TransientError or PermanentError: ``could not <doing>: <cause>``.
    """
    with _translated(url, doing, lost=TransientError), _connected(url, doing, application) as connection:
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        yield connection


@contextmanager
def open_to_change(url: SecretStr, *, doing: str, application: str = "greenflow-release") -> Iterator[Connection]:
    """Open a connection for one change, inside of an effect; one lost under way is an UnknownOutcome."""
    require_effect(f"postgres: {doing}")
    with _translated(url, doing, lost=UnknownOutcome), _connected(url, doing, application) as connection:
        yield connection


def on_database(url: SecretStr, name: str) -> SecretStr:
    """Return the same address for another database of its server; a URL stays one: Node's tools read nothing else."""
    address = url.get_secret_value()
    if not address.startswith(URL_SCHEMES):
        return SecretStr(make_conninfo(address, dbname=name))
    parts = urlsplit(address)
    options = [(key, value) for key, value in parse_qsl(parts.query) if key != "dbname"]
    return SecretStr(
        urlunsplit(parts._replace(path=f"/{quote(name, safe='')}", query=urlencode(options, quote_via=quote)))
    )


def database_name(url: SecretStr) -> str:
    """Return the name of the database an address means."""
    return str(_parts(url).get("dbname") or _parts(url).get("user") or "")


def secrets_of(url: SecretStr) -> tuple[SecretStr, ...]:
    """List what must not be shown of an address: all of it, and its password."""
    password = _parts(url).get("password")
    return (url, SecretStr(str(password))) if password else (url,)


@contextmanager
def tool_environment(url: SecretStr) -> Iterator[dict[str, str]]:
    """Give the variables by which PostgreSQL's tools find a database; the password is in a private file."""
    with tempfile.TemporaryDirectory(prefix="greenflow-pass-") as folder:
        file = Path(folder) / "pgpass"
        file.touch(mode=0o600)
        file.write_text(f"*:*:*:*:{_pgpass_escaped(str(_parts(url).get('password') or ''))}\n", encoding="utf-8")
        yield {**_variables(url), "PGPASSFILE": str(file)}


def tool(folder: str, name: str) -> str:
    """Return the program to start: in ``folder``, or on PATH when that is empty."""
    return str(Path(folder) / name) if folder else name


def client_version(program: str) -> tuple[int, str]:
    """Return the major and the whole version of one of PostgreSQL's tools."""
    said = run((program, "--version"), timeout_s=CONNECT_TIMEOUT_S).stdout
    found = VERSION.search(said)
    if not found:
        msg = sentence("could not read the version of {name}: found {said}", name=Path(program).name, said=repr(said))
        raise PermanentError(msg)
    return int(found[1]), found[1] + found[2]


def server_version(connection: Connection) -> tuple[int, str]:
    """Return the major and the whole version of the server."""
    number = connection.info.server_version
    return number // 10_000, f"{number // 10_000}.{number % 10_000}"


@contextmanager
def _connected(url: SecretStr, doing: str, application: str) -> Iterator[Connection]:
    with _translated(url, doing, lost=TransientError):
        connection = psycopg.connect(
            url.get_secret_value(),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name=application,
        )
    with connection:
        yield connection


@contextmanager
def _translated(url: SecretStr, doing: str, *, lost: type[ReleaseError]) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise _of(error, doing, Redaction(secrets_of(url)), lost) from None


def _of(error: psycopg.Error, doing: str, redact: Redaction, lost: type[ReleaseError]) -> ReleaseError:
    said = redact(printable(" ".join(str(error).split())))
    message = sentence("could not {doing}: {why}", doing=named(doing), why=said)
    if error.sqlstate:
        passing = error.sqlstate.startswith(PASSING_STATES)
        return TransientError(message) if passing else PermanentError(message)
    if not isinstance(error, psycopg.OperationalError) or REFUSALS.search(said):
        return PermanentError(message)
    return lost(message)


def _parts(url: SecretStr) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url.get_secret_value()))
    except psycopg.Error:
        msg = "database.url: found no PostgreSQL address, expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        raise SettingsError(msg) from None


def _variables(url: SecretStr) -> dict[str, str]:
    """Say an address in libpq's variables, all but the password."""
    parts = _parts(url)
    parts.pop("password", None)
    names = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    found = {names[key]: str(value) for key, value in parts.items() if names.get(key) and value is not None}
    return {name.decode(): value for name, value in found.items() if name is not None}


def _pgpass_escaped(password: str) -> str:
    return password.replace("\\", "\\\\").replace(":", "\\:")
