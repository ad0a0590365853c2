"""Serve everything on one machine until asked to stop; a release that is under way then comes home first."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from subprocess import SubprocessError

import httpx
from rich.console import Console

from deployments.endpoint import published
from deployments.operate import release_is_alive
from deployments.serving.house import USER, Say, at_home, auth_file
from deployments.serving.parts import House, Worker, approvals_part, deploy, guard_part
from deployments.serving.supervisor import Supervisor
from deployments.serving.wanted import Wanted
from deployments.twin.processes import free_port, is_free
from deployments.twin.stack import Twin
from tasks.errors import ReleaseError, SettingsError
from tasks.event_store import EventStore
from tasks.lock import read_lock
from tasks.settings import Settings, load_settings
from tasks.stops import Stop, ask_to_stop

HOME_WITHIN_S = 600.0
API, AUTH = "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"
STARTED_NOT = 1
TROUBLES = (RuntimeError, OSError, SubprocessError, httpx.HTTPError)
"""What a part that does not start, or a machine that is too slow, is told by."""


def serve(wanted: Wanted, console: Console) -> int:
    """Serve until KeyboardInterrupt; returns the exit code, and leaves no process behind. Raises SettingsError."""
    _refuse_taken(wanted.port, wanted.approvals_port)
    console.print(f"starting everything for {wanted.environment}; one log: {wanted.log}")
    try:
        say = partial(console.print, markup=False)
        with at_home(wanted, lambda text: say(f"  {text}")) as (house, supervisor, twin), _known_to_others(house, twin):
            port = wanted.approvals_port or free_port()
            if twin:
                twin.slack.interactivity_url = f"http://127.0.0.1:{port}/slack/interactivity"
            _start(house, supervisor, port)
            _say_where(wanted, house, twin, port, say)
            _keep(load_settings(wanted.environment), supervisor, say)
    except TROUBLES as error:
        console.print(f"could not serve {wanted.environment}: {error}", markup=False)
        return STARTED_NOT
    except KeyboardInterrupt:
        console.print("stopped")
    return 0


def _refuse_taken(*ports: int) -> None:
    """Refuse a port where another program answers: it would be taken for ours."""
    for port in ports:
        if port and not is_free(port):
            msg = f"port: found {port} taken by another program, expected a free one; without the option one is found"
            raise SettingsError(msg)


def _known_to_others(house: House, twin: Twin | None) -> AbstractContextManager[None]:
    """Let other terminals find the twin and its Prefect, or the Prefect of this environment."""
    if twin:
        return published(twin.environment)
    return published({name: house.told[name] for name in (API, AUTH)}, house.environment)


def _start(house: House, supervisor: Supervisor, approvals_port: int) -> None:
    """Start what needs Prefect and the environment, in the order in which one needs the other."""
    deploy(house)
    for part in (guard_part(house), approvals_part(house, approvals_port), Worker(house).part):
        supervisor.start(part)


def _keep(settings: Settings, supervisor: Supervisor, say: Say) -> None:
    try:
        supervisor.watch(lambda: False)
    finally:
        _bring_home(settings, supervisor, say)


def _bring_home(settings: Settings, supervisor: Supervisor, say: Say) -> None:
    """Ask a release that is alive to come home before its process ends with us, and wait for it."""
    try:
        lock = read_lock(EventStore(settings), settings.name)
        if lock is None or not release_is_alive(settings):
            return
        say(f"release {lock.release_id} is under way and comes home first; Ctrl-C again does not wait for it")
        wish = Stop(by="greenflow serve", reason="everything on this machine was asked to stop", at=datetime.now(UTC))
        ask_to_stop(settings, lock.release_id, wish)
        if not supervisor.watch(lambda: not release_is_alive(settings), HOME_WITHIN_S):
            say(f"it has not come home within {HOME_WITHIN_S:g} s; look with: greenflow status")
    except ReleaseError as error:
        say(f"could not bring a release home: {error}")


def _say_where(wanted: Wanted, house: House, twin: Twin | None, approvals_port: int, say: Say) -> None:
    lines = _on_the_twin(house, twin) if twin else _for_good(wanted, house, approvals_port)
    for line in (*lines, "Ctrl-C ends everything; a release that is under way comes home first"):
        say(line)


def _on_the_twin(house: House, twin: Twin) -> list[str]:
    version = twin.wish.version
    return [
        f"Prefect UI  {house.server.ui_url}",
        f"Slack       {twin.slack.page_url}",
        f"site        {twin.vercel.site_url}",
        f"API         {twin.url}",
        f"1. release {version}: {_form(house, 'release')}  (Version {version}, then Submit)",
        "2. when it pauses: press a button in Slack, or Resume in the Prefect UI",
        "3. look on: .venv/bin/greenflow status --environment rehearsal --watch",
    ]


def _for_good(wanted: Wanted, house: House, approvals_port: int) -> list[str]:
    made = f"user {USER}, password in {auth_file(wanted.folder)}"
    return [
        f"Prefect UI  {house.server.ui_url}  ({f'as {wanted.auth} says' if wanted.auth else made})",
        f"Slack       posts clicks to http://127.0.0.1:{approvals_port}/slack/interactivity, behind your TLS proxy",
        f"the form of release: {_form(house, 'release')}",
    ]


def _form(house: House, name: str) -> str:
    """Return where the form of a deployment is."""
    url = f"{house.server.ui_url}/api/deployments/name/{name}/{name}"
    found = httpx.get(url, auth=house.auth, timeout=10).raise_for_status().json()
    return f"{house.server.ui_url}/deployments/deployment/{found['id']}/run"
