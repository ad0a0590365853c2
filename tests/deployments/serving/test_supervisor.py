"""Whatever ends is started again, with pauses that grow; what keeps ending is said plainly; one log has it all."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from deployments.serving.one_log import OneLog, Written
from deployments.serving.supervisor import Part, Supervisor
from deployments.twin.processes import Processes


class Scene:
    """Hold a supervisor, its processes and what it has said."""

    def __init__(self, processes: Processes, log: OneLog) -> None:
        self.said: list[str] = []
        self.processes = processes
        self.supervisor = Supervisor(processes, log, self.said.append)

    def part(self, name: str, script: str, is_ready: Callable[[], bool] = lambda: True) -> Part:
        argv, file = [sys.executable, "-S", "-u", "-c", script], self.processes.folder / f"{name}.log"
        return Part(name, lambda: self.processes.start(argv, log=file), f"no {name}", is_ready)


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "serve.log"


@pytest.fixture
def scene(log_file: Path) -> Iterator[Scene]:
    with Processes() as processes, closing(OneLog(log_file)) as log:
        yield Scene(processes, log)


def kill(scene: Scene) -> None:
    scene.supervisor._kept[0].child.kill()


def is_up(log: Path) -> bool:
    return b"up" in log.read_bytes()


def eventually(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_what_is_killed_is_started_again_after_a_pause_and_greeted_when_it_is_ready(scene: Scene) -> None:
    ready = [True]
    scene.supervisor.start(scene.part("sleeper", "import time; time.sleep(60)", lambda: ready[0]))
    first = scene.supervisor.pid_of("sleeper")
    ready[0] = False
    kill(scene)
    scene.supervisor.look(100.0)
    scene.supervisor.look(100.9)
    assert scene.supervisor.pid_of("sleeper") == first
    scene.supervisor.look(101.0)
    assert scene.supervisor.pid_of("sleeper") != first
    scene.supervisor.look(103.0)
    ready[0] = True
    scene.supervisor.look(104.0)
    assert scene.said == [
        "sleeper is up",
        "sleeper ended by SIGKILL; starting it again in 1 s; until then no sleeper",
        "sleeper is back after 4 s",
    ]


def test_what_keeps_ending_is_said_plainly_with_its_last_words_and_tried_for_ever(scene: Scene) -> None:
    scene.supervisor.keep(part := scene.part("broken", "print('no such pool'); raise SystemExit(3)"), part.begin())
    for turn in range(8):
        eventually(lambda: scene.supervisor._kept[0].child.poll() is not None)
        scene.supervisor.look(31.0 * turn)
        scene.supervisor.look(31.0 * turn + 30)
    pauses = [line for line in scene.said if "in " in line]
    assert pauses[0] == "broken ended with code 3; starting it again in 1 s; until then no broken"
    assert "broken KEEPS ENDING: 8 times within 300 s, now with code 3; no broken. Trying again in 30 s." in pauses[-1]
    assert scene.said[-1] == "    no such pool"


def test_a_part_that_never_becomes_ready_ends_the_start_with_its_own_words(scene: Scene) -> None:
    part = scene.part("approvals", "print('no Slack token'); raise SystemExit(2)", lambda: False)
    with pytest.raises(RuntimeError, match=r"(?s)it ended with 2.*no Slack token"):
        scene.supervisor.start(part)


def test_the_last_part_ends_first(scene: Scene) -> None:
    order = scene.processes.folder / "order"
    for name in ("a", "b"):
        at_end = f"open({str(order)!r}, 'a').write('{name}'), exit()"
        script = f"import signal, time; signal.signal(15, lambda *_: ({at_end})); print('up'); time.sleep(60)"
        scene.supervisor.start(scene.part(name, script, partial(is_up, scene.processes.folder / f"{name}.log")))
    scene.supervisor.stop()
    assert order.read_text() == "ba"


def test_one_log_has_every_line_with_the_name_of_its_writer(scene: Scene, log_file: Path) -> None:
    scene.supervisor.start(scene.part("guard", "print('rehearsal: all is well'); import time; time.sleep(60)"))

    def written() -> bool:
        scene.supervisor.look(0.0)
        return "guard | rehearsal: all is well" in log_file.read_text()

    eventually(written)
    assert "serve | guard is up" in log_file.read_text()


def test_a_log_is_emptied_before_it_grows_large_and_no_line_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "part.log"
    file.write_text("from the last start\n")
    written = Written(file, largest_bytes=60)
    found: list[str] = []
    with file.open("a") as log:
        for number in range(30):
            log.write(f"line {number}\nhalf a ")
            log.flush()
            found += written.lines()
    assert [line.removeprefix("half a ") for line in found] == [f"line {number}" for number in range(30)]
    assert file.stat().st_size < 100
