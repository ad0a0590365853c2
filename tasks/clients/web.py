"""Make HTTP clients that bound every wait, let no unrecorded change out, and say errors in our words."""

import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from tasks.clients.redaction import Redaction, printable
from tasks.errors import PermanentError, ReleaseError, TransientError, UnknownOutcome
from tasks.mutations import require_effect
from tasks.sentences import named, sentence

# At INFO httpx writes whole addresses, and in Google's the secret is a part of the address (safety I22).
logging.getLogger("httpx").setLevel(logging.WARNING)

READS = frozenset({"GET", "HEAD", "OPTIONS"})
TOO_MANY_REQUESTS = 429
CLIENT_ERROR = 400
SERVER_ERROR = 500
CAUSE_CHARACTERS = 300


class HttpRefusedError(PermanentError):
    """Report an answer of 400 or more; ``body`` is what the server said, as parsed JSON if it was that."""

    def __init__(self, message: str, *, status: int, body: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


@contextmanager
def open_web(
    base_url: str,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    bearer: SecretStr | None = None,
) -> Iterator["Web"]:
    """Open a client for one server; ``timeout_s`` bounds each connection, read and write."""
    client = httpx.Client(
        base_url=base_url.rstrip("/"),
        timeout=timeout_s,
        headers={"user-agent": "greenflow-release", **(headers or {})},
        auth=_Bearer(bearer) if bearer else None,
        follow_redirects=False,  # a redirect is an answer to judge, not a place to carry a token to
        event_hooks={"request": [_require_effect]},
    )
    with client:
        yield Web(client, Redaction([bearer] if bearer else []))


class Web:
    """Call one server; every method says in ``doing`` what it is for, in words that follow "could not"."""

    def __init__(self, client: httpx.Client, redact: Redaction) -> None:
        self._client = client
        self._redact = redact

    def ask(self, method: str, path: str, *, doing: str, **options: Any) -> httpx.Response:
        """Return any answer, also of an error.

        Raises TransientError when the server was not reached or a reading call got no answer, UnknownOutcome
        when the answer to a changing call was lost.
        """
        try:
            return self._client.request(method, path, **options)
        except httpx.RequestError as error:
            raise _of_connection(doing, error, method) from error
        except httpx.InvalidURL as error:
            msg = sentence("could not {doing}: {why}", doing=named(doing), why=error)
            raise PermanentError(msg) from error

    def call(self, method: str, path: str, *, doing: str, **options: Any) -> httpx.Response:
        """Return an answer below 400.

        Raises HttpRefusedError for the server's no, TransientError for "too many requests" and the 5xx of a
        reading call, UnknownOutcome for that of a changing one, and what ``ask`` raises.
        """
        response = self.ask(method, path, doing=doing, **options)
        if response.status_code >= CLIENT_ERROR:
            raise self._of_answer(doing, response)
        return response

    def json(self, method: str, path: str, *, doing: str, **options: Any) -> dict[str, Any]:
        """Return the JSON object of an answer below 400; raises PermanentError when it is no object."""
        found = parsed(self.call(method, path, doing=doing, **options))
        if not isinstance(found, dict):
            msg = sentence(
                "could not {doing}: found an answer of {kind}, expected a JSON object",
                doing=named(doing),
                kind=type(found).__name__,
            )
            raise PermanentError(msg)
        return found

    def _of_answer(self, doing: str, response: httpx.Response) -> ReleaseError:
        body = parsed(response)
        message = sentence(
            "could not {doing}: {why}", doing=named(doing), why=f"{response.status_code}: {self._redact(_cause(body))}"
        )
        if response.status_code == TOO_MANY_REQUESTS:
            return TransientError(message)
        if response.status_code >= SERVER_ERROR:
            return TransientError(message) if response.request.method in READS else UnknownOutcome(message)
        return HttpRefusedError(message, status=response.status_code, body=body)


def parsed(response: httpx.Response) -> Any:
    """Return the JSON of an answer, or its text when it is none."""
    try:
        return response.json()
    except ValueError:
        return response.text


def host_of(url: str) -> str:
    """Return the host and port of an address: what an error may tell of it."""
    return urlsplit(url).netloc.rpartition("@")[2]


class _Bearer(httpx.Auth):
    """Add the token while a request goes out, so that no object of ours shows it."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request


def _require_effect(request: httpx.Request) -> None:
    if request.method not in READS:
        require_effect(f"{request.method} {request.url.host}{request.url.path}")


def _of_connection(doing: str, error: httpx.RequestError, method: str) -> ReleaseError:
    try:
        where = host_of(str(error.request.url))
    except RuntimeError:
        where = named("the server")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return TransientError(sentence("could not {doing}: no connection to {where}", doing=named(doing), where=where))
    if isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects):
        return PermanentError(sentence("could not {doing}: {why}", doing=named(doing), why=error))
    lost = sentence(
        "could not {doing}: the answer of {where} was lost ({kind})",
        doing=named(doing),
        where=where,
        kind=type(error).__name__,
    )
    return TransientError(lost) if method in READS else UnknownOutcome(lost)


def _cause(body: Any) -> str:
    error = body.get("error") or body.get("detail") or body if isinstance(body, dict) else body
    text = error.get("message", error) if isinstance(error, dict) else error
    return printable(str(text).replace("\n", " "))[:CAUSE_CHARACTERS] or "no words"
