"""Real TLS servers on loopback, with certificates of an authority that is trusted or is not."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)


class Authority:
    """Sign certificates, as one that browsers trust or do not."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        self.file = folder / f"{name}.pem"
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        made = self._builder(self._name, self._key.public_key(), 365).add_extension(constraints, critical=True)
        self.file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def context(self, host: str, days: int) -> ssl.SSLContext:
        """Issue a certificate and give what a server shows it with."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = self._builder(x509.Name([]), key.public_key(), days).add_extension(names, critical=True)
        file = self._folder / f"{host}-{days}.pem"
        file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())) + _private(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=30))
            .not_valid_after(NOW + timedelta(days=days))
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


Serve = Callable[[ssl.SSLContext], int]


def shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    with listener, listener.accept()[0] as plain:
        try:
            context.wrap_socket(plain, server_side=True).close()
        except OSError:
            return
