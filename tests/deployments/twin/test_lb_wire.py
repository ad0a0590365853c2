"""Bytes become whole messages, however they are cut, and nothing becomes two."""

import asyncio
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.twin.lb_proxy import Balancer, Client
from deployments.twin.lb_routing import parse_routes
from deployments.twin.lb_wire import MAX_MESSAGE_BYTES, Request, RequestReader, ResponseReader, WireError
from tests.deployments.twin.data_plane import groups_of, rule, seeded

TWO_REQUESTS = (
    b"POST /bid?x=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n"
    b"GET /second HTTP/1.0\r\nX-A: b\r\n\r\n"
)


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(places) if begin < end]


@given(st.lists(st.integers(0, len(TWO_REQUESTS)), max_size=8))
def test_requests_are_found_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    reader = RequestReader()
    first, second = [request for part in chunks(TWO_REQUESTS, cuts) for request in reader.feed(part)]
    assert (first.method, first.url, first.body, first.keep_alive) == (b"POST", b"/bid?x=1", b"four", True)
    assert (second.url, second.headers, second.body, second.keep_alive) == (b"/second", [(b"x-a", b"b")], b"", False)


def test_headers_between_two_neighbours_only_are_not_passed_on() -> None:
    headers = [(b"connection", b"close"), (b"upgrade", b"x"), (b"x-own", b"1"), (b"x-forwarded-for", b"9.9.9.9")]
    request = Request(b"GET", b"/", headers, b"", keep_alive=True)
    assert request.rendered(dict(headers), b"1.2.3.4") == (
        b"GET / HTTP/1.1\r\nx-own: 1\r\nx-forwarded-for: 9.9.9.9, 1.2.3.4\r\nx-forwarded-proto: http\r\n\r\n"
    )


def test_a_chunked_request_leaves_with_a_length() -> None:
    [request, _] = RequestReader().feed(TWO_REQUESTS)
    sent = request.rendered(dict(request.headers), b"1.2.3.4")
    assert b"\r\ncontent-length: 4\r\n" in sent
    assert sent.endswith(b"\r\n\r\nfour")
    assert b"chunked" not in sent


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_MESSAGE_BYTES, 413),
    ],
)
def test_what_cannot_be_passed_on_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(WireError) as refusal:
        RequestReader().feed(data)
    assert refusal.value.status == status


def test_many_requests_on_one_connection_are_never_too_large_together() -> None:
    reader = RequestReader()
    request = b"POST / HTTP/1.1\r\ncontent-length: 3000000\r\n\r\n" + bytes(3_000_000)
    assert [len(reader.feed(request)) for _ in range(5)] == [1] * 5


def test_an_interim_answer_is_not_taken_for_the_answer() -> None:
    reader = ResponseReader()
    reader.expect(to_head=False)
    assert reader.feed(b"HTTP/1.1 100 Continue\r\n\r\n") is None
    response = reader.feed(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")
    assert response is not None
    assert (response.status, response.reason, response.body, response.keep_alive) == (201, b"Created", b"ok", True)


@pytest.mark.parametrize(
    ("begun", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nall", b"all"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", None),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ncut\r\n", None),
        (b"HTTP/1.1 200 OK\r\nx:", None),
        (b"", None),
    ],
)
def test_the_end_of_a_connection_ends_only_an_answer_without_a_length(begun: bytes, body: bytes | None) -> None:
    reader = ResponseReader()
    reader.expect(to_head=False)
    assert reader.feed(begun) is None
    response = reader.close()
    assert (response and response.body) == body


def test_a_target_that_is_silent_for_too_long_is_a_504_and_no_connection_error() -> None:
    async def ask_a_silent_target() -> tuple[bytes, Balancer]:
        loop = asyncio.get_running_loop()
        balancer = Balancer(seeded(1), target_timeout_s=0.05)
        silent = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        server = await loop.create_server(lambda: Client(balancer), "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        balancer.take_routes(parse_routes({"version": 1, "rules": [rule(a=1)], "groups": groups_of(a=port)}))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.sleep(0.1)
        balancer.sweep(time.monotonic())
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        silent.close()
        server.close()
        await balancer.drain(1)
        return answer, balancer

    answer, balancer = asyncio.run(ask_a_silent_target())
    [document] = [each for each in balancer.counts.finished(time.time() + 1, 1) if each["groups"]]
    found = document["groups"]["arn:a"]
    assert answer.startswith(b"HTTP/1.1 504 ")
    assert (document["elb_5xx"], found["requests"], found["connection_errors"], found["2xx"]) == (1, 1, 0, 0)
    assert not balancer.under_way
