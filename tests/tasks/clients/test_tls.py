"""A certificate counts when its chain, its host and its dates are those a browser would accept."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.clients.tls import read_certificate
from tasks.errors import PermanentError, TransientError
from tests.tasks.tls_servers import NOW, Authority, Serve

pytest_plugins = ["tests.tasks.tls_fixtures"]


def test_a_good_certificate_tells_its_days_and_who_signed_it(trusted: Authority, serve: Serve) -> None:
    shown = read_certificate("localhost", serve(trusted.context("localhost", 90)), timeout_s=5)
    assert shown.expires_at == NOW + timedelta(days=90)
    assert shown.days_left(NOW + timedelta(days=70, hours=1)) == 19
    assert shown.issuer == "Test Trust"
    assert shown.protocol == "TLSv1.3"


def test_a_certificate_of_another_host_is_refused(trusted: Authority, serve: Serve) -> None:
    port = serve(trusted.context("greenflow.dev", 90))
    with pytest.raises(PermanentError, match="could not verify the certificate of localhost: Hostname mismatch"):
        read_certificate("localhost", port, timeout_s=5)


def test_a_certificate_of_an_unknown_authority_is_refused(trusted: Authority, serve: Serve, tmp_path: Path) -> None:
    port = serve(Authority(tmp_path, "Nobody").context("localhost", 90))
    with pytest.raises(PermanentError, match="unable to get local issuer certificate"):
        read_certificate("localhost", port, timeout_s=5)


def test_an_expired_certificate_is_refused(trusted: Authority, serve: Serve) -> None:
    port = serve(trusted.context("localhost", -1))
    with pytest.raises(PermanentError, match="certificate has expired"):
        read_certificate("localhost", port, timeout_s=5)


def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TransientError, match="Connection refused"):
        read_certificate("127.0.0.1", port, timeout_s=5)
