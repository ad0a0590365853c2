"""Rehearse: start the twin, run the very flow production runs in its own process, show it, write the report."""

import getpass
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from deployments.endpoint import published
from deployments.follow import Follower
from deployments.live_view import news, picture
from deployments.report_files import write_report
from deployments.twin.faults import SILENCES
from deployments.twin.processes import Child
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish
from flows.core.asking import WARY_OF
from flows.core.record import ReleaseState
from flows.core.report import ReleaseReport, report_of
from tasks.errors import ReleaseError
from tasks.event_store import EventStore, read_events
from tasks.models import Event
from tasks.sentences import Language, speaking
from tasks.settings import load_settings

LOOK_EVERY_S = 0.4
RUNS = 3
PERSON = "U0TWINPERSON"
SILENCE_EXPIRES = {"GREENFLOW_APPROVAL__EXPIRES_S": "20"}
"""Where nobody is going to answer, nobody needs to wait long for it."""
FULL = {"GREENFLOW_PERFORMANCE__LIGHTHOUSE__ENABLED": "true", "GREENFLOW_SECURITY__ZAP": "true"}
"""What takes a browser or a container engine, and its time."""
ENVIRONMENT = "rehearsal"


@dataclass(frozen=True)
class Rehearsal:
    """Say what is rehearsed and how it is shown."""

    version: str
    fault: str = ""
    by_hand: bool = False
    is_drill: bool = False
    full: bool = False
    reports: Path = Path("reports")
    requests_per_s: float = 120


@dataclass(frozen=True)
class Rehearsed:
    """Hold how a rehearsal ended: the flow's exit code, the report, the load balancer's own counts, the whole chain."""

    code: int
    report: ReleaseReport
    file: Path
    traffic: list[dict[str, Any]]
    events: tuple[Event, ...] = ()
    language: Language = "en"


def rehearse(rehearsal: Rehearsal, console: Console) -> Rehearsed:
    """Rehearse one release on a twin of its own; nothing of it is left but the report and the flow's log."""
    begun = time.monotonic()
    # People who rehearse trust the judge, and nothing else: to what it cannot vouch for they say nothing.
    person = Person(PERSON, decision="silent" if rehearsal.by_hand else "approve", wary_of=WARY_OF)
    wish = Wish(rehearsal.version, rehearsal.fault, person, rehearsal.requests_per_s)
    console.print(f"starting the twin, a local production of real parts, for release {rehearsal.version}")
    with Twin(wish, told=lambda text: console.print(f"  {time.monotonic() - begun:5.1f} s  {text}")) as twin:
        if twin.prefect:
            console.print(f"  Prefect UI of this run: {twin.prefect.ui_url}")
        with published(twin.environment):
            settings = load_settings(ENVIRONMENT)
            follower = Follower(settings)
            with speaking(settings.language):
                code = _release(twin, rehearsal, follower, console)
            state = follower.look()
            events = tuple(read_events(EventStore(settings), state.release_id)) if state.release_id else ()
        report = report_of(state.model_copy(update={"users": twin.users()}))
        file = write_report(report, rehearsal.reports, settings.language)
        shutil.copyfile(twin.folder / "release.log", file.with_suffix(".log"))
        traffic = twin.traffic()
    return Rehearsed(code, report, file, traffic, events, settings.language)


def _release(twin: Twin, rehearsal: Rehearsal, follower: Follower, console: Console) -> int:
    """Run the flow; a run that was killed is started again by the same command, as a supervisor would."""
    argv = [sys.executable, "-m", "deployments.run_flow", "drill" if rehearsal.is_drill else "rehearsal"]
    argv += ["--version", rehearsal.version, "--requested-by", getpass.getuser()]
    hurry = SILENCE_EXPIRES if rehearsal.fault in SILENCES and not rehearsal.by_hand else {}
    looks = FULL if rehearsal.full else {}
    code = 1
    for _ in range(RUNS):
        child = twin.start(argv, "release.log", {**hurry, **looks})
        code = _watch(twin, child, follower, console)
        if code >= 0:
            break
        console.print(f"the release's process was killed ({signal.Signals(-code).name}); starting it again")
    return code


def _watch(twin: Twin, child: Child, follower: Follower, console: Console) -> int:
    """Show the release until its process ends; Ctrl-C asks it to come home and goes on showing."""
    show = _show_live if console.is_terminal else _show_lines
    while True:
        try:
            show(twin, child, follower, console)
        except KeyboardInterrupt:
            console.print("asked to stop: the release brings the traffic home first")
            child.terminate()
            continue
        return child.wait()


def _show_live(twin: Twin, child: Child, follower: Follower, console: Console) -> None:
    addresses = (f"API {twin.url}", f"Prefect {twin.prefect.ui_url}" if twin.prefect else "")
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while child.poll() is None:
            live.update(picture(_look(follower), twin.users(), addresses))
            threading.Event().wait(LOOK_EVERY_S)
    console.print(picture(_look(follower), twin.users(), addresses))


def _show_lines(_: Twin, child: Child, follower: Follower, console: Console) -> None:
    before = follower.state
    while True:
        ended = child.poll() is not None
        after = _look(follower)
        for line in news(before, after):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        before = after
        if ended:
            return
        threading.Event().wait(LOOK_EVERY_S)


def _look(follower: Follower) -> ReleaseState:
    try:
        return follower.look()
    except ReleaseError:
        return follower.state  # the next look may see more; the release itself does not need us
