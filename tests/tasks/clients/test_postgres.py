"""PostgreSQL is looked at without a chance to write, changed only from an effect, its password shown to nobody."""

import os
import socket
import stat
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from deployments.twin.postgres import Postgres
from tasks.clients import postgres as client
from tasks.clients.postgres import (
    client_version,
    database_name,
    on_database,
    open_to_change,
    open_to_look,
    server_version,
    tool,
    tool_environment,
)
from tasks.clients.shell import run
from tasks.errors import PermanentError, SettingsError, TransientError, UnknownOutcome
from tasks.mutations import UnrecordedMutationError, permit

pytest_plugins = ["tests.tasks.stores_fixtures"]


@pytest.fixture
def url(database: str) -> SecretStr:
    return SecretStr(database)


def test_who_looks_cannot_write(url: SecretStr) -> None:
    with (
        pytest.raises(PermanentError, match="could not look: cannot execute CREATE TABLE in a read-only transaction"),
        open_to_look(url, doing="look") as connection,
    ):
        connection.execute("CREATE TABLE t (id integer)")


def test_a_change_outside_of_an_effect_is_refused(url: SecretStr) -> None:
    with (
        pytest.raises(UnrecordedMutationError, match="postgres: make a table"),
        open_to_change(url, doing="make a table"),
    ):
        pass


def test_a_change_inside_of_an_effect_is_kept(url: SecretStr) -> None:
    with permit(), open_to_change(url, doing="make a table") as connection:
        connection.execute("CREATE TABLE t (id integer)")
    with open_to_look(url, doing="look") as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_connection_lost_during_a_change_is_unknown(url: SecretStr) -> None:
    def change_while_the_network_goes() -> None:
        with permit(), open_to_change(url, doing="change") as connection:
            cut(connection)
            connection.execute("CREATE TABLE t (id integer)")

    with pytest.raises(UnknownOutcome, match="could not change: "):
        change_while_the_network_goes()


def test_a_connection_lost_during_a_look_may_be_tried_again(url: SecretStr) -> None:
    def look_while_the_network_goes() -> None:
        with open_to_look(url, doing="look") as connection:
            cut(connection)
            connection.execute("SELECT 1")

    with pytest.raises(TransientError, match="could not look: "):
        look_while_the_network_goes()


def cut(connection: client.Connection) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def test_a_wrong_password_is_refused_and_not_shown(url: SecretStr, postgres: Postgres) -> None:
    wrong = SecretStr(url.get_secret_value().replace(postgres.password, "hidden-word"))
    with (
        pytest.raises(PermanentError, match=r"could not look: .*password authentication failed") as caught,
        open_to_look(wrong, doing="look"),
    ):
        pass
    assert "hidden-word" not in str(caught.value)


def test_a_missing_database_is_refused(url: SecretStr) -> None:
    with (
        pytest.raises(PermanentError, match='database "nowhere" does not exist'),
        open_to_look(on_database(url, "nowhere"), doing="look"),
    ):
        pass


def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    away = SecretStr("postgresql://u:hidden-word@127.0.0.1:9/db")
    with pytest.raises(TransientError, match="could not look") as caught, open_to_look(away, doing="look"):
        pass
    assert "hidden-word" not in str(caught.value)


def test_what_is_no_address_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match=r"database\.url: found no PostgreSQL address") as caught:
        database_name(SecretStr("mysql://u:hidden-word@h/d?what"))
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgres://u:p%40ss@db:5432/live?sslmode=require", "postgres://u:p%40ss@db:5432/scratch?sslmode=require"),
        ("postgresql://db?dbname=live&options=-c%20x%3D1", "postgresql://db/scratch?options=-c%20x%3D1"),
        ("host=db dbname=live", "dbname=scratch host=db"),
    ],
)
def test_an_address_keeps_its_form_for_another_database(address: str, expected: str) -> None:
    assert on_database(SecretStr(address), "scratch").get_secret_value() == expected


def test_another_database_of_the_same_server_keeps_everything_else(url: SecretStr) -> None:
    other = on_database(url, 'a"b c')
    assert database_name(other) == 'a"b c'
    assert client._parts(other)["password"] == client._parts(url)["password"]


def test_the_tools_get_the_password_by_a_private_file_alone(url: SecretStr, postgres: Postgres) -> None:
    with tool_environment(url) as env:
        file = Path(env["PGPASSFILE"])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert all(postgres.password not in value for value in env.values())
        said = run((tool(str(postgres.bin), "psql"), "--no-password", "-Atc", "SELECT 7"), env=env, timeout_s=20)
    assert said.stdout == "7"
    assert not file.exists()


def test_a_password_of_odd_characters_reaches_the_tools(url: SecretStr, postgres: Postgres) -> None:
    word = r"a:b\c d'e"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE odd LOGIN PASSWORD {sql.Literal(word).as_string(connection)}".encode())
    parts = urlsplit(url.get_secret_value())
    odd = SecretStr(f"postgresql://odd:{quote(word, safe='')}@127.0.0.1:{parts.port}{parts.path}")
    with tool_environment(odd) as env:
        said = run(
            (tool(str(postgres.bin), "psql"), "--no-password", "-Atc", "SELECT current_user"), env=env, timeout_s=20
        )
    assert said.stdout == "odd"


def test_both_versions_are_read(url: SecretStr, postgres: Postgres) -> None:
    major, whole = client_version(tool(str(postgres.bin), "pg_dump"))
    with open_to_look(url, doing="look") as connection:
        assert server_version(connection) == (major, whole)


def test_a_tool_that_is_missing_says_what_to_install() -> None:
    with pytest.raises(PermanentError, match=r"no such program on PATH; install PostgreSQL's client"):
        client_version("/nowhere/pg_dump")
