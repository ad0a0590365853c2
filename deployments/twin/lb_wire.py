"""HTTP/1.1 messages on their way through the load balancer: bytes to whole messages and back; no IO.

Messages are taken whole before they are passed on: then a target that dies in the middle of an answer becomes
a clean 502, and a request can be sent a second time. Bodies are bounded, the twin's are small.
"""

from dataclasses import dataclass

import httptools

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
_REWRITTEN = _HOP_BY_HOP | {b"content-length", b"expect", b"x-forwarded-for", b"x-forwarded-proto"}
_BODY_METHODS = frozenset({b"POST", b"PUT", b"PATCH"})
_BODYLESS_STATUSES = frozenset({204, 304})
_REASONS = {
    400: b"Bad Request",
    413: b"Content Too Large",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Time-out",
}


class WireError(Exception):
    """What came is no HTTP/1.1 message that can be passed on; `status` is the answer a client gets."""

    def __init__(self, status: int) -> None:
        super().__init__(f"not a message that can be passed on: {status} {_REASONS[status].decode()}")
        self.status = status


@dataclass(slots=True)
class Request:
    """A client's whole request; header names are lower case."""

    method: bytes
    url: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    keep_alive: bool

    def rendered(self, fields: dict[bytes, bytes], client_address: bytes) -> bytes:
        """Write the request for a target; `fields` are its headers by name."""
        parts = [self.method, b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name not in _REWRITTEN:
                parts += (name, b": ", value, b"\r\n")
        before = fields.get(b"x-forwarded-for")
        forwarded = before + b", " + client_address if before else client_address
        parts += (b"x-forwarded-for: ", forwarded, b"\r\nx-forwarded-proto: http\r\n")
        if self.body or self.method in _BODY_METHODS:
            parts.append(b"content-length: %d\r\n" % len(self.body))
        parts += (b"\r\n", self.body)
        return b"".join(parts)


@dataclass(slots=True)
class Response:
    """A target's whole response; header names are lower case."""

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    keep_alive: bool

    def rendered(self, served_by: bytes, *, to_head: bool, keep_alive: bool) -> bytes:
        """Write the response for the client, with the name of the group that served it."""
        parts = [b"HTTP/1.1 %d %s\r\n" % (self.status, self.reason)]
        keeps_length = to_head or self.status in _BODYLESS_STATUSES
        for name, value in self.headers:
            if name not in _REWRITTEN or (keeps_length and name == b"content-length"):
                parts += (name, b": ", value, b"\r\n")
        parts += (b"x-greenflow-served-by: ", served_by, b"\r\n")
        if not keeps_length:
            parts.append(b"content-length: %d\r\n" % len(self.body))
        if not keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", self.body)
        return b"".join(parts)


def own_answer(status: int, *, keep_alive: bool, served_by: bytes = b"") -> bytes:
    """Write an answer of the load balancer's own; `served_by` when a group had been chosen."""
    reason = _REASONS[status]
    lines = [b"HTTP/1.1 %d %s" % (status, reason), b"server: awselb/2.0", b"content-type: text/plain"]
    lines.append(b"content-length: %d" % len(reason))
    if served_by:
        lines.append(b"x-greenflow-served-by: " + served_by)
    if not keep_alive:
        lines.append(b"connection: close")
    return b"\r\n".join([*lines, b"", reason])


class MessageReader:
    """The part of reading that requests and responses share; httptools calls the `on_` methods."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._line = b""
        self._size = 0
        self._parser: httptools.HttpRequestParser | httptools.HttpResponseParser

    def on_message_begin(self) -> None:
        self._headers, self._body, self._line, self._size = [], [], b"", 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def _feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_MESSAGE_BYTES:
            raise WireError(413)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise WireError(400) from error


class RequestReader(MessageReader):
    """Cut a client's bytes into requests."""

    def __init__(self) -> None:
        super().__init__()
        self._parser: httptools.HttpRequestParser = httptools.HttpRequestParser(self)
        self._whole: list[Request] = []
        self.asks_to_continue = False

    def feed(self, data: bytes) -> list[Request]:
        """Give the requests that `data` completed; WireError when the client must be refused."""
        self._whole = []
        self.asks_to_continue = False
        self._feed(data)
        return self._whole

    def on_url(self, url: bytes) -> None:
        self._line += url

    def on_headers_complete(self) -> None:
        self.asks_to_continue = (b"expect", b"100-continue") in self._headers

    def on_message_complete(self) -> None:
        self.asks_to_continue = False
        self._size = 0
        parser = self._parser
        body = b"".join(self._body)
        request = Request(parser.get_method(), self._line, self._headers, body, parser.should_keep_alive())
        self._whole.append(request)


class ResponseReader(MessageReader):
    """Cut a target's bytes into the one response that is due."""

    def __init__(self) -> None:
        super().__init__()
        self._parser: httptools.HttpResponseParser = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._begun = False
        self._to_head = False

    def expect(self, *, to_head: bool) -> None:
        """Get ready for the response to a request just sent; one to HEAD ends with its headers."""
        self._response = None
        self._begun = False
        self._to_head = to_head

    def feed(self, data: bytes) -> Response | None:
        """Give the response once it is whole; WireError when it is none."""
        self._feed(data)
        return self._response

    def close(self) -> Response | None:
        """Take the end of the connection: it ends a response that told no length, any other is cut: None."""
        names = {name for name, _ in self._headers}
        if self._begun and not names & {b"content-length", b"transfer-encoding"}:
            self._finish(keep_alive=False)
            return self._response
        return None

    def on_status(self, reason: bytes) -> None:
        self._line += reason

    def on_headers_complete(self) -> None:
        self._begun = self._parser.get_status_code() >= 200  # noqa: PLR2004  1xx comes before the answer
        if self._begun and self._to_head:
            self._finish(keep_alive=False)  # the parser would wait for the body that content-length tells of

    def on_message_complete(self) -> None:
        self._size = 0
        if self._begun and self._response is None:
            self._finish(keep_alive=self._parser.should_keep_alive())

    def _finish(self, *, keep_alive: bool) -> None:
        status = self._parser.get_status_code()
        self._response = Response(status, self._line, self._headers, b"".join(self._body), keep_alive)
