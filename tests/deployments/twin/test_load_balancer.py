"""The load balancer splits, counts and fails as an Application Load Balancer does, and loses nothing."""

import contextlib
import math
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.twin.load_balancer_bench import BenchControl, measure
from deployments.twin.processes import Processes, free_port
from tests.deployments.twin.data_plane import Plane, Target, groups_of, load_balancer, rule, wait_until

pytest_plugins = ("tests.deployments.twin.data_plane_fixtures",)


@pytest.fixture
def client(plane: Plane) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=plane.url, timeout=20) as connected:
        yield connected


@pytest.fixture
def calm_client(calm_plane: Plane) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=calm_plane.url, timeout=20) as connected:
        yield connected


def split(plane: Plane, targets: dict[str, Target], a: int, b: int) -> None:
    version = plane.control.set_routes([rule(a=a, b=b)], groups_of(a=targets["a"].port, b=targets["b"].port))
    wait_until(lambda: plane.control.acknowledged == version, within_s=1)


def served_by(client: httpx.Client, times: int) -> Counter[str]:
    return Counter(client.get("/").headers["x-greenflow-served-by"] for _ in range(times))


def test_a_request_and_its_answer_pass_through_unchanged(calm_client: httpx.Client, calm_target: Target) -> None:
    body = bytes(range(256)) * 4096
    answer = calm_client.post("/echo?status=201", content=body, headers={"x-own": "kept"})
    path, headers, arrived = calm_target.seen[-1]
    assert (answer.status_code, answer.content, answer.headers["x-app-version"]) == (201, body, "a")
    assert (path, arrived, headers["x-own"]) == ("/echo", body, "kept")
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["host"] == calm_client.base_url.netloc.decode()


def test_the_answer_names_the_group_that_served_it(calm_client: httpx.Client) -> None:
    assert calm_client.get("/").headers["x-greenflow-served-by"] == "greenflow-api-a"


def test_a_marked_request_goes_to_the_side_it_asks_for(calm_client: httpx.Client) -> None:
    answer = calm_client.get("/", headers={"x-greenflow-side": "b"})
    assert answer.headers["x-greenflow-served-by"] == "greenflow-api-b"


def test_connections_to_a_target_are_kept_and_used_again(client: httpx.Client, targets: dict[str, Target]) -> None:
    served_by(client, 20)
    assert targets["a"].connections == 1


def test_a_weight_change_holds_for_the_requests_after_it(
    plane: Plane, client: httpx.Client, targets: dict[str, Target]
) -> None:
    split(plane, targets, a=0, b=100)
    assert served_by(client, 30) == {"greenflow-api-b": 30}


@pytest.mark.parametrize("weight", [10, 50])
def test_the_shares_of_a_running_load_balancer_are_binomial(weight: int) -> None:
    found = measure(seconds=1.0, weight=weight, users=32)
    total = sum(found["served"].values())
    share = weight / 100
    deviation = math.sqrt(total * share * (1 - share))
    assert set(found["served"]) == {"side-0", "side-1"}
    assert abs(found["served"]["side-1"] - total * share) < 5 * deviation
    assert total > 1000


