"""HTTP goes out with bounded waits, changes only from an effect, and errors come back in our words."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from tasks.clients.web import HttpRefusedError, Web, open_web
from tasks.errors import PermanentError, TransientError, UnknownOutcome
from tasks.mutations import UnrecordedMutationError, permit

TOKEN = SecretStr("hidden-token-of-the-test")


class Handler(BaseHTTPRequestHandler):
    """Do what the path says: a number is a status, ``echo`` tells the token back, ``drop`` hangs up."""

    seen: list[str] = []  # noqa: RUF012 - one server at a time

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("authorization", ""))
        what = urlsplit(self.path).path.strip("/")
        if what == "drop":
            self.close_connection = True
        elif what == "slow":
            threading.Event().wait(1)
        elif what == "echo":
            self._answer(400, f'{{"error": {{"message": "{self.headers.get("authorization")} is\\nwrong"}}}}')
        elif what == "list":
            self._answer(200, "[1]")
        else:
            self._answer(int(what), '{"error": "so it is"}')

    do_POST = do_GET  # noqa: N815 - the server's names

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        self.wfile.write(body.replace("\n", "\\n").encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web(url: str) -> Iterator[Web]:
    with open_web(url, timeout_s=0.3, bearer=TOKEN) as opened:
        yield opened


def test_a_good_answer_comes_back_as_its_object(web: Web) -> None:
    assert web.json("GET", "/200", doing="look") == {"error": "so it is"}
    assert Handler.seen[-1] == f"Bearer {TOKEN.get_secret_value()}"


def test_an_answer_that_is_no_object_is_refused(web: Web) -> None:
    with pytest.raises(PermanentError, match="could not look: found an answer of list, expected a JSON object"):
        web.json("GET", "/list", doing="look")


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_a_no_is_a_no_with_its_status_and_words(web: Web, status: int) -> None:
    with pytest.raises(HttpRefusedError, match=f"could not look: {status}: so it is") as caught:
        web.call("GET", f"/{status}", doing="look")
    assert caught.value.status == status
    assert caught.value.body == {"error": "so it is"}


def test_too_many_requests_may_be_tried_again(web: Web) -> None:
    with permit(), pytest.raises(TransientError, match="429"):
        web.call("POST", "/429", doing="change")


@pytest.mark.parametrize("path", ["/500", "/503", "/drop", "/slow"])
def test_what_is_lost_of_a_look_may_be_tried_again(web: Web, path: str) -> None:
    with pytest.raises(TransientError, match="could not look"):
        web.call("GET", path, doing="look")


@pytest.mark.parametrize("path", ["/500", "/503", "/drop", "/slow"])
def test_what_is_lost_of_a_change_is_unknown(web: Web, path: str) -> None:
    with permit(), pytest.raises(UnknownOutcome, match="could not change"):
        web.call("POST", path, doing="change")


def test_a_change_that_never_reached_the_server_may_be_tried_again() -> None:
    with (
        permit(),
        open_web("http://127.0.0.1:9", timeout_s=1) as away,
        pytest.raises(TransientError, match=r"could not change: no connection to 127\.0\.0\.1:9"),
    ):
        away.call("POST", "/", doing="change")


def test_a_change_outside_of_an_effect_never_goes_out(web: Web) -> None:
    before = len(Handler.seen)
    with pytest.raises(UnrecordedMutationError, match=r"POST 127\.0\.0\.1/200"):
        web.call("POST", "/200", doing="change")
    assert len(Handler.seen) == before


def test_a_token_that_the_server_repeats_is_not_shown(web: Web) -> None:
    with pytest.raises(HttpRefusedError) as caught:
        web.call("GET", "/echo", doing="look")
    assert str(caught.value) == "could not look: 400: Bearer *** is wrong"


def test_a_redirect_is_an_answer_and_carries_the_token_nowhere(web: Web) -> None:
    before = len(Handler.seen)
    assert web.call("GET", "/302", doing="look").status_code == 302
    assert len(Handler.seen) == before + 1


def test_no_wait_is_longer_than_its_limit(web: Web) -> None:
    started_s = time.monotonic()
    with pytest.raises(TransientError):
        web.call("GET", "/slow", doing="look")
    assert time.monotonic() - started_s < 0.8
