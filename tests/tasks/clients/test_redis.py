"""Redis is looked at freely and changed only from an effect."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from deployments.twin.processes import Processes
from deployments.twin.valkey import Valkey
from tasks.clients.redis import open_redis
from tasks.errors import PermanentError, SettingsError, TransientError
from tasks.mutations import UnrecordedMutationError, permit


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    with Processes() as processes, Valkey(processes, processes.folder) as started:
        yield started


@pytest.fixture
def url(valkey: Valkey) -> SecretStr:
    return SecretStr(valkey.url)


def test_a_look_needs_no_effect(url: SecretStr) -> None:
    with open_redis(url, timeout_s=2, doing="look") as client:
        assert client.ping() is True
        assert client.info("memory")["used_memory"] > 0


def test_a_change_needs_one(url: SecretStr) -> None:
    with (
        pytest.raises(UnrecordedMutationError, match="redis SET"),
        open_redis(url, timeout_s=2, doing="look") as client,
    ):
        client.set("key", "value")
    with permit(), open_redis(url, timeout_s=2, doing="change") as client:
        assert client.set("key", "value") is True
        assert client.get("key") == "value"


def test_a_wrong_password_is_refused_and_not_shown(url: SecretStr, valkey: Valkey) -> None:
    wrong = SecretStr(url.get_secret_value().replace(valkey.password, "hidden-word"))
    with (
        pytest.raises(PermanentError, match="could not look: ") as caught,
        open_redis(wrong, timeout_s=2, doing="look") as client,
    ):
        client.ping()
    assert "hidden-word" not in str(caught.value)


def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    away = SecretStr("redis://:hidden-word@127.0.0.1:9/0")
    with (
        pytest.raises(TransientError, match="could not look: ") as caught,
        open_redis(away, timeout_s=1, doing="look") as client,
    ):
        client.ping()
    assert "hidden-word" not in str(caught.value)


def test_what_is_no_address_is_refused_and_not_shown() -> None:
    with (
        pytest.raises(SettingsError, match=r"cache\.url: found no Redis address") as caught,
        open_redis(SecretStr("http://:hidden-word@h"), timeout_s=1, doing="look"),
    ):
        pass
    assert "hidden-word" not in str(caught.value)