def test_a_request_under_way_is_answered_when_its_target_leaves_the_routes(
    plane: Plane, client: httpx.Client, targets: dict[str, Target]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/hold")
        assert targets["a"].held.wait(5)
        plane.control.set_routes([rule(b=1)], groups_of(b=targets["b"].port))
        with httpx.Client(base_url=plane.url) as another:
            wait_until(lambda: another.get("/").text == "b")
        targets["a"].answer_held.set()
        assert answer.result(timeout=5).text == "a"
    wait_until(lambda: not targets["a"].open_connections, within_s=2)


def test_a_group_without_targets_answers_503_and_counts_for_no_group(
    plane: Plane, client: httpx.Client, targets: dict[str, Target]
) -> None:
    plane.control.set_routes([rule(b=1)], groups_of(a=targets["a"].port, b=None))
    wait_until(lambda: client.get("/").status_code == 503)
    wait_until(lambda: sum(posted["elb_5xx"] for posted in plane.control.posted))
    assert plane.counted("arn:b", "requests") == 0


def test_nothing_but_503_is_answered_before_there_are_routes(processes: Processes, tmp_path: Path) -> None:
    control = BenchControl()
    with control.listening() as url, load_balancer(processes, tmp_path, control, url) as plane:
        assert httpx.get(plane.url).status_code == 503


@pytest.mark.parametrize("path", ["/drop", "/cut", "/nonsense"])
def test_a_target_without_a_whole_answer_is_a_502_and_a_connection_error(
    plane: Plane, client: httpx.Client, path: str
) -> None:
    answer = client.get(path)
    wait_until(lambda: plane.counted("arn:a", "connection_errors"))
    assert (answer.status_code, answer.headers["x-greenflow-served-by"]) == (502, "greenflow-api-a")
    assert plane.counted("arn:a", "requests") == 1
    assert [plane.counted("arn:a", f"{n}xx") for n in (2, 3, 4, 5)] == [0, 0, 0, 0]
    assert sum(posted["elb_5xx"] for posted in plane.control.posted) == 1


def test_a_target_that_does_not_listen_is_a_502(plane: Plane, client: httpx.Client) -> None:
    plane.control.set_routes([rule(b=1)], groups_of(b=free_port()))
    wait_until(lambda: client.get("/").status_code == 502)


def test_a_read_on_a_connection_the_target_had_given_up_is_sent_again(
    client: httpx.Client, targets: dict[str, Target]
) -> None:
    assert [client.get("/once").status_code for _ in range(4)] == [200] * 4
    assert targets["a"].connections == 4
    assert targets["a"].paths["/once"] > 4


def test_a_write_is_never_sent_twice(client: httpx.Client, targets: dict[str, Target]) -> None:
    assert client.post("/once", content=b"first").status_code == 200
    assert client.post("/once", content=b"second").status_code == 502
    assert [body for _, _, body in targets["a"].seen] == [b"first", b"second"]


@pytest.mark.parametrize(("path", "body"), [("/chunked", "onetwo"), ("/unmeasured", "until the end")])
def test_an_answer_without_a_length_gets_one(calm_client: httpx.Client, path: str, body: str) -> None:
    answer = calm_client.get(path)
    assert (answer.text, answer.headers["content-length"]) == (body, str(len(body)))


def test_an_answer_to_head_keeps_its_length_and_has_no_body(calm_client: httpx.Client) -> None:
    answer = calm_client.head("/plain")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "1", b"")
    assert calm_client.get("/").status_code == 200


def raw(plane: Plane, sent: bytes, answers: int) -> bytes:
    """Send bytes as they are; read until so many answers have begun and the connection pauses or ends."""
    host, _, port = plane.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(sent)
        got = b""
        while got.count(b"HTTP/1.1 ") < answers or not got.endswith((b"a", b"Bad Request")):
            more = connection.recv(65536)
            if not more:
                break
            got += more
    return got


def test_pipelined_requests_are_answered_in_their_order(calm_plane: Plane) -> None:
    statuses = [400 + n for n in range(90)]
    sent = b"".join(b"GET /?status=%d HTTP/1.1\r\nhost: x\r\n\r\n" % status for status in statuses)
    got = raw(calm_plane, sent, len(statuses))
    told = [int(part.split(b" ", 1)[0]) for part in got.split(b"HTTP/1.1 ")[1:]]
    assert told == statuses


def test_what_is_not_http_is_answered_400(calm_plane: Plane) -> None:
    assert raw(calm_plane, b"\x16\x03\x01 hello\r\n\r\n", 1).startswith(b"HTTP/1.1 400 ")


def test_a_body_too_large_to_keep_is_answered_413(calm_plane: Plane) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n"
    host, _, port = calm_plane.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head)
        with contextlib.suppress(ConnectionError):  # it may hang up on the rest
            connection.sendall(bytes(9_000_000))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_the_posted_counts_are_what_the_client_saw(plane: Plane, client: httpx.Client) -> None:
    for status in [200] * 5 + [301] * 2 + [404] * 3 + [500]:
        client.get(f"/?status={status}")
    client.get("/late?s=0.35")
    wait_until(lambda: plane.counted("arn:a", "requests") == 12)
    assert [plane.counted("arn:a", f"{n}xx") for n in (2, 3, 4, 5)] == [6, 2, 3, 1]
    assert [plane.counted("arn:a", f"slow_{bound}") for bound in ("300ms", "1s", "5s")] == [1, 0, 0]
    assert 0.35 < plane.counted("arn:a", "sum_s") < 0.9


def test_probes_are_counted_like_any_request_as_on_aws(plane: Plane, client: httpx.Client) -> None:
    for _ in range(3):
        client.get("/?status=500", headers={"x-greenflow-probe": "1"})
    client.get("/")
    wait_until(lambda: plane.counted("arn:a", "requests") == 4)
    assert plane.counted("arn:a", "5xx") == 3


def test_a_request_counts_in_the_second_in_which_it_was_answered(plane: Plane, client: httpx.Client) -> None:
    asked_at = time.time()
    client.get("/late?s=1.1")
    answered_at = time.time()
    wait_until(lambda: plane.counted("arn:a", "requests") == 1)
    [second] = [posted["start"] for posted in plane.control.posted if posted["groups"]]
    assert int(asked_at) + 1 <= second <= int(answered_at)


