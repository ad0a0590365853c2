"""The public site and API are looked at as a browser, a stranger and an old machine would."""

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.twin.http_thread import HttpThread
from tasks.clients.tls import old_protocols
from tasks.models import Check, Outcome
from tasks.security import check_security
from tasks.settings import Settings
from tests.tasks.test_header_rules import GOOD
from tests.tasks.tls_servers import Authority

pytest_plugins = ["tests.tasks.tls_fixtures"]


class Web:
    """Answer with these headers and cookies, whatever is asked."""

    url = ""

    def __init__(self) -> None:
        self.headers = {name: value for name, value in GOOD.items() if name != "server"}
        self.cookies: list[str] = []
        self.origins: list[str] = []

    async def answer(self, request: Request) -> Response:
        self.origins.append(request.headers.get("origin", ""))
        response = PlainTextResponse("ok", headers=self.headers)
        for cookie in self.cookies:
            response.headers.append("set-cookie", cookie)
        return response


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    with HttpThread(Starlette(routes=[Route("/{path:path}", web.answer)]), "web") as server:
        web.url = server.url
        yield web


@pytest.fixture
def settings(new_settings: Callable[..., Settings], web: Web) -> Settings:
    return new_settings(SITE__URL=web.url, LOAD_BALANCER__URL=web.url)


def failed(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.found for check in checks if check.outcome is Outcome.FAILED}


def test_a_site_and_an_api_in_order_pass_and_plain_http_says_that_tls_was_not_asked(
    settings: Settings, web: Web
) -> None:
    checks = check_security(settings)
    assert failed(checks) == {}
    assert set(web.origins) == {"https://stranger.example"}
    skipped = [check.note for check in checks if check.outcome is Outcome.SKIPPED]
    assert skipped == [f"{web.url} is no https address"] * 2


def test_a_missing_header_and_a_cookie_without_secure_are_found_on_both(settings: Settings, web: Web) -> None:
    del web.headers["x-content-type-options"]
    web.cookies = ["session=canary-cookie-value; HttpOnly; SameSite=Lax"]
    found = failed(check_security(settings))
    assert found["x-content-type-options of the public site"] == "no such header"
    assert found["x-content-type-options of the public API"] == "no such header"
    assert found["cookies of the public API"] == "session without Secure"
    assert "canary-cookie-value" not in str(found)


def test_an_api_that_shares_answers_with_strangers_cookies_is_found(settings: Settings, web: Web) -> None:
    web.headers |= {"access-control-allow-origin": "*", "access-control-allow-credentials": "true"}
    assert "answers of the public API to strangers" in failed(check_security(settings))


def old_context(authority: Authority) -> ssl.SSLContext:
    """Speak TLS 1.1, as a server nobody has touched for years."""
    context = authority.context("localhost", 90)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    return context


def asked_twice(context: ssl.SSLContext) -> tuple[str, ...]:
    """Ask a server for both old protocols."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            with listener.accept()[0] as plain, contextlib.suppress(OSError):
                context.wrap_socket(plain, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return old_protocols("localhost", listener.getsockname()[1], timeout_s=5)
    finally:
        thread.join()
        listener.close()


def test_a_server_of_today_agrees_to_nothing_old(trusted: Authority) -> None:
    assert asked_twice(trusted.context("localhost", 90)) == ()


def test_a_server_that_still_speaks_tls_1_1_is_found(trusted: Authority) -> None:
    assert asked_twice(old_context(trusted)) == ("TLS 1.1",)


def test_something_that_speaks_no_tls_agrees_to_nothing(web: Web) -> None:
    port = urlsplit(web.url).port
    assert old_protocols("127.0.0.1", port or 0, timeout_s=5) == ()
