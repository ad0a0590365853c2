"""No child outlives its twin, and none is started with more than it should know."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.twin import reaper
from deployments.twin.processes import MARK, Processes, free_port, loopback_address, survivors

PATIENCE_S = 15.0

SLEEPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(300)"]

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(300)
"""

DOUBLE_FORK = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("hidden", os.getpid(), flush=True)
        time.sleep(300)
    os._exit(0)
time.sleep(300 if sys.argv[1] == "stay" else 0)
"""

TWIN = """
import os, sys, time
from pathlib import Path
from deployments.twin.processes import Processes

script, log = sys.argv[1], Path(sys.argv[2])
with Processes("{twin_id}") as processes:
    processes.start([sys.executable, "-c", script, "stay"], log=log)
    processes.start([sys.executable, "-c", script, "leave"], log=log)
    print(processes.folder, flush=True)
    time.sleep(300)
"""


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.02)


def start_python(processes: Processes, script: str, log: Path, *arguments: str) -> int:
    child = processes.start([sys.executable, "-c", script, *arguments], log=log)
    return child.pid


def run_twin(twin_id: str, log: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", TWIN.format(twin_id=twin_id), DOUBLE_FORK, str(log)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def twin_folder(twin: "subprocess.Popen[str]") -> Path:
    assert twin.stdout is not None
    return Path(twin.stdout.readline().strip())


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_the_twin_ends_its_children_and_their_hidden_grandchildren(
    end: signal.Signals, tmp_path: Path
) -> None:
    twin_id, log = f"killed-{os.getpid()}-{end}", tmp_path / "log"
    with run_twin(twin_id, log) as twin:
        folder = twin_folder(twin)
        wait_until(lambda: log.exists() and log.read_text().count("hidden") == 2)
        assert len(survivors(twin_id)) >= 3
        twin.send_signal(end)
        assert twin.wait(PATIENCE_S) != 0
    wait_until(lambda: not survivors(twin_id))
    wait_until(lambda: not folder.exists())
    wait_until(lambda: not reapers_of(twin_id))


def reapers_of(twin_id: str) -> list[str]:
    listing = subprocess.run(["/bin/ps", "-axwwo", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if reaper.__file__ in line and twin_id in line]


def test_ctrl_c_for_the_whole_foreground_group_does_not_end_children_or_reaper_first(tmp_path: Path) -> None:
    twin_id, log = f"group-{os.getpid()}", tmp_path / "log"
    with run_twin(twin_id, log) as twin:
        twin_folder(twin)
        wait_until(lambda: log.exists() and log.read_text().count("hidden") == 2)
        listing = subprocess.run(["/bin/ps", "-axwwo", "pgid=,args="], capture_output=True, text=True, check=True)
        in_group = [line for line in listing.stdout.splitlines() if line.split()[0] == str(twin.pid)]
        assert len(in_group) == 1, "only the twin itself is in the group that Ctrl-C reaches"
        twin.kill()
    wait_until(lambda: not survivors(twin_id))


def test_a_reaper_ignores_from_its_birth_the_signals_a_terminal_sends(processes: Processes) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        processes._reaper.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        processes._reaper.wait(0.3)


def test_leaving_ends_a_child_that_ignores_sigterm_and_removes_the_folder(tmp_path: Path) -> None:
    with Processes() as processes:
        pid = start_python(processes, DEAF, tmp_path / "log")
        wait_until(lambda: "deaf" in (tmp_path / "log").read_text())
        (processes.folder / "left over").write_text("x")
        processes.close(grace_s=0.1)
    assert not processes.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_twin_whose_reaper_was_killed_cleans_up_itself(tmp_path: Path) -> None:
    with Processes() as processes:
        processes._reaper.kill()
        start_python(processes, DOUBLE_FORK, tmp_path / "log", "stay")
        wait_until(lambda: "hidden" in (tmp_path / "log").read_text())
    assert not survivors(processes.twin_id)
    assert not processes.folder.exists()


def test_a_reaper_whose_pipe_somebody_else_holds_still_hears_the_end() -> None:
    with Processes() as processes:
        assert processes._reaper.stdin is not None
        held = os.dup(processes._reaper.stdin.fileno())
        processes.close()
        assert processes._reaper.returncode == 0
        os.close(held)


def test_a_reaper_that_hangs_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.twin.processes._REAPER_PATIENCE_S", 0.2)
    with Processes() as processes:
        os.kill(processes._reaper.pid, signal.SIGSTOP)
    assert processes._reaper.returncode == -signal.SIGKILL
    assert not processes.folder.exists()


def test_a_child_that_ends_instead_of_getting_ready_is_quoted(processes: Processes, tmp_path: Path) -> None:
    child = processes.start([sys.executable, "-c", "exit('no room')"], log=tmp_path / "log", name="greedy")
    with pytest.raises(RuntimeError, match=r"could not start greedy: it ended with 1\nno room"):
        child.await_ready(lambda: False)


def test_the_last_words_of_a_child_are_its_own(processes: Processes, tmp_path: Path) -> None:
    for word in ("first", "second"):
        child = processes.start(["/bin/echo", word], log=tmp_path / "log")
        child.wait(PATIENCE_S)
    assert child.log_tail() == "second"


def test_a_child_that_never_gets_ready_is_given_up(processes: Processes, tmp_path: Path) -> None:
    child = processes.start(SLEEPER, log=tmp_path / "log")
    with pytest.raises(RuntimeError, match=r"in 0\.1 s"):
        child.await_ready(lambda: False, within_s=0.1)


def test_leaving_sweeps_up_a_grandchild_whose_parent_has_long_gone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Processes() as processes:
        child = processes.start([sys.executable, "-c", DOUBLE_FORK, "leave"], log=log)
        assert child.wait(PATIENCE_S) == 0
        wait_until(lambda: "hidden" in log.read_text())
        hidden = int(log.read_text().split()[1])
        assert hidden in survivors(processes.twin_id)
    assert not survivors(processes.twin_id)


def test_a_process_that_wiped_its_environment_is_found_by_its_session(processes: Processes, tmp_path: Path) -> None:
    wiped = processes.start(["/usr/bin/env", "-i", *SLEEPER], log=tmp_path / "log")
    wait_until(lambda: wiped.pid not in survivors(processes.twin_id))
    assert wiped.pid in survivors(processes.twin_id, {wiped.pid})


def test_another_twin_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    bystander = processes.start(SLEEPER, log=tmp_path / "log")
    with Processes() as other:
        other.start(SLEEPER, log=tmp_path / "other")
    assert bystander.poll() is None


def test_a_twin_inside_a_twin_cleans_up_although_the_outer_one_kills_it(tmp_path: Path) -> None:
    inner_id, log = f"inner-{os.getpid()}", tmp_path / "log"
    with Processes() as outer:
        script = TWIN.format(twin_id=inner_id)
        outer.start([sys.executable, "-c", script, DOUBLE_FORK, str(log)], cwd=Path.cwd(), log=tmp_path / "inner")
        wait_until(lambda: log.exists() and log.read_text().count("hidden") == 2)
        outer.close(grace_s=0.0)
    wait_until(lambda: not survivors(inner_id))


def test_stopping_lets_a_child_end_by_itself(processes: Processes, tmp_path: Path) -> None:
    polite = textwrap.dedent("""
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print("ready", flush=True)
        time.sleep(300)
    """)
    child = processes.start([sys.executable, "-c", polite], log=tmp_path / "log")
    wait_until(lambda: "ready" in child.log_tail())
    assert child.stop() == 7
    assert child.stop() == 7, "stopping twice is harmless"
    processes.forget(child)
    assert child not in processes._children


def test_a_child_gets_its_own_environment_and_not_ours(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the person at the desk")
    child = processes.start(["/usr/bin/env"], env={"APP_VERSION": "1.1.0"}, log=tmp_path / "log")
    assert child.wait(PATIENCE_S) == 0
    told = dict(line.split("=", 1) for line in (tmp_path / "log").read_text().splitlines())
    assert told["APP_VERSION"] == "1.1.0"
    assert told[MARK] == processes.twin_id
    assert "AWS_SECRET_ACCESS_KEY" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_can_start_a_child_as_nobody_without_roots_groups(processes: Processes, tmp_path: Path) -> None:
    child = processes.start(["/usr/bin/id"], user="nobody", cwd=Path("/"), log=tmp_path / "log")
    assert child.wait(PATIENCE_S) == 0
    assert "nobody" in child.log_tail()
    assert "(root)" not in child.log_tail()


def test_a_program_that_is_not_there_is_an_os_error(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        processes.start(["/nowhere/to/be/found"], log=tmp_path / "log")


def test_nothing_can_be_started_after_the_end(tmp_path: Path) -> None:
    with Processes() as processes:
        pass
    with pytest.raises(RuntimeError, match="twin is not running"):
        processes.start(SLEEPER, log=tmp_path / "log")


def test_the_process_table_of_ps_agrees_with_proc(processes: Processes, tmp_path: Path) -> None:
    child = processes.start(SLEEPER, log=tmp_path / "log")
    row = next(seen for seen in reaper._from_ps() if seen.pid == child.pid)
    assert (row.parent, row.session) == (os.getpid(), child.pid)


def test_free_ports_and_addresses_can_be_bound() -> None:
    port = free_port()
    address = loopback_address(port)
    assert address.startswith("127.")
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", port))
        second.bind((address, port))
