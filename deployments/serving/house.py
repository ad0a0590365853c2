"""Give the parts what they run in: the twin for a rehearsal, else a PostgreSQL and a Prefect that last."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from deployments.serving.one_log import OneLog
from deployments.serving.parts import House, server_part, told_to_all
from deployments.serving.supervisor import Part, Supervisor
from deployments.serving.wanted import Wanted
from deployments.twin.postgres import Postgres, kept_secret
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Processes, free_port
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish
from tasks.errors import SettingsError
from tasks.secrets import read_secret
from tasks.settings import Settings, load_settings

REHEARSAL = "rehearsal"
PERSON = "U0TWINPERSON"
USER = "greenflow"
USERS_RPS = 60
"""Half as many users as rehearse elsewhere: a browser and a worker share the machine with them."""
PATIENT = {"GREENFLOW_APPROVAL__EXPIRES_S": "1800"}
"""Whoever clicks through it for the first time reads before they press."""

Say = Callable[[str], None]


@contextmanager
def at_home(wanted: Wanted, say: Say) -> Iterator[tuple[House, Supervisor, Twin | None]]:
    """Hold the house open with its stores up and kept; leaving it ends every process by its id."""
    with ExitStack() as stack:
        log = stack.enter_context(closing(OneLog(wanted.log.resolve())))
        if wanted.environment == REHEARSAL:
            yield _with_twin(wanted, say, log, stack)
        else:
            yield *_that_lasts(wanted, say, log, stack), None


def _with_twin(wanted: Wanted, say: Say, log: OneLog, stack: ExitStack) -> tuple[House, Supervisor, Twin]:
    if wanted.database or wanted.auth:
        msg = "serve: found --database or --auth, expected neither: a rehearsal brings its own PostgreSQL and Prefect"
        raise SettingsError(msg)
    person = Person(PERSON, decision="silent")
    wish = Wish(wanted.version, wanted.fault, person, USERS_RPS, with_services=False, prefect_port=wanted.port)
    twin = stack.enter_context(Twin(wish, told=say))
    if twin.prefect is None:
        raise RuntimeError("could not start the Prefect server")
    own = {name: value for name, value in os.environ.items() if name.startswith("GREENFLOW_")}
    twin.environment = {**PATIENT, **own, **twin.environment}  # where the twin is, only it knows
    supervisor = Supervisor(twin.processes, log, say)
    stack.callback(supervisor.stop)
    supervisor.keep(server_part(twin.prefect), twin.prefect.child)
    return House(REHEARSAL, twin.processes, twin.folder, told_to_all(twin.environment), twin.prefect), supervisor, twin


def _that_lasts(wanted: Wanted, say: Say, log: OneLog, stack: ExitStack) -> tuple[House, Supervisor]:
    settings = load_settings(wanted.environment)
    auth = _auth(wanted, settings)
    processes = stack.enter_context(Processes())
    supervisor = Supervisor(processes, log, say)
    stack.callback(supervisor.stop)
    database = _own_database(wanted, settings) or _kept_database(wanted, processes, supervisor)
    options = {"PREFECT_SERVER_API_AUTH_STRING": auth}
    server = PrefectServer(processes, wanted.folder, database, options, port=wanted.port)
    server.port = wanted.port or free_port()
    supervisor.start(server_part(server))
    told = {**os.environ, **server.client_environment, "PREFECT_API_AUTH_STRING": auth}
    return House(wanted.environment, processes, wanted.folder, told_to_all(told), server), supervisor


def _own_database(wanted: Wanted, settings: Settings) -> str:
    return read_secret(wanted.database, settings.aws).get_secret_value() if wanted.database else ""


def _kept_database(wanted: Wanted, processes: Processes, supervisor: Supervisor) -> str:
    postgres = Postgres(processes, wanted.folder, lasting=True).__enter__()
    missing = "the Prefect server can read and write nothing"
    supervisor.keep(Part("PostgreSQL", postgres.launch, missing, postgres.answers), postgres.child)
    return postgres.create_database("prefect")


def _auth(wanted: Wanted, settings: Settings) -> str:
    """Return the server's user:password, by default one that was made at the first start."""
    if wanted.auth:
        return read_secret(wanted.auth, settings.aws).get_secret_value()
    return f"{USER}:{kept_secret(auth_file(wanted.folder))}"


def auth_file(home: Path) -> Path:
    """Return where the password lies that was made at the first start."""
    return home / "prefect.password"
