"""A site whose domain or certificate is wrong is refused while nothing has moved, with what to do about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tasks.clients.vercel import Vercel
from tasks.models import Check
from tasks.settings import Settings
from tasks.site_domain import check_certificate, check_domain
from tests.tasks.tls_servers import Authority, Serve

pytest_plugins = ["tests.tasks.tls_fixtures"]


@pytest.fixture
def at(new_settings: Callable[..., Settings]) -> Callable[[str], Settings]:
    return lambda url: new_settings(SITE__URL=url)


def shown(at: Callable[[str], Settings], port: int) -> Check:
    return check_certificate(at(f"https://localhost:{port}"))


class Domains:
    """Answer for Vercel what domains a project has."""

    def __init__(self, *domains: dict[str, Any]) -> None:
        self._domains = list(domains)

    def domains(self) -> list[dict[str, Any]]:
        return self._domains


def bound(at: Callable[[str], Settings], *domains: dict[str, Any]) -> Check:
    return check_domain(at("https://greenflow.dev"), cast("Vercel", Domains(*domains)))


def test_a_certificate_with_enough_days_passes(at: Callable[[str], Settings], trusted: Authority, serve: Serve) -> None:
    check = shown(at, serve(trusted.context("localhost", 22)))
    assert (check.outcome, check.found) == ("passed", "21 days, by Test Trust, TLSv1.3")


@pytest.mark.parametrize(
    ("host", "days", "found"),
    [
        ("localhost", 21, "20 days, by Test Trust, TLSv1.3"),
        ("localhost", -1, "could not verify the certificate of localhost: certificate has expired"),
        ("www.greenflow.dev", 90, "could not verify the certificate of localhost: Hostname mismatch"),
    ],
)
def test_a_certificate_that_users_would_stumble_over_is_refused(
    at: Callable[[str], Settings], trusted: Authority, serve: Serve, host: str, days: int, found: str
) -> None:
    check = shown(at, serve(trusted.context(host, days)))
    assert check.outcome == "failed"
    assert check.found.startswith(found)
    assert check.expected == "valid chain and host, at least 21 days"
    assert "DNS" in check.note


def test_a_certificate_of_nobody_is_refused(
    at: Callable[[str], Settings], trusted: Authority, serve: Serve, tmp_path: Path
) -> None:
    check = shown(at, serve(Authority(tmp_path, "Nobody").context("localhost", 90)))
    assert check.outcome == "failed"
    assert "unable to get local issuer certificate" in check.found


def test_a_domain_counts_when_it_is_bound_and_verified(at: Callable[[str], Settings]) -> None:
    assert bound(at, {"name": "greenflow.dev", "verified": True}).outcome == "passed"
    assert bound(at, {"name": "greenflow.dev", "verified": False}).found == "bound, not verified"
    foreign = bound(at, {"name": "greenflow.com", "verified": True})
    assert (foreign.outcome, foreign.found) == ("failed", "not bound; bound are greenflow.com")
    assert bound(at).found == "not bound; bound are no domain"
