"""The twin's Valkey is a real one and wants its password."""

import subprocess
from collections.abc import Iterator

import pytest
import redis

from deployments.twin import valkey as valkey_module
from deployments.twin.processes import Processes, free_port, survivors
from deployments.twin.valkey import Valkey


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    with Processes() as processes, Valkey(processes, processes.folder) as server:
        yield server


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as connected:
        yield connected


def test_it_keeps_what_it_is_told(client: "redis.Redis") -> None:
    client.set("session", "그린플로우", ex=60)
    assert client.get("session") == "그린플로우"


def test_it_refuses_a_wrong_password(valkey: Valkey) -> None:
    with (
        redis.Redis.from_url(valkey.url.replace(valkey.password, "guessed")) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_the_password_is_in_no_process_list(valkey: Valkey) -> None:
    listing = subprocess.run(["/bin/ps", "-axwwo", "args="], capture_output=True, text=True, check=True).stdout
    assert "valkey.conf" in listing
    assert valkey.password not in listing


def test_it_comes_back_on_its_port_and_empty_after_being_killed(valkey: Valkey, client: "redis.Redis") -> None:
    client.set("bid", "1")
    assert valkey.child.kill() == -9
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(valkey.url).ping()
    valkey.start()
    assert client.get("bid") is None


def test_a_second_try_finds_another_port_when_the_first_was_taken(
    valkey: Valkey, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([valkey.port, free_port()])
    monkeypatch.setattr(valkey_module, "free_port", lambda: next(ports))
    with Valkey(processes, processes.folder) as server:
        assert server.port != valkey.port
        assert server._answers()


def test_after_the_twin_no_server_is_left() -> None:
    with Processes() as processes:
        Valkey(processes, processes.folder).__enter__()
        assert survivors(processes.twin_id)
    assert not survivors(processes.twin_id)
