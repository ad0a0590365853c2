"""An authority the process trusts, and a server to show its certificates with."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.tls_servers import Authority, Serve, shake_hands


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Authority:
    made = Authority(tmp_path, "Test Trust")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Shake hands once on a port of 127.0.0.1, then hang up."""
    threads: list[threading.Thread] = []

    def start(context: ssl.SSLContext) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=shake_hands, args=(listener, context)))
        threads[-1].start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    for thread in threads:
        thread.join()