def test_seconds_are_posted_in_order_without_a_gap_also_when_nothing_happens(plane: Plane) -> None:
    wait_until(lambda: len(plane.control.posted) >= 3)
    starts = [posted["start"] for posted in plane.control.posted]
    assert starts == list(range(starts[0], starts[0] + len(starts)))


def test_requests_of_a_second_with_a_change_are_split_by_the_version_they_were_routed_under(
    plane: Plane, client: httpx.Client, targets: dict[str, Target]
) -> None:
    served_by(client, 10)
    split(plane, targets, a=0, b=100)
    served_by(client, 10)
    wait_until(lambda: plane.counted("arn:b", "requests") == 10)
    routed: dict[int, Counter[str]] = {}
    for posted in plane.control.posted:
        for part in posted["by_version"]:
            routed.setdefault(part["weights_version"], Counter()).update(part["requests"])
    assert routed[2] == {"arn:b": 10}
    assert routed[1] == {"arn:a": 10}


def test_marked_requests_do_not_count_as_split_by_weight(plane: Plane, client: httpx.Client) -> None:
    client.get("/", headers={"x-greenflow-side": "b"})
    wait_until(lambda: plane.counted("arn:b", "requests") == 1)
    assert not any(posted["by_version"] for posted in plane.control.posted)


def test_while_the_control_is_away_traffic_flows_and_its_counts_arrive_later(
    processes: Processes, tmp_path: Path, targets: dict[str, Target]
) -> None:
    control = BenchControl(hold_s=0.2)
    control.set_routes([rule(a=1)], groups_of(a=targets["a"].port))
    port = free_port()
    with ExitStack() as stack:
        with control.listening(port) as url:
            plane = stack.enter_context(load_balancer(processes, tmp_path, control, url))
            wait_until(lambda: httpx.get(plane.url).status_code == 200)
            wait_until(lambda: plane.counted("arn:a", "requests"))
        before = plane.counted("arn:a", "requests")
        away = []
        for _ in range(3):
            away.append(httpx.get(plane.url).status_code)
            threading.Event().wait(1)
        with control.listening(port):
            wait_until(lambda: plane.counted("arn:a", "requests") == before + 3)
    assert away == [200] * 3


def test_it_does_not_outlive_its_control_for_long(
    processes: Processes, tmp_path: Path, targets: dict[str, Target]
) -> None:
    control = BenchControl(hold_s=0.1)
    with ExitStack() as stack, ExitStack() as hanging_up:
        url = hanging_up.enter_context(control.listening())
        plane = stack.enter_context(load_balancer(processes, tmp_path, control, url, "--patience-s", "1"))
        threading.Event().wait(1.5)
        assert plane.child.poll() is None
        hanging_up.close()
        assert plane.child.wait(timeout=8) == 1
        assert "control has been silent" in plane.child.log_tail()


def test_on_sigterm_it_answers_what_is_under_way_reports_it_and_ends_well(
    plane: Plane, client: httpx.Client, targets: dict[str, Target]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/hold")
        assert targets["a"].held.wait(5)
        plane.child.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            plane.child.wait(0.3)
        targets["a"].answer_held.set()
        assert answer.result(timeout=5).text == "a"
    assert plane.child.wait(timeout=8) == 0
    assert plane.counted("arn:a", "requests") == 1


def test_on_sigterm_it_does_not_wait_for_answers_that_nobody_awaits(plane: Plane, targets: dict[str, Target]) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{plane.url}/hold", timeout=0.3)
    plane.child.terminate()
    assert plane.child.wait(timeout=5) == 0


def test_an_answer_that_its_client_did_not_wait_for_is_counted_as_what_it_was(
    plane: Plane, targets: dict[str, Target]
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{plane.url}/late?s=0.5", timeout=0.1)
    wait_until(lambda: plane.counted("arn:a", "requests") == 1)
    assert plane.counted("arn:a", "2xx") == 1


def test_nothing_is_lost_in_a_hundred_weight_changes_under_load(plane: Plane, targets: dict[str, Target]) -> None:
    stop = threading.Event()

    def user() -> list[int]:
        with httpx.Client(base_url=plane.url) as own:
            statuses = []
            while not stop.is_set():
                statuses.append(own.get("/").status_code)
            return statuses

    with ThreadPoolExecutor(4) as pool:
        users = [pool.submit(user) for _ in range(4)]
        for turn in range(100):
            split(plane, targets, a=100 * (turn % 2), b=100 * (1 - turn % 2))
        stop.set()
        statuses: list[Any] = [status for each in users for status in each.result()]
    assert len(statuses) > 100
    assert set(statuses) == {200}
