"""Look at a server's certificate as a browser would, and at what it still speaks with browsers of long ago."""

import os
import socket
import ssl
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tasks.errors import PermanentError, TransientError
from tasks.sentences import named, sentence

OLD_PROTOCOLS: Final = {0x0301: "TLS 1.0", 0x0302: "TLS 1.1"}
OLD_CIPHERS: Final = (0xC009, 0xC00A, 0xC013, 0xC014, 0x002F, 0x0035, 0x000A)
HANDSHAKE, SERVER_HELLO = 22, 2
ANSWER_BYTES: Final = 11
"""Record type, version and length, then the message's type and length, then the version it agrees to."""


@dataclass(frozen=True)
class Certificate:
    """Hold what a verified handshake showed."""

    issuer: str
    expires_at: datetime
    protocol: str

    def days_left(self, now: datetime) -> int:
        """Count the whole days until it expires."""
        return (self.expires_at - now).days


def read_certificate(host: str, port: int = 443, *, timeout_s: float) -> Certificate:
    """Return the certificate a server shows.

    Raises PermanentError when its chain, host name or date is refused, TransientError when it is not reached.
    """
    doing = sentence("verify the certificate of {host}", host=host)
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            return _certificate(secure)
    except ssl.SSLCertVerificationError as error:
        msg = sentence("could not {doing}: {why}", doing=named(doing), why=error.verify_message)
        raise PermanentError(msg) from error
    except ssl.SSLError as error:
        msg = sentence(
            "could not {doing}: no TLS 1.2 or newer: {reason}",
            doing=named(doing),
            reason=error.reason or type(error).__name__,
        )
        raise PermanentError(msg) from error
    except OSError as error:
        msg = sentence("could not {doing}: {why}", doing=named(doing), why=error.strerror or type(error).__name__)
        raise TransientError(msg) from error


def old_protocols(host: str, port: int = 443, *, timeout_s: float) -> tuple[str, ...]:
    """Return which protocols before TLS 1.2 a server still agrees to.

    The greetings are written here by hand, since no TLS library of today says them. Raises TransientError when the
    server is not reached.
    """
    return tuple(name for version, name in OLD_PROTOCOLS.items() if _agrees(host, port, version, timeout_s))


def _agrees(host: str, port: int, version: int, timeout_s: float) -> bool:
    answer = b""
    try:
        with socket.create_connection((host, port), timeout_s) as plain:
            plain.sendall(_greeting(host, version))
            while len(answer) < ANSWER_BYTES and (more := plain.recv(ANSWER_BYTES - len(answer))):
                answer += more
    except ConnectionResetError:
        return False
    except OSError as error:
        msg = sentence(
            "could not ask {host} for {protocol}: {why}",
            host=host,
            why=error.strerror or type(error).__name__,
            protocol=OLD_PROTOCOLS[version],
        )
        raise TransientError(msg) from error
    if len(answer) < ANSWER_BYTES or answer[0] != HANDSHAKE or answer[5] != SERVER_HELLO:
        return False
    return bool(struct.unpack(">H", answer[9:11])[0] == version)


def _greeting(host: str, version: int) -> bytes:
    """Write a ClientHello of an old browser (RFC 4346, 7.4.1.2; RFC 6066 for the name, RFC 8422 for the curves)."""
    name = host.encode("idna")
    extensions = (
        _extension(0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name),
        _extension(10, struct.pack(">HHHH", 6, 23, 24, 29)),
        _extension(11, b"\x01\x00"),
    )
    ciphers = struct.pack(f">{len(OLD_CIPHERS)}H", *OLD_CIPHERS)
    body = b"".join(
        (
            struct.pack(">H", version) + os.urandom(32) + b"\x00",
            struct.pack(">H", len(ciphers)) + ciphers + b"\x01\x00",
            struct.pack(">H", sum(map(len, extensions))),
            *extensions,
        )
    )
    hello = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return struct.pack(">BHH", HANDSHAKE, 0x0301, len(hello)) + hello


def _extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


def _certificate(secure: ssl.SSLSocket) -> Certificate:
    shown = secure.getpeercert() or {}
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    names: Any = shown.get("issuer", ())
    issuer = {key: value for pairs in names for key, value in pairs}
    return Certificate(str(issuer.get("organizationName", "?")), expires, secure.version() or "?")
