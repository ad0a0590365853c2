"""Look at a server's certificate as a browser would: chain and host are verified by the handshake."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.errors import PermanentError, TransientError


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
    doing = f"verify the certificate of {host}"
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            return _certificate(secure)
    except ssl.SSLCertVerificationError as error:
        msg = f"could not {doing}: {error.verify_message}"
        raise PermanentError(msg) from error
    except OSError as error:
        msg = f"could not {doing}: {error.strerror or type(error).__name__}"
        raise TransientError(msg) from error


def _certificate(secure: ssl.SSLSocket) -> Certificate:
    shown = secure.getpeercert() or {}
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    names: Any = shown.get("issuer", ())
    issuer = {key: value for pairs in names for key, value in pairs}
    return Certificate(str(issuer.get("organizationName", "?")), expires, secure.version() or "?")
